"""Format languages against the official test suite, other libraries, and plain Python."""

from __future__ import annotations

import calendar
import ipaddress
import itertools
import json
import random
import re
import tarfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constrain.regular.ast import difference
from constrain.regular.compiler import compile
from constrain.regular.dfa import Dfa
from constrain.regular.formats import FORMATS, NARROWED, UNSUPPORTED, format_of

SUITE = Path(__file__).parents[2] / "../shared/data/json_schema_test_suite.tar.xz"
DRAFTS = ("draft3", "draft4", "draft6", "draft7", "draft2019-09", "draft2020-12")


@lru_cache
def automaton(name: str, draft: str = "2020-12") -> tuple[Dfa, int | None]:
    found = format_of(name, draft)
    assert found is not None
    return compile(found.language), found.longest


def accepts(name: str, text: str, draft: str = "2020-12") -> bool:
    dfa, longest = automaton(name, draft)
    return dfa.accepts(text) and (longest is None or len(text) <= longest)


@lru_cache
def suite() -> list[tuple[str, str, str, bool]]:
    """(draft, format, string, valid) of every format test of the official suite."""
    out = []
    with tarfile.open(SUITE) as archive:
        for member in archive:
            draft, _, file = member.name.removeprefix("tests/").partition("/")
            if draft in DRAFTS and file.startswith("optional/format/"):
                stream = archive.extractfile(member)
                assert stream is not None
                for group in json.load(stream):
                    for test in group["tests"]:
                        if isinstance(test["data"], str) and "format" in group["schema"]:
                            out.append((draft, group["schema"]["format"], test["data"], test["valid"]))
    return out


@pytest.mark.skipif(not SUITE.exists(), reason="the JSON Schema Test Suite is not here")
def test_official_suite() -> None:
    seen = set()
    left_out = set()
    for draft, name, text, valid in suite():
        if name in UNSUPPORTED or name == "unknown":
            assert format_of(name, draft) is None
            continue
        seen.add(name)
        got = accepts(name, text, draft)
        if got != valid:
            # Punycode labels, and labels beyond ASCII that are long, are left out; nothing else differs.
            assert valid and name in ("hostname", "idn-hostname"), (draft, name, text, valid)
            assert re.search(r"(^|\.)xn--|[^.\x00-\x7f]{14}", text), (draft, name, text, valid)
            left_out.add(draft)
    assert seen >= set(FORMATS) and len(suite()) > 2000
    assert left_out == {"draft7", "draft2019-09", "draft2020-12"}


def test_every_day_of_400_years() -> None:
    dfa, _ = automaton("date")
    for year in (*range(1895, 2105), 0, 1, 4, 100, 400, 9996, 9999):
        days = [f"{year:04}-{m:02}-{d:02}" for m in range(14) for d in range(33)]
        leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        lengths = [0, 31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 0]
        if year:
            assert calendar.isleap(year) == leap
        expected = [1 <= d <= lengths[m] for m in range(14) for d in range(33)]
        assert dfa.accepts_each(days) == expected, year


def test_leap_seconds() -> None:
    """23:59:60 UTC in every quarter-hour offset, with and without a fraction; no other minute."""
    for sign, minutes in itertools.product((1, -1), range(0, 24 * 60, 15)):
        offset = f"{'+' if sign > 0 else '-'}{minutes // 60:02}:{minutes % 60:02}"
        for local in range(24 * 60):
            utc = (local - sign * minutes) % (24 * 60)
            if local % 15 == 14 or utc == 0:
                for fraction in ("", ".5"):
                    text = f"{local // 60:02}:{local % 60:02}:60{fraction}{offset}"
                    assert accepts("time", text) == (utc == 24 * 60 - 1), text
    assert accepts("time", "23:59:60Z") and not accepts("time", "23:58:60z")
    assert not accepts("time", "00:00:60+00:01") and "time" in NARROWED


