"""A run from end to end with toy engines: rows, resume, interruption, validators, pages, comparison."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import types
import zlib
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from typer.testing import CliRunner

from jsonschemabench import comparison, execution, judging, pages, reading, summary
from jsonschemabench.cli import app
from jsonschemabench.plan import Plan, PlanChanged, Results
from jsonschemabench.run import read_judged, run
from jsonschemabench.runner import read_rows
from jsonschemabench.suites import Case, Data, Instance, Suite
from jsonschemabench.summary import outcome

TOY, ABSENT = "tests.bench.toy:Toy", "tests.bench.toy:Absent"
SUITE = "tests.bench.test_runs:Small"


def case(name: str, schema: Any, valid: tuple[Any, ...] = (1,), invalid: tuple[Any, ...] = (2,)) -> Case:
    instances = [Instance(True, json.dumps(x)) for x in valid] + [Instance(False, json.dumps(x)) for x in invalid]
    return Case(name, name.partition("-")[0], json.dumps(schema), tuple(instances))


class Small(Suite):
    """Cases that the toy engine treats in every way that there is."""

    name = "small"
    about = "a suite for tests"
    made: ClassVar[tuple[Case, ...]] = (
        case("a-right", {"texts": ["1"], "const": 1}),
        case("a-right2", {"texts": ["1"], "const": 1}),
        case("a-over", {"texts": [], "const": 1}),
        case("b-under", {"texts": ["1", "2"], "const": 1}),
        case("b-label", {"texts": ["2"], "const": 2}),
        case("b-format", {"texts": [], "format": "ipv4"}, valid=("x",), invalid=()),
        case("c-refused", {"do": "refuse"}),
        case("c-crash", {"do": "crash"}),
        case("c-memory", {"do": "memory"}),
        Case("d-regex", "d", "1", (Instance(True, "1"),), kind="regex"),
    )

    def cases(self, data: Data) -> list[Case]:
        return list(self.made)


def plan(**more: Any) -> Plan:
    return Plan(engines=(TOY, ABSENT), suites=(SUITE,), tokenizer="bytes", **{"per_split": None, **more})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("run")
    run(plan(), made, Data(Path("nowhere"), False), ["run"])
    return made


def test_every_outcome_is_counted_apart(folder: Path) -> None:
    about = Results(folder).about()
    assert about["status"] == "complete" and about["missing"] == [ABSENT]
    assert about["engines"][TOY]["setup_s"] >= 0 and about["engines"][TOY]["empty_call_ns"] > 0
    rows = summary.load_rows(Results(folder).rows_path(SUITE, TOY))
    assert {name: outcome(row) for name, row in rows.items()} == {
        "a-right": "right", "a-right2": "right", "a-over": "over", "b-under": "under", "b-label": "both",
        "b-format": "over", "c-refused": "refused", "c-crash": "crash", "c-memory": "memory", "d-regex": "unsupported",
    }  # fmt: skip
    right = rows["a-right"]
    assert right["warm_end"] == "accepted" and len(right["warm_mask_ns"]) == 2 and right["keywords"] == ["const"]
    assert right["forced"] == right["forced_of"] == 1  # "1" is the only text
    assert not Results(folder).rows_path(SUITE, ABSENT).exists()


def test_nothing_is_the_right_answer_where_nothing_satisfies() -> None:
    void = {"class": "Unsatisfiable", "message": "Unsatisfiable: no value satisfies the schema", "feature": "false"}
    row = {"name": "x", "split": "s", "valid": [False, False], "refused": void}
    assert outcome(row) == "right"
    assert outcome({**row, "refused": {"class": "ValueError", "message": "Unsatisfiable schema: false"}}) == "right"
    for other in ({"valid": [False, True]}, {"valid": []}, {"refused": {"class": "X", "message": "no"}}):
        assert outcome({**row, **other}) == "refused"
    assert summary.refusals({"x": row, "y": {**row, "valid": [True]}}) == [("false", 1)]
    timed = {"valid": [True], "ends": [["accepted", 1]], "first_mask_ns": 5, "split": "s"}
    found = summary.summarize_suite({"constrain": {"x": row, "z": timed}, "llguidance": {"x": row, "z": timed}})
    assert found["coverage"]["constrain"]["right"] == 2
    assert found["speed"][0]["cases"] == found["pairs"]["llguidance"]["cases"] == 1  # those that have times


def test_validators_decide_on_differences(folder: Path) -> None:
    judged = {(row["name"], row["place"]): row for row in read_judged(Results(folder))}
    decisions = {place: row["decision"] for place, row in judged.items()}
    assert decisions == {
        ("a-over", 0): "label",
        ("b-under", 1): "label",
        ("b-label", 0): "set aside",
        ("b-label", 1): "set aside",
        ("b-format", 0): "format",
    }
    row = judged["b-format", 0]
    assert row["jsonschema"] == [True, False] and json.loads(row["schema"])["format"] == "ipv4"
    found = summary.summarize(folder)["suites"][SUITE]
    of = found["coverage"][TOY]
    assert (of["cases"], of["right"], of["over"], of["under"], of["both"]) == (10, 4, 1, 1, 0)  # two set aside
    assert (of["declared"], of["true"]) == (0.6, 0.4) and found["set_aside"] == 3


@pytest.mark.parametrize(
    ("label", "first", "second", "decision"),
    [
        (True, [True, True], [True, True], "label"),
        (True, [False, False], [False, False], "set aside"),
        (True, [False, False], [None, None], "set aside"),
        (True, [True, False], [True, True], "format"),
        (False, [True, True], [False, False], "validators differ"),
        (True, [None, None], [None, None], "label"),
        (False, [True, False], [True, False], "label"),
    ],
)
def test_decisions(label: bool, first: list[bool | None], second: list[bool | None], decision: str) -> None:
    assert judging.decide(label, first, second) == decision


def test_a_run_goes_on_where_it_stopped(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "r")
    results = Results(tmp_path / "r")
    path = results.rows_path(SUITE, TOY)
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:-3]) + "\n" + lines[-3][:20])
    about = results.about()
    results.write_about({**about, "jobs": [], "status": "interrupted"})
    run(plan(), tmp_path / "r", Data(Path("nowhere"), False), ["run"])
    assert set(read_rows(path)) == {made.name for made in Small.made}
    kept = [line for line in path.read_text().splitlines() if line in lines[:-3]]
    assert kept == lines[:-3]  # what was done was not done again
    with pytest.raises(PlanChanged, match="another plan"):
        run(plan(seed=1), tmp_path / "r", Data(Path("nowhere"), False), ["run"])
    run(plan(seed=1, only="a-"), tmp_path / "r", Data(Path("nowhere"), False), ["run"], fresh=True)
    assert set(read_rows(path)) == {"a-right", "a-right2", "a-over"}


def test_an_engine_of_another_version_begins_anew_once_its_rows_are_deleted(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "r")
    results = Results(tmp_path / "r")
    about = results.about()
    results.write_about({**about, "states": {**about["states"], TOY: "before"}})
    with pytest.raises(PlanChanged, match=r"another version of .*Toy"):
        run(plan(), tmp_path / "r", Data(Path("nowhere"), False), ["run"])
    path = results.rows_path(SUITE, TOY)
    path.unlink()
    done = run(plan(), tmp_path / "r", Data(Path("nowhere"), False), ["run"])
    assert set(read_rows(path)) == {made.name for made in Small.made}
    assert done["states"][TOY] != "before" and sum(job["engine"] == TOY for job in done["jobs"]) == 1


def test_an_interruption_leaves_what_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*arguments: Any) -> None:
        row = {"name": "a-right", "split": "a", "valid": [True], "ends": [["accepted", 1]]}
        arguments[-1].row(arguments[0][0], row)
        raise KeyboardInterrupt

    monkeypatch.setattr("jsonschemabench.run.run_here", stop)
    with pytest.raises(KeyboardInterrupt):
        run(plan(), tmp_path, Data(Path("nowhere"), False), ["run"])
    results = Results(tmp_path)
    assert results.about()["status"] == "interrupted" and set(read_rows(results.rows_path(SUITE, TOY))) == {"a-right"}
    found = summary.summarize(tmp_path)
    assert "interrupted" in pages.markdown_page(found) and "The run is interrupted" in reading.reading(found)


class Hanging(Suite):
    name = "hanging"
    about = "one case that is quick, one that hangs"

    def cases(self, data: Data) -> list[Case]:
        return [case("a", {"texts": ["1"]}), *(case(f"b-{n}", {"do": "hang"}) for n in range(3))]


def test_control_c_ends_workers_and_keeps_rows(tmp_path: Path) -> None:
    """From outside, as a person does it: a signal to the process, while its worker hangs."""
    command = [sys.executable, "-m", "jsonschemabench", "run", "--engines", TOY, "--tokenizer", "bytes", "--no-fetch"]
    command += ["--suites", "tests.bench.test_runs:Hanging", "--out", str(tmp_path / "r"), "--compile-s", "100"]
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    run_ = subprocess.Popen(
        command, cwd=root, env=environment, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # jobs in the background ignore it
    )  # fmt: skip
    end = time.monotonic() + 60
    workers: set[int] = set()
    while time.monotonic() < end and not (workers and busy(workers)):
        listed = [path.read_text() for path in Path(f"/proc/{run_.pid}/task").glob("*/children")]
        workers = {int(pid) for text in listed for pid in text.split()}
        time.sleep(0.2)
    assert workers
    run_.send_signal(signal.SIGINT)
    said = run_.communicate(timeout=60)[1]
    assert run_.returncode == 130 and "the same command goes on" in said
    assert [found for pid in workers if (found := alive(pid))] == []
    results = Results(tmp_path / "r")
    rows = read_rows(results.rows_path("tests.bench.test_runs:Hanging", TOY))
    assert results.about()["status"] == "interrupted" and set(rows) <= {"a"}


def alive(pid: int) -> str:
    """What a process runs and its state; nothing of one that is gone, or dead and not yet taken note of."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        said = Path(f"/proc/{pid}/cmdline").read_text().replace(chr(0), " ")
    except OSError:
        return ""
    return "" if state in "ZX" else f"{state} {said}"


