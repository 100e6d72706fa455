"""The grammars that come with the package by name: in `grammars/` of a checkout, installed in `constrain/grammars/`."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parents[1]
_FOLDERS = (_PACKAGE / "grammars", _PACKAGE.parent / "grammars")


def shipped_folders() -> tuple[Path, ...]:
    """Where they may lie."""
    return _FOLDERS


def shipped_names() -> list[str]:
    """The names of all grammars, sorted."""
    return sorted({file.stem for folder in _FOLDERS for file in folder.glob("*.lark")})


def shipped_file(name: str) -> Path | None:
    """The file of a grammar; None if there is none of that name."""
    if not name.isidentifier():
        return None
    for folder in _FOLDERS:
        file = folder / f"{name}.lark"
        if file.is_file():
            return file
    return None


def shipped_text(name: str) -> str | None:
    """The text of a grammar; None if there is none of that name."""
    file = shipped_file(name)
    return None if file is None else file.read_text("utf-8")
