"""The Python blocks of the pages run as they stand, and their links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import constrain

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#([^)\s]+))?\)")
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
MODEL = "AutoModelForCausalLM"  # a block with a model in it needs torch, and is tested in tests/decoding

SETTING: dict[str, str] = {  # what a page's blocks take from the reader's program
    "README.md": """
import constrain
from constrain import Vocabulary
class tokenizer: ...
Vocabulary.from_transformers = lambda _: Vocabulary.from_tokens([*(bytes([b]) for b in range(256)), b""], eos=256)
c = constrain.choice(["yes", "no"])
token_id = ord("y")
""",
    "docs/limits.md": "import constrain\nschema = {'type': 'integer'}",
    "docs/grammars.md": "",
    "docs/json-schema.md": "",
    "docs/serving.md": "",
    "docs/inputs.md": "",
    "docs/sampling.md": "",
    "docs/errors.md": "",
}


def blocks(name: str) -> list[tuple[int, str]]:
    """(line, code) of a page's Python blocks that need no model."""
    text = (ROOT / name).read_text("utf-8")
    return [(text[: m.start(1)].count("\n"), m[1]) for m in BLOCK.finditer(text) if MODEL not in m[1]]


@pytest.mark.parametrize("name", SETTING)
def test_blocks_run(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(constrain.Vocabulary, "from_transformers", constrain.Vocabulary.from_transformers)
    monkeypatch.chdir(tmp_path)
    found = blocks(name)
    assert found
    names: dict[str, Any] = {}
    exec(SETTING[name], names)
    for line, code in found:
        exec(compile("\n" * line + code, ROOT / name, "exec", dont_inherit=True), names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    names = ("speed", "coverage", "report", "report-reading", "texts", "texts-reading")  # written by benchmark runs
    generated = {ROOT / "docs" / "benchmarks" / f"{name}.{kind}" for name in names for kind in ("md", "html")}
    for target, anchor in LINK.findall(page.read_text("utf-8")):
        if "://" in target:
            continue
        path = (page.parent / target).resolve()
        assert path.exists() or path in generated, target
        if anchor:
            heads = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w\- ]", "", head).strip().lower().replace(" ", "-") for head in heads}, anchor
