"""Suites and samples, and the tokens of the instances."""

from __future__ import annotations

import importlib
import importlib.util
import json
import lzma
from collections import Counter
from pathlib import Path

import pytest

from jsonschemabench import suites, tokenizers
from jsonschemabench.suites import Case, Instance

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
needs_llama3 = pytest.mark.skipif(
    importlib.util.find_spec("quicktok") is None, reason=f"needs {tokenizers.LLAMA3_SOURCE}"
)


def cases(**sizes: int) -> list[Case]:
    one = (Instance(True, "1"),)
    return [Case(f"{split}-{n}", split, "{}", one) for split, size in sizes.items() for n in range(size)]


def test_a_sample_depends_on_names_and_seed_only() -> None:
    some = cases(a=30, b=5)
    drawn = suites.sample(some, 10, 0)
    assert Counter(case.split for case in drawn) == {"a": 10, "b": 5}
    assert suites.sample(reversed(some), 10, 0) == drawn
    assert suites.sample(some, 10, 1) != drawn
    assert len({case.name for case in drawn}) == 15


def test_a_sample_leaves_cases_without_instances_out() -> None:
    empty = [Case("z", "a", "{}", ())]
    assert suites.sample(empty + cases(a=3), 10, 0) == suites.sample(cases(a=3), 10, 0)


def test_a_suite_is_read_plain_and_compressed(tmp_path: Path) -> None:
    test = {"valid": True, "data": "é", "description": "d"}
    rows = [
        {"name": "n", "split": "s", "schema": {"const": "é"}, "tests": [test]},
        {"id": "t", "split": "s", "schema": '{"const":  1}', "tests": [{"valid": False, "tokens": [50]}]},
        {"name": "u", "split": "s", "schema": True, "tests": [{"valid": True, "data": "\ud800"}]},
    ]
    text = "\n".join(json.dumps(row) for row in rows) + "\n\n"
    (tmp_path / "a.jsonl").write_text(text)
    with lzma.open(tmp_path / "a.jsonl.xz", "wt") as out:
        out.write(text)
    plain = suites.load(tmp_path / "a.jsonl")
    assert plain == suites.load(tmp_path / "a.jsonl.xz")
    assert plain[0] == Case("n", "s", '{"const": "é"}', (Instance(True, '"é"', description="d"),))
    assert plain[1].schema == '{"const":  1}'
    assert plain[2].instances[0].text == '"\\ud800"'
    tokenizer = tokenizers.byte_tokens()
    assert plain[1].instances[0].ids(tokenizer) == [50] and plain[1].instances[0].json(tokenizer) == "2"
    assert plain[0].instances[0].ids(tokenizer) == list('"é"'.encode())


def test_a_missing_suite_is_named(tmp_path: Path) -> None:
    with pytest.raises(suites.MissingData, match=r"nowhere\.jsonl.*--data"):
        suites.load(tmp_path / "nowhere.jsonl")


@pytest.mark.skipif(not (DATA / "maskbench.jsonl.xz").exists(), reason="../shared/data/maskbench.jsonl.xz is absent")
def test_the_sample_of_maskbench() -> None:
    drawn = suites.sample(suites.load(DATA / "maskbench.jsonl.xz"), 60, 0)
    sizes = Counter(case.split for case in drawn)
    assert len(drawn) == 828 and set(sizes.values()) == {60, 38, 10} and sizes["Handwritten"] == 10


@needs_llama3
def test_llama3_has_the_ids_and_bytes_of_the_package() -> None:
    quicktok = importlib.import_module("quicktok")  # its encoder is another implementation, in C++, of the same merges
    tokenizer, peer = tokenizers.llama3(), quicktok.get_encoding("llama3")
    assert (tokenizer.size, tokenizer.eos, tokenizer.special[128009]) == (128256, 128009, "<|eot_id|>")
    assert len(set(tokenizer.tokens)) == 128000 and sorted(tokenizer.tokens[:256]) == [bytes([b]) for b in range(256)]
    for text in ('{"name": "Zoë", "n": -12345.5e+10}', "日本語 🚀\n\n\t'LL  x\u00a0y", "\u0301a", "", " " * 40 + "]}"):
        ids = tokenizer.encode(text)
        assert ids == peer.encode_ordinary(text)
        assert tokenizer.decode(ids) == text.encode()


@needs_llama3
@pytest.mark.skipif(not (DATA / "rig_sample.jsonl.xz").exists(), reason="../shared/data/rig_sample.jsonl.xz is absent")
def test_tokens_are_those_of_an_independent_tokenizer() -> None:
    """That file's ids were made from the Llama-3 vocabulary of another package."""
    tokenizer = tokenizers.llama3()
    for case in suites.load(DATA / "rig_sample.jsonl.xz")[:60]:
        for instance in case.instances:
            assert tokenizer.encode(instance.json(tokenizer)) == instance.ids(tokenizer), case.name


def test_a_tokenizer_is_kept_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JSONSCHEMABENCH_CACHE", str(tmp_path / "new"))
    assert tokenizers.byte_tokens().encode("aé") == [97, 0xC3, 0xA9]
    (kept,) = (tmp_path / "new").iterdir()
    monkeypatch.setattr(tokenizers, "_build_backend", lambda _: pytest.fail("built again"))
    assert tokenizers.byte_tokens().encode("aé") == [97, 0xC3, 0xA9] and kept.suffix == ".json"
