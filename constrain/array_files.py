"""Arrays on disk: one file in a plain format, written in one step, trusted only after its checksum was verified."""

from __future__ import annotations

import contextlib
import json
import os
import uuid
from collections.abc import Callable, Mapping
from io import FileIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from constrain.paths import writable

MAGIC = b"constrain arrays 2\n"
ALIGN = 64  # bytes; arrays begin at multiples of this
FIXED = 64  # bytes before the header: the magic line, then at SUM the checksum, and the length of the header
SUM = 48
BLOCK = 512  # words of 64 bits that are added up as they are
_PLAIN = frozenset("biuf")  # kinds of dtype that a file may hold: never objects
_usable: dict[Path, bool] = {}

Arrays = dict[str, npt.NDArray[Any]]
Buffer = bytes | bytearray | memoryview
Places = Callable[[str, int, dict[str, Any]], npt.NDArray[Any] | None]


def packed(arrays: Mapping[str, npt.NDArray[Any]], meta: Mapping[str, Any]) -> bytes:
    """Arrays and a JSON-able `meta` as bytes; `unpacked` is the reverse.

    Layout: magic line, padded to 48 bytes; checksum of the header (8 bytes, little endian) and its length (likewise);
    header (JSON: meta, and of each array its name, dtype, shape and checksum); the arrays, each padded with zeros to a
    multiple of 64 bytes.
    """
    entries, blobs = [], []
    for name, array in arrays.items():
        blob = np.ascontiguousarray(array).tobytes()
        entries.append([name, array.dtype.str, list(array.shape), checksum(blob).hex()])
        blobs.append(blob + b"\0" * (-len(blob) % ALIGN))
    header = json.dumps({"meta": meta, "arrays": entries}, ensure_ascii=True).encode()
    header += b" " * (-(FIXED + len(header)) % ALIGN)
    front = MAGIC.ljust(SUM, b"\0") + checksum(header) + len(header).to_bytes(8, "little")
    return b"".join([front, header, *blobs])


class _Entry(NamedTuple):
    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    sum: bytes
    at: int  # the first byte, and the one after the last, without what pads it
    end: int

    @property
    def size(self) -> int:
        return (self.end - self.at) // self.dtype.itemsize


def _header_size(front: bytes | memoryview, total: int) -> int:
    """The size of the header that the first bytes of so many announce; 0: this is something else."""
    if len(front) < FIXED or front[:SUM] != MAGIC.ljust(SUM, b"\0"):
        return 0
    size = int.from_bytes(front[SUM + 8 : FIXED], "little")
    return size if size <= total - FIXED else 0


def _header(front: bytes | memoryview, header: bytes, total: int) -> tuple[list[_Entry], dict[str, Any]] | None:
    """What a header says, None where it is damaged, or not that of so many bytes."""
    if checksum(header) != front[SUM : SUM + 8]:
        return None
    entries: list[_Entry] = []
    at = FIXED + len(header)
    try:
        read = json.loads(header)
        for name, text, shape, digits in read["arrays"]:
            dtype = np.dtype(text)
            if dtype.kind not in _PLAIN or min(shape, default=0) < 0:
                return None
            end = at + int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
            entries.append(_Entry(name, dtype, tuple(shape), bytes.fromhex(digits), at, end))
            at = end + -end % ALIGN
        return (entries, dict(read["meta"])) if at == total else None
    except (ValueError, KeyError, TypeError):
        return None


def unpacked(data: Buffer) -> tuple[Arrays, dict[str, Any]] | None:
    """The arrays and the meta of such bytes, or None when they are damaged or of another version.

    The arrays are views of the bytes.
    """
    view = memoryview(data)
    size = _header_size(view[:FIXED], len(view))
    head = _header(view, bytes(view[FIXED : FIXED + size]), len(view)) if size else None
    if head is None:
        return None
    arrays: Arrays = {}
    for entry in head[0]:
        blob = view[entry.at : entry.end]
        if checksum(blob) != entry.sum or any(view[entry.end : entry.end + -entry.end % ALIGN]):
            return None
        arrays[entry.name] = np.frombuffer(blob, entry.dtype).reshape(entry.shape)
    return arrays, head[1]


def checksum(data: Buffer) -> bytes:
    """8 bytes that tell damaged data: sums of blocks, each times another odd number, modulo 2**64.

    Against accidents, not against whoever writes to the folder: these could put any sum there.
    """
    whole = len(data) // (8 * BLOCK) * (8 * BLOCK)
    blocks = np.frombuffer(data[:whole], "<u8").reshape(-1, BLOCK).sum(axis=1, dtype=np.uint64)
    weights = 2 * np.arange(len(blocks), dtype=np.uint64) + 1
    rest = np.frombuffer(bytes(data[whole:]).ljust(8 * BLOCK, b"\0"), "<u8").sum(dtype=np.uint64)
    total = int((blocks * weights).sum(dtype=np.uint64)) + 3 * int(rest) + 5 * len(data)
    return (total & 0xFFFFFFFFFFFFFFFF).to_bytes(8, "little")


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


def read_arrays(path: Path, places: Places | None = None) -> tuple[Arrays, dict[str, Any]] | None:
    """The arrays and the meta of a file, or None when it is missing, damaged or of another version.

    places: is asked with the name and the size of each array, and the meta, for a vector of its dtype to read it into
    (None: this is not the file that was wanted). Where the file is damaged something may have been written there.
    """
    try:
        with path.open("rb", buffering=0) as file:
            total = os.fstat(file.fileno()).st_size
            front = file.read(FIXED)
            size = _header_size(front, total)
            head = _header(front, file.read(size), total) if size else None
            if head is None:
                return None
            arrays: Arrays = {}
            for entry in head[0]:
                place = places(entry.name, entry.size, head[1]) if places else np.empty(entry.size, entry.dtype)
                if place is None or not _read_into(file, entry.at, place):
                    return None
                if checksum(place.view(np.uint8).data) != entry.sum or any(file.read(-entry.end % ALIGN)):
                    return None
                arrays[entry.name] = place.reshape(entry.shape)
    except OSError:
        return None
    return arrays, head[1]


def _read_into(file: FileIO, at: int, place: npt.NDArray[Any]) -> bool:
    """Fill a vector with the bytes from `at` on. False: there are fewer."""
    file.seek(at)
    left = place.view(np.uint8).data
    while len(left):
        n = file.readinto(left)
        if not n:
            return False
        left = left[n:]
    return True


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