def busy(workers: set[int]) -> bool:
    """Has one of them used six CPU seconds? Then it hangs in its case: starting takes less."""
    for pid in workers:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[11]) > 6 * os.sysconf("SC_CLK_TCK"):
            return True
    return False


def test_an_engine_that_does_not_start_costs_its_own_rows_only(tmp_path: Path) -> None:
    broken = "tests.bench.toy:Broken"
    asked = Plan(engines=(broken, TOY), suites=(SUITE,), tokenizer="bytes", only="a-right")
    about = run(asked, tmp_path, Data(Path("nowhere"), False), ["run"])
    assert about["status"] == "complete" and "no vocabulary like that" in about["engines"][broken]["failed"]
    assert len(read_rows(Results(tmp_path).rows_path(SUITE, TOY))) == 2
    assert f"{broken} did not start" in reading.reading(summary.summarize(tmp_path))


def test_a_budget_ends_a_job(tmp_path: Path) -> None:
    run(plan(budget_s=0.0), tmp_path, Data(Path("nowhere"), False), ["run"])
    assert len(read_rows(Results(tmp_path).rows_path(SUITE, TOY))) == 1
    assert Results(tmp_path).about()["status"] == "complete"


def test_a_run_that_is_out_of_time_goes_on_later(tmp_path: Path) -> None:
    about = run(plan(within_s=0.0), tmp_path, Data(Path("nowhere"), False), ["run"])
    assert about["status"] == "complete as far as its time went"
    assert not read_rows(Results(tmp_path).rows_path(SUITE, TOY))
    about = run(plan(), tmp_path, Data(Path("nowhere"), False), ["run"])
    assert about["status"] == "complete" and len(read_rows(Results(tmp_path).rows_path(SUITE, TOY))) == 10