def test_octets() -> None:
    dfa, _ = automaton("ipv4")
    for octet in (*map(str, range(300)), "00", "01", "001", "", "-1", "1.", "1e1"):
        expected = octet.isdigit() and int(octet) < 256 and str(int(octet)) == octet
        for text in (f"{octet}.1.2.3", f"1.{octet}.2.3", f"1.2.3.{octet}"):
            assert dfa.accepts(text) == expected, text


@settings(max_examples=300, deadline=None)
@given(st.from_regex(r"(([0-9a-f]{0,5}|:|0|1\.2\.3\.4|255\.0\.0\.256):?){1,9}", fullmatch=True))
def test_ipv6_against_the_standard_library(text: str) -> None:
    try:
        ipaddress.IPv6Address(text)
        expected = True
    except ValueError:
        expected = False
    assert accepts("ipv6", text) == expected


def test_ipv6_of_every_shape() -> None:
    for left, right in itertools.product(range(10), range(10)):
        for gap, tail in itertools.product(("::", ":"), ("", "1.2.3.4")):
            parts = ["a"] * right + ([tail] if tail else [])
            text = ":".join(["1"] * left) + gap + ":".join(parts)
            try:
                ipaddress.IPv6Address(text)
                expected = True
            except ValueError:
                expected = False
            assert accepts("ipv6", text) == expected, text


def test_lengths_of_host_names() -> None:
    label = "a" * 63
    assert accepts("hostname", label) and not accepts("hostname", label + "a")
    longest = ".".join([label, label, label, "a" * 61])
    assert len(longest) == 253 and accepts("hostname", longest) and not accepts("hostname", longest + "a")
    assert (
        accepts("hostname", "xn--x", "draft4")
        and not accepts("hostname", "xn--x", "7")
        and not accepts("hostname", "a.BC--d", "draft7")
    )
    assert accepts("hostname", "xn-", "4") is False and accepts("hostname", "xn-a", "7")


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("email", ["a@b", "a@[IPv6:1::2]", "a@[ipv6:::1.2.3.4]", '""@b'], ["a@-b", "a@b-", "a@b.", "a@[x:y]", '"a@b']),
        ("email", ["a@[1.2.3.4]", '"\\""@b'], ["a@[IPv6:1:2:3:4:5:6:7::]", "a@[IPv6:1]", "é@b", "a@é", '"""@b']),
        (
            "uri",
            ["a:", "a:b//c", "a://", "a://:@:", "x+y-z.1:/%41", "a://[v1.x:]"],
            ["a://[1::2", "a://[v.x]", "a:#a#"],
        ),
        ("uri-reference", ["", "?", "#", "//", "a/b:c", "./a:b", "a?b:c"], [":", "1:b", "//[", "a b", "%4"]),
        ("iri", ["a:é", "a:?\ue000"], ["a:\ue000", "a:\ufdd0", "é:"]),
        ("uri-template", ["{a:9999}", "{=a}", "{a.b*,c}"], ["{a:0}", "{a*:1}", "{.}", "{a", "<"]),
        ("json-pointer", ["", "/", "/~0~1", "/\U0010ffff"], ["a", "/~", "/~2"]),
        ("relative-json-pointer", ["0", "0#", "10/a", "0-1", "1+12/x"], ["", "00", "0-0", "0-", "0#/"]),
        ("duration", ["P1Y2M3DT4H5M6S", "PT5M", "P3W"], ["P", "PT", "P1DT", "P1Y1D", "p1d", "P1W1D", "PT1H1S"]),
    ],
)
def test_examples(name: str, good: list[str], bad: list[str]) -> None:
    for text in good:
        assert accepts(name, text), text
    for text in bad:
        assert not accepts(name, text), text


