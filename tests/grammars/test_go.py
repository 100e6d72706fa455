"""The Go grammar against gofmt: its answers to a list of texts, files of HumanEval-Go and MBXP-Go, and more mistakes
where gofmt is installed."""

from __future__ import annotations

import json
import lzma
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.grammars.reading import SHARED, mistakes, reads

# Answers of `gofmt -e` of Go 1.27. "valid to gofmt only": what it leaves to the compiler (types as operands, := of what
# are no names, `.(type)` outside of switch, constants without values) and the grammar refuses
ANSWERS = json.loads(Path(__file__).with_name("go_answers.json").read_text("utf-8"))
GOFMT = shutil.which("gofmt")
BROKEN = {"MBGP/217": "its tests hold a NUL character"}

PIECES = (
    "if else for range func ( ) [ ] { } , ; : := = == + - * & ! <- < > . ... ++ -- 1 x y T \"a\" 'b' `c` int "
    "map[string]int []int chan struct{} interface{} return break go defer switch case default select var const // \n"
)


@pytest.mark.parametrize("verdict", ANSWERS)
def test_answers_of_gofmt(verdict: str) -> None:
    read = reads("go")
    assert len(ANSWERS[verdict]) > 20
    for text in ANSWERS[verdict]:
        assert read(text) == (verdict == "valid"), text


@pytest.mark.parametrize(("name", "step"), [
    ("humaneval_go", 1), ("mbxp_go", 6), pytest.param("mbxp_go", 1, marks=pytest.mark.slow)
])  # fmt: skip
@pytest.mark.skipif(not (SHARED / "data/aligned").exists(), reason="shared/data/aligned")
def test_programs(name: str, step: int) -> None:
    """Each prompt, with the shortest body and the tests behind it, is a file."""
    read = reads("go")
    with lzma.open(SHARED / f"data/aligned/{name}.jsonl.xz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    assert len(rows) == {"humaneval_go": 160, "mbxp_go": 939}[name]
    for row in rows[::step]:
        text = row["prompt"] + "\treturn nil\n}\n" + row["test"]
        assert read(text) == (row["task_id"] not in BROKEN), row["task_id"]


def valid(texts: list[str], folder: Path) -> list[bool]:
    assert GOFMT is not None
    files = [folder / f"{i}.go" for i in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        file.write_text(text, "utf-8", newline="")
    said = subprocess.run([GOFMT, "-e", "-l", *map(str, files)], capture_output=True, text=True, check=False).stderr
    bad = {line.split(":")[0] for line in said.splitlines()}
    return [str(file) not in bad for file in files]


@pytest.mark.slow
@pytest.mark.skipif(GOFMT is None, reason="gofmt is not installed")
def test_mistakes(tmp_path: Path) -> None:
    rng = random.Random(4)
    read = reads("go")
    texts = [mistakes(rng.choice(ANSWERS["valid"]), PIECES, rng) for _ in range(4000)]
    stricter = 0
    for text, expected in zip(texts, valid(texts, tmp_path), strict=True):
        if read(text) != expected:
            assert expected, text  # what gofmt refuses, the grammar refuses
            stricter += 1
    assert stricter < 100