def test_samples_of_different_sizes_are_nested() -> None:
    cases = [case(f"s-{n}", {}) for n in range(40)]
    from jsonschemabench.suites import draw

    small, large = (draw(cases, size, 3) for size in (5, 20))
    assert {c.name for c in small} < {c.name for c in large} and draw(reversed(cases), 5, 3) == small
    assert draw(cases, 5, 4) != small and len(draw(cases, None, 3)) == 40


def test_pages_say_what_the_figures_say(folder: Path, tmp_path: Path) -> None:
    made = pages.write_pages(folder, tmp_path, "report")
    assert {path.name for path in made} == {"report.html", "report.md", "report-reading.md", "report.json"}
    found = json.loads((tmp_path / "report.json").read_text())
    page, text = (tmp_path / "report.html").read_text(), (tmp_path / "report.md").read_text()
    assert text == pages.markdown_page(found)
    assert (tmp_path / "report-reading.md").read_text() == reading.reading(found)
    assert "src=" not in page and "href='http" not in page  # it needs nothing else
    assert page.count("<details") == found["disagreements"]["total"] == 5
    assert "| tests.bench.toy:Toy | 10 | 4 | 1 | 1 | 0 |" in text
    assert str(tmp_path) not in page + text


BROWSERS = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((path for name in BROWSERS if (path := shutil.which(name))), "")