def test_what_is_narrowed_is_said() -> None:
    for name in FORMATS:
        found = format_of(name, "7")
        assert found is not None and found.narrowed == NARROWED.get(name)
        assert (found.wide == found.language) == (found.narrowed is None)
    assert format_of("hostname", "4").narrowed is None  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("name", "doubtful", "wrong"),
    [
        ("hostname", "ab--c", "a_b"),
        ("idn-hostname", "xn--c", "a_b"),
        ("time", "00:00:60+00:01", "00:00:61Z"),
        ("date-time", "2020-01-01T00:00:60+00:01", "2020-02-30T00:00:00Z"),
        ("duration", "p1d", "P1"),
    ],
)
def test_what_is_narrowed_is_told_from_what_is_wrong(name: str, doubtful: str, wrong: str) -> None:
    found = format_of(name)
    assert found is not None and found.wide != found.language
    wide = compile(found.wide)
    assert not accepts(name, doubtful) and wide.accepts(doubtful)
    assert not accepts(name, wrong) and not wide.accepts(wrong)
    assert compile(difference(found.language, found.wide)).is_empty


def test_names_by_draft() -> None:
    assert format_of("color") is None and accepts("color", "FuchSia", "draft3")
    assert accepts("color", "rgb( 1, 2,3)", "3") and not accepts("color", "rgb(1%, 2, 3)", "3")
    assert accepts("time", "08:30:06", "3") and not accepts("time", "08:30:06", "7")
    assert accepts("relative-json-pointer", "0+1") and not accepts("relative-json-pointer", "0+1", "2019-09")
    assert format_of("no such format") is None
    for name in UNSUPPORTED:
        assert format_of(name) is None


def samples(dfa: Dfa, seed: int) -> Iterator[str]:
    """Texts on random walks through an automaton, and the same with one change."""
    chance = random.Random(seed)
    first: dict[int, list[int]] = {}
    for bound, column in zip(dfa.bounds.tolist(), dfa.classes.tolist(), strict=True):
        first.setdefault(column, []).append(bound)
    rows = dfa.table.tolist()
    for _ in range(60):
        text, state = "", 0
        for _ in range(60):
            if dfa.accept[state] >= 0 and chance.random() < 0.2:
                break
            moves = [(c, t) for c, t in enumerate(rows[state]) if t >= 0]
            if not moves:
                break
            column, state = chance.choice(moves)
            text += chr(chance.choice(first[column]))
        if dfa.accepts(text):
            yield text
            at = chance.randrange(len(text) + 1)
            yield text[:at] + chance.choice("aZ0:/.-%~@[]{}\u00e9 T") + text[at + chance.randint(0, 1) :]


# Strings that a library judges otherwise than the specification says; these are not compared.
JSONSCHEMA = {
    "date": r"0000",  # Python has no year 0
    "iri": r"[\U00010000-\U0010ffff]",  # rfc3987-syntax leaves out ucschar and iprivate of planes 1 to 16
    "iri-reference": r"[\U00010000-\U0010ffff]",
}
RUST = {
    "date": r"\A(?![0-9]{4})",  # takes / and . for digits
    "date-time": r"\A(?![0-9]{4})",
    "email": r"[\[.]0[0-9]",  # RFC 5321 lets the octets of an address begin with 0
    "idn-email": r"[\[.]0[0-9]|[\x80-\xa0\ue000-\uf8ff]",  # RFC 6531 allows all characters beyond ASCII
}


@pytest.mark.parametrize("name", ["date", "ipv4", "ipv6", "uri", "uri-reference", "iri", "iri-reference"])
def test_against_jsonschema(name: str) -> None:
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    if name not in checker.checkers:
        pytest.skip(f"no library for {name}")
    for text in samples(automaton(name)[0], 7):
        if not (name in JSONSCHEMA and re.search(JSONSCHEMA[name], text)):
            assert checker.conforms(text, name) == accepts(name, text), text


@pytest.mark.parametrize("name", sorted(FORMATS.keys() - {"idn-hostname"}))  # for that one see test_idn.py
def test_against_jsonschema_rs(name: str) -> None:
    library = pytest.importorskip("jsonschema_rs")
    validator = library.validator_for({"format": name}, validate_formats=True)
    for text in samples(automaton(name, "7")[0], 11):
        if not (name in RUST and re.search(RUST[name], text)):
            assert validator.is_valid(text) == accepts(name, text, "7"), text
