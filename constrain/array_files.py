"""Arrays on disk: one file in a plain format, written in one step, trusted only after its checksum was verified."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from constrain.paths import writable

MAGIC = b"constrain arrays 1\n"
ALIGN = 64  # bytes; arrays begin at multiples of this
_PLAIN = frozenset("biuf")  # kinds of dtype that a file may hold: never objects
_usable: dict[Path, bool] = {}

Arrays = dict[str, npt.NDArray[Any]]


def packed(arrays: Mapping[str, npt.NDArray[Any]], meta: Mapping[str, Any]) -> bytes:
    """Arrays and a JSON-able `meta` as bytes; `unpacked` is the reverse.

    Layout: magic line, SHA-256 of what follows (32 bytes), length of the header (8 bytes, little endian), header
    (JSON: meta, and of each array its name, dtype, shape and offset), the arrays, each at a multiple of 64 bytes.
    """
    entries, blobs, at = [], [], 0
    for name, array in arrays.items():
        blob = np.ascontiguousarray(array).tobytes()
        entries.append([name, array.dtype.str, list(array.shape), at])
        padding = -len(blob) % ALIGN
        blobs.append(blob + b"\0" * padding)
        at += len(blob) + padding
    header = json.dumps({"meta": meta, "arrays": entries}, ensure_ascii=True).encode()
    fixed = len(MAGIC) + 32 + 8
    header += b" " * (-(fixed + len(header)) % ALIGN)
    body = len(header).to_bytes(8, "little") + header + b"".join(blobs)
    return MAGIC + hashlib.sha256(body).digest() + body


def unpacked(data: bytes | bytearray) -> tuple[Arrays, dict[str, Any]] | None:
    """The arrays and the meta of such bytes, or None when they are damaged or of another version.

    The arrays are views of the bytes.
    """
    fixed = len(MAGIC) + 32
    view = memoryview(data)
    if data[: len(MAGIC)] != MAGIC or hashlib.sha256(view[fixed:]).digest() != data[len(MAGIC) : fixed]:
        return None
    try:
        size = int.from_bytes(view[fixed : fixed + 8], "little")
        header = json.loads(bytes(view[fixed + 8 : fixed + 8 + size]))
        arrays: Arrays = {}
        for name, text, shape, at in header["arrays"]:
            dtype = np.dtype(text)
            if dtype.kind not in _PLAIN:
                return None
            count = int(np.prod(shape, dtype=np.int64))
            arrays[name] = np.frombuffer(view, dtype, count, fixed + 8 + size + at).reshape(shape)
        return arrays, dict(header["meta"])
    except (ValueError, KeyError, TypeError):
        return None


def write_arrays(path: Path, arrays: Mapping[str, npt.NDArray[Any]], meta: Mapping[str, Any]) -> bool:
    """Write `packed` arrays to `path` in one step; False when the folder does not let us.

    Readers see the old file or the new one, never a half: the bytes go to a temporary file that then takes the name.
    """
    data = packed(arrays, meta)
    temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
    try:
        with temporary.open("xb") as file:
            file.write(data)
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        return False
    return True


def read_arrays(path: Path) -> tuple[Arrays, dict[str, Any]] | None:
    """The arrays and the meta of a file, or None when it is missing, damaged or of another version.

    The arrays are views of one buffer in memory; they are writeable as far as numpy knows, since kernels that were
    compiled for ordinary arrays do not take read-only ones.
    """
    try:
        return unpacked(bytearray(path.read_bytes()))
    except OSError:
        return None


def make_room(folder: Path, room: int) -> None:
    """Remove the files that were used longest ago until the others fit in so many bytes."""
    files = []
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                status = entry.stat()
                files.append((status.st_mtime_ns, status.st_size, entry.path))
    total = sum(size for _, size, _ in files)
    for _, size, path in sorted(files):
        if total <= room:
            break
        with contextlib.suppress(OSError):
            os.unlink(path)
        total -= size


def usable(folder: Path) -> bool:
    """Can files be kept in this folder? It is made if it is missing; the answer is remembered."""
    if folder not in _usable or (_usable[folder] and not folder.is_dir()):
        _usable[folder] = writable(folder)
    return _usable[folder]