@pytest.mark.skipif(not CHROMIUM, reason="no Chromium on the path")
def test_the_page_in_a_real_browser(folder: Path, tmp_path: Path) -> None:
    """Its script runs and filters, its charts are drawn: told from the document and from the picture."""
    (page,) = [path for path in pages.write_pages(folder, tmp_path, "report") if path.suffix == ".html"]
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    shot = tmp_path / "shot.png"
    command = [CHROMIUM, *options, "--window-size=1000,1600", f"--screenshot={shot}", page.as_uri()]
    subprocess.run(command, capture_output=True, timeout=120)
    picture = pixels(shot)
    assert picture.shape[:2] == (1600, 1000)
    green, orange = np.array([0x00, 0x9E, 0x73]), np.array([0xE6, 0x9F, 0x00])
    for colour in (green, orange):  # bars of right and of over-constrained cases
        assert (np.abs(picture[:, :, :3].astype(int) - colour).sum(axis=2) < 6).sum() > 200
    command = [CHROMIUM, *options, "--dump-dom", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert 'data-ready="yes"' in done.stdout and 'data-shown="5"' in done.stdout and "5 of 5 shown" in done.stdout


def pixels(path: Path) -> Any:
    """A PNG of eight bits without interlacing as an array [height, width, channels]."""
    data = path.read_bytes()
    at, packed = 8, b""
    while at < len(data):
        size, kind = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        body = data[at + 8 : at + 8 + size]
        if kind == b"IHDR":
            width, height = int.from_bytes(body[:4]), int.from_bytes(body[4:8])
            channels = {2: 3, 6: 4}[body[9]]
        packed += body if kind == b"IDAT" else b""
        at += 12 + size
    lines = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(height, 1 + width * channels)
    image = np.zeros((height, width, channels), np.uint8)
    above = np.zeros((width, channels), int)
    for y, line in enumerate(lines):
        raw = line[1:].reshape(width, channels).astype(int)
        row = np.zeros_like(raw)
        match line[0]:
            case 0:
                row = raw
            case 1:
                row = np.cumsum(raw, axis=0) % 256
            case 2:
                row = (raw + above) % 256
            case kind:  # average and Paeth look at the left neighbour
                left = corner = np.zeros(channels, int)
                for x in range(width):
                    if kind == 3:
                        guess = (left + above[x]) // 2
                    else:
                        p = left + above[x] - corner
                        a, b, c = abs(p - left), abs(p - above[x]), abs(p - corner)
                        guess = np.where((a <= b) & (a <= c), left, np.where(b <= c, above[x], corner))
                    row[x] = (raw[x] + guess) % 256
                    left, corner = row[x], above[x]
        image[y], above = row, row
    return image


def test_two_runs_are_compared(folder: Path, tmp_path: Path) -> None:
    same = comparison.compare_runs(folder, folder)
    (of,) = same["engines"].values()
    assert not same["worse"] and not of["lost"] and of["times"]["tokens"]["ratio"] == 1
    shutil.copytree(folder, tmp_path / "r")
    path = Results(tmp_path / "r").rows_path(SUITE, TOY)
    rows = read_rows(path)
    rows["a-right"]["ends"][0] = ["rejected", 0]
    rows["a-over"]["ends"][0] = ["accepted", 1]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows.values()))
    (of,) = comparison.compare_runs(folder, tmp_path / "r")["engines"].values()
    assert of["lost"] == {"a-right": ("right", "over")} and of["won"] == {"a-over": ("over", "right")}
    assert comparison.compare_runs(folder, tmp_path / "r")["worse"]


