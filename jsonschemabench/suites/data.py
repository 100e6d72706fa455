"""Where the data of a suite is: a local folder, or its public home, from which it is fetched once into the cache."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import lzma
import os
import tarfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsonschemabench.suites.base import MissingData
from jsonschemabench.tokenizers import cache_dir

TIMEOUT_S = 60


@dataclass(frozen=True)
class Data:
    """folder: where files are looked for first (also in its folder `aligned`); fetch: may public homes be asked."""

    folder: Path
    fetch: bool = True

    def find(self, name: str, home: str) -> Path:
        """The file of that name, plain or with `.xz`, fetched from `home` if it is nowhere. Raises MissingData."""
        kept = cache_dir() / "data" / hashlib.sha256(home.encode()).hexdigest()[:12] / name
        for path in (self.folder / name, self.folder / "aligned" / name, kept):
            for found in (path, path.with_name(path.name + ".xz")):
                if found.is_file():
                    return found
        if not self.fetch:
            raise MissingData(f"no {name} in {self.folder} (and fetching {home} was not allowed)")
        try:
            with urllib.request.urlopen(home, timeout=TIMEOUT_S) as answer:
                content = answer.read()
        except (OSError, urllib.error.URLError) as error:
            raise MissingData(f"no {name} in {self.folder}, and {home} can't be fetched: {error}") from None
        kept.parent.mkdir(parents=True, exist_ok=True)
        part = kept.with_name(f"{kept.name}.{os.getpid()}")
        part.write_bytes(content)
        part.replace(kept)
        return kept


def read_text(path: Path) -> str:
    """A text file, unpacked if it ends in `.xz`."""
    content = path.read_bytes()
    return (lzma.decompress(content) if path.suffix == ".xz" else content).decode("utf-8")


def read_lines(path: Path) -> list[dict[str, Any]]:
    """A file of JSON lines."""
    return [json.loads(line) for line in read_text(path).splitlines() if line.strip()]


def read_csv(path: Path) -> list[dict[str, str]]:
    """A file of comma-separated values with a head line."""
    return list(csv.DictReader(io.StringIO(read_text(path))))


def read_archive(path: Path) -> Iterator[tuple[str, str]]:
    """(path, text) of every JSON file in a tar archive, in the order of their paths."""
    with tarfile.open(path) as archive:
        files = (member for member in archive.getmembers() if member.isfile() and member.name.endswith(".json"))
        for member in sorted(files, key=lambda member: member.name):
            opened = archive.extractfile(member)
            assert opened is not None
            yield member.name, opened.read().decode("utf-8")
