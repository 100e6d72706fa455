"""The commands end to end on a small suite, the README's table, and that committed pages are what the report makes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from jsonschemabench import __main__ as cli
from jsonschemabench import report, startup
from jsonschemabench.runner import read_rows

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs" / "benchmarks"
LAPS = {"numba_s": 0.25, "kernels_s": 0.5, "vocabulary_s": 0.1, "first_schema_s": 0.002, "loaded": 7, "compiled": 0}
STARTUP = {
    "repeats": 1,
    "import_s": 0.1234,
    "import_heavy": [],
    "cached": LAPS,
    "empty": {**LAPS, "kernels_s": 12.3, "loaded": 0, "compiled": 7},
}
README = f"# Title\n\n{report.BEGIN}\nold\n{report.END}\n\nmore\n"


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    tests = [{"valid": True, "data": 1}, {"valid": False, "data": 2}]
    rows = [{"name": f"n{k}", "split": f"s{k % 2}", "schema": {"texts": ["1"]}, "tests": tests} for k in range(6)]
    rows.append({"name": "no", "split": "s0", "schema": {"do": "refuse"}, "tests": tests})
    path = tmp_path / "suite.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def common(suite: Path, out: Path) -> list[str]:
    return ["--engines", "tests.bench.toy:Toy,tests.bench.toy:Absent", "--data", str(suite), "--tokenizer", "bytes",
            "--out", str(out)]  # fmt: skip


@pytest.fixture
def speed(suite: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    given = ["--per-split", "3", "--rows", str(tmp_path), *common(suite, tmp_path / "speed.md")]
    assert cli.main(["speed", *given]) == 0
    assert "Absent is not installed" in capsys.readouterr().err
    result: dict[str, Any] = json.loads((tmp_path / "speed.json").read_text())
    return result


def test_speed_writes_what_it_prints(speed: dict[str, Any], tmp_path: Path) -> None:
    page = (tmp_path / "speed.md").read_text()
    assert page == report.speed(speed)
    rows = read_rows(tmp_path / "speed-tests.bench.toy:Toy.jsonl")
    assert len(rows) == 6 and all("mask_ns" in row or "refused" in row for row in rows.values())
    assert speed["sample"]["schemas"] == 6 and speed["sample"]["splits"] == 2
    counts = speed["outcomes"]["tests.bench.toy:Toy"]
    assert counts["right"] + counts["refused"] == 6 and counts["wrong"] == 0
    assert str(tmp_path) not in page and "left out: tests.bench.toy:Absent" in page
    for line in (
        "| mask + accept, µs: p99.9 |",
        "| first mask (compile + mask), ms: p50 |",
        "memory after a schema, MB",
    ):
        assert line in page


def test_the_readme_is_filled_between_its_marks(speed: dict[str, Any], tmp_path: Path) -> None:
    readme, given = tmp_path / "README.md", ["--result", str(tmp_path / "speed.json")]
    readme.write_text(README)
    command = ["readme", *given, "--readme", str(readme)]
    assert cli.main([*command, "--check"]) == 1 and readme.read_text() == README
    assert cli.main(command) == 0
    filled = readme.read_text()
    assert filled.startswith("# Title\n") and filled.endswith(f"{report.END}\n\nmore\n") and "old" not in filled
    assert report.readme(speed) in filled
    assert cli.main([*command, "--check"]) == 0


@pytest.mark.parametrize("text", ["", report.BEGIN, report.END + report.BEGIN, README + README])
def test_a_readme_without_marks_is_not_written(speed: dict[str, Any], text: str) -> None:
    with pytest.raises(RuntimeError, match="speed:begin"):
        report.fill_readme(text, speed)


def test_start_up_rows(speed: dict[str, Any]) -> None:
    page = report.speed({**speed, "startup": STARTUP})
    assert "| `import constrain` (loads none of torch, transformers, numba) | 0.12 | – |" in page
    assert "| all kernels (7) | 0.50 | 12.3 |" in page
    assert "| vocabulary of 257 tokens, from their bytes | 0.10 | 0.10 |" in page


def test_a_failing_start_up_probe_says_why() -> None:
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        startup._probe("1 / 0")


def test_coverage_fails_on_what_is_wrong_only(suite: Path, tmp_path: Path) -> None:
    given = [*common(suite, tmp_path / "coverage.md"), "--rows", str(tmp_path)]
    assert cli.main(["coverage", *given]) == 0
    result = json.loads((tmp_path / "coverage.json").read_text())
    assert (tmp_path / "coverage.md").read_text() == report.coverage(result)
    assert result["coverage"]["tests.bench.toy:Toy"]["counts"] == {"right": 6, "refused": 1}
    assert cli.main(["coverage", *given, "--only", "n0"]) == 0
    broken = suite.read_text().replace('{"texts": ["1"]}', '{"texts": []}', 1)
    suite.write_text(broken)
    assert cli.main(["coverage", *given]) == 1


def test_what_is_missing_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["speed", "--data", str(tmp_path / "none.jsonl"), "--engines", "tests.bench.toy:Toy"]) == 1
    assert cli.main(["speed", "--engines", "nonesuch"]) == 1
    said = capsys.readouterr().err
    assert "no suite at" in said and "no engine nonesuch" in said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"name": "a", "schema": {}, "tests": []}\n{', "line 2: JSONDecodeError"),
        ('{"schema": {}, "tests": []}', "line 1: KeyError"),
        ("[1]", "line 1: TypeError"),
        (b"\xff\xfe", "line 1: UnicodeDecodeError"),
        ("", "no schema is left"),
    ],
)
def test_a_file_that_is_no_suite(
    content: str | bytes, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "suite.jsonl"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    assert cli.main(["coverage", *common(path, tmp_path / "x.md")]) == 1
    assert said in capsys.readouterr().err
    (tmp_path / "suite.jsonl.xz").write_bytes(b"no archive")
    assert cli.main(["coverage", *common(tmp_path / "suite.jsonl.xz", tmp_path / "x.md")]) == 1
    assert "is no suite" in capsys.readouterr().err
    assert not (tmp_path / "x.md").exists()


def test_wrong_options(suite: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = common(suite, tmp_path / "x.md")
    for engine in ("nonesuch.module:Engine", "json:Engine", "json:dumps", ":"):
        assert cli.main(["speed", *given, "--engines", engine]) == 1
        assert f"jsonschemabench: no engine {engine}: " in capsys.readouterr().err
    assert cli.main(["speed", *given, "--only", "nonesuch"]) == 1
    assert "'nonesuch' in its name" in capsys.readouterr().err
    for option in (["--per-split", "0"], ["--compile-s", "nan"], ["--memory-gb", "-1"], ["--tokenizer", "nonesuch"]):
        with pytest.raises(SystemExit) as exit_:
            cli.main(["speed", *given, *option])
        assert exit_.value.code == 2
        assert f"argument {option[0]}: invalid" in capsys.readouterr().err
    for content, said in (("{", "JSONDecodeError"), ("{}", "KeyError"), ("[]", "TypeError"), (None, "No such file")):
        result, readme = tmp_path / "result.json", tmp_path / "README.md"
        result.unlink(missing_ok=True)
        if content is not None:
            result.write_text(content)
        readme.write_text(README)
        assert cli.main(["readme", "--result", str(result), "--readme", str(readme)]) == 1
        assert said in capsys.readouterr().err and readme.read_text() == README


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.0, "0"),
        (1.0, "1.00"),
        (7, "7"),
        (None, "–"),
        (float("nan"), "–"),
        (0.0123, "0.012"),
        (1.234, "1.23"),
        (12.34, "12.3"),
        (1234.5, "1234"),
    ],
)
def test_figures(value: float | None, text: str) -> None:
    assert report._figure(value) == text


@pytest.mark.parametrize(("name", "page"), [("speed", report.speed), ("coverage", report.coverage)])
def test_committed_pages_are_generated(name: str, page: Any) -> None:
    """Nobody has typed a figure: the page is what the report makes of the JSON beside it, and so is the README."""
    result = RESULTS / f"{name}.json"
    if not result.exists():
        pytest.skip(f"no result is committed: docs/benchmarks/{name}.json")
    about = json.loads(result.read_text(encoding="utf-8"))
    assert result.with_suffix(".md").read_text(encoding="utf-8") == page(about)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    if name == "speed" and report.BEGIN in readme:
        assert report.fill_readme(readme, about) == readme


def test_pages_for_readers_hold_no_path_of_the_machine() -> None:
    for path in RESULTS.glob("*.md"):
        lines = path.read_text(encoding="utf-8").splitlines()
        own = "\n".join(line for line in lines if not line.startswith("- `"))  # the others quote the suite
        assert not re.search(r"(?<![\w.])/(work|tmp|root|home)/", own), path