def test_noise_is_told_from_change() -> None:
    rng = np.random.default_rng(0)
    base = rng.lognormal(0, 1, 200)
    noisy = base * rng.lognormal(0, 0.3, 200)
    assert comparison.ratio(base, noisy / noisy.sum() * base.sum(), rng)["changed"] == ""
    assert comparison.ratio(base, base * 1.02, rng)["changed"] == ""  # less than runs of the same thing differ by
    assert comparison.ratio(base, noisy * 1.6, rng)["changed"] == "slower"
    assert comparison.ratio(base, noisy * 0.5, rng)["changed"] == "faster"


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed")
def test_a_ray_cluster_makes_the_same_rows(folder: Path, tmp_path: Path) -> None:
    run(plan(jobs=2), tmp_path, Data(Path("nowhere"), False), ["run"], ray="auto")
    here, there = (summary.load_rows(Results(of).rows_path(SUITE, TOY)) for of in (folder, tmp_path))
    assert {n: outcome(row) for n, row in here.items()} == {n: outcome(row) for n, row in there.items()}
    assert {n: row.get("ends") for n, row in here.items()} == {n: row.get("ends") for n, row in there.items()}


class Done:
    """What a call of an actor gives: its value is there."""

    def __init__(self, value: Any) -> None:
        self.value = value


class InProcessRay(types.ModuleType):
    """Ray's names for one process: actors are objects, calls are done at once. The real one is in the test above."""

    def __init__(self) -> None:
        super().__init__("ray")
        self.addresses: list[str] = []

    def init(self, address: str = "", **_: Any) -> None:
        self.addresses.append(address)
        if address:
            raise ConnectionError("no cluster is running")

    def remote(self, **_: Any) -> Any:
        def actor(kind: type) -> Any:
            def make(*arguments: Any) -> Any:
                made = kind(*arguments)
                calls = (lambda *a: Done(made.walk(*a)), lambda *a: Done(made.close(*a)))
                walk, close = (types.SimpleNamespace(remote=call) for call in calls)
                return types.SimpleNamespace(walk=walk, close=close)

            return types.SimpleNamespace(remote=make)

        return actor

    def wait(self, running: list[Any], num_returns: int) -> tuple[list[Any], list[Any]]:
        return running[:num_returns], running[num_returns:]

    def get(self, done: Any) -> Any:
        return done.value

    def shutdown(self) -> None:
        self.addresses.append("shutdown")


def test_rows_are_the_same_through_actors(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ray = InProcessRay()
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.setattr(execution, "CHUNK", 3)
    about = run(plan(jobs=2), tmp_path, Data(Path("nowhere"), False), ["run"], ray="auto")
    assert ray.addresses == ["auto", "", "shutdown"] and about["status"] == "complete" and len(about["jobs"]) == 1
    here, there = (summary.load_rows(Results(of).rows_path(SUITE, TOY)) for of in (folder, tmp_path))
    assert {n: outcome(row) for n, row in here.items()} == {n: outcome(row) for n, row in there.items()}
    with pytest.raises(RuntimeError, match="no Ray cluster at elsewhere"):
        run(plan(jobs=2), tmp_path / "r", Data(Path("nowhere"), False), ["run"], ray="elsewhere")


def test_without_ray_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(RuntimeError, match="pip install ray"):
        execution.run_on_ray([], None, 1, "auto", None)  # type: ignore[arg-type]


@pytest.mark.skipif(importlib.util.find_spec("pyarrow") is None, reason="pyarrow is not installed")
def test_rows_as_parquet(folder: Path, tmp_path: Path) -> None:
    import pyarrow.parquet

    from jsonschemabench.export import write_parquet

    table = pyarrow.parquet.read_table(write_parquet(folder, tmp_path / "x.parquet"))
    found = {row["name"]: row for row in table.to_pylist()}
    assert len(found) == 10 and found["a-right"]["outcome"] == "right" and len(found["a-right"]["mask_ns"]) == 3
    assert json.loads(table.schema.metadata[b"jsonschemabench"])["plan"]["tokenizer"] == "bytes"


def test_the_command_line(tmp_path: Path) -> None:
    runner = CliRunner()
    out = str(tmp_path / "r")
    common = ["--engines", TOY, "--suites", SUITE, "--tokenizer", "bytes", "--no-fetch", "--out", out]
    done = runner.invoke(app, ["run", *common, "--only", "a-"])
    assert done.exit_code == 0, done.output
    done = runner.invoke(app, ["report", out, "--out", str(tmp_path / "pages")])
    assert done.exit_code == 0 and (tmp_path / "pages" / "report.html").exists()
    done = runner.invoke(app, ["compare", out, out])
    assert done.exit_code == 0 and "nothing is worse" in done.output
    listed = runner.invoke(app, ["list"]).output
    assert all(name in listed for name in ("constrain", "llguidance", "stress", "gsm8k"))
    for arguments, said in (
        (["run", *common, "--engines", "nonesuch"], "no engine nonesuch"),
        (["run", *common, "--suites", "nonesuch"], "no suite nonesuch"),
        (["run", *common, "--tasks", "gsm8k"], "--model"),
        (["run", *common, "--seed", "9"], "another plan"),
        (["report", str(tmp_path / "nowhere")], "holds no run"),
        (["compare", out, str(tmp_path / "nowhere")], "no two runs"),
        (["install", "nonesuch"], "no engine nonesuch"),
    ):
        done = runner.invoke(app, arguments)
        assert done.exit_code == 1 and said in done.output, (arguments, done.output)


def test_the_example_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (RESULTS / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (tmp_path / "my_module.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path))
    asked = Plan(engines=("my_module:Constants",), suites=("my_module:Digests",), tokenizer="bytes")
    run(asked, tmp_path / "r", Data(Path("nowhere"), False), ["run"])
    of = summary.summarize(tmp_path / "r")["suites"]["my_module:Digests"]
    assert of["coverage"]["my_module:Constants"]["right"] == 3
    assert of["speed"][0]["times"]["my_module:Constants"]["forced_share"] == 1


RESULTS = Path(__file__).resolve().parents[2] / "docs" / "benchmarks"


@pytest.mark.parametrize("name", ["report", "texts"])
def test_committed_reports_are_generated(name: str) -> None:
    """Nobody has typed a figure or a sentence: each page is what the code makes of the figures beside it."""
    figures = RESULTS / f"{name}.json"
    if not figures.exists():
        pytest.skip(f"no result is committed: docs/benchmarks/{name}.json")
    found = json.loads(figures.read_text(encoding="utf-8"))
    made = {
        f"{name}.md": pages.markdown_page(found, name),
        f"{name}-reading.md": reading.reading(found),
        f"{name}.html": pages.html_page(found),
    }
    for file, content in made.items():
        assert (RESULTS / file).read_text(encoding="utf-8") == content, file
