"""Both parsers against `re` and `regex` on random patterns and strings, and against `interegular` on languages."""

from __future__ import annotations

import os
import re
import string
import unicodedata
from itertools import product

import pytest
import regex
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from constrain.errors import ConstraintError, LimitExceeded
from constrain.limits import Limits
from constrain.regular import compile, parse_ecma, parse_ecma_full, parse_python, properties
from constrain.regular.ast import intersect
from tests.regular import make_python_classes

compiled_only = pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="minutes without the compiler")

ALPHABET = "a1 \n"
WORDS = ["".join(t) for k in range(6) for t in product(ALPHABET, repeat=k)]

atoms = st.sampled_from(["a", "1", " ", ".", r"\w", r"\s", r"\d", r"\W", "[a1]", "[^a]", r"[\s1]", r"\n", r"\x61"])
anchors = st.sampled_from(["^", "$", r"\b", r"\B"])
counts = st.sampled_from(["*", "+", "?", "*?", "{2}", "{1,2}", "{0,2}?", "{2,}"])


def grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    looks = st.sampled_from(["(?=", "(?!", "(?<=", "(?<!"])
    return st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda p: f"(?:{p[0]}|{p[1]})"),
        st.tuples(inner, counts).map(lambda p: f"(?:{p[0]}){p[1]}"),
        st.tuples(looks, inner).map(lambda p: f"{p[0]}{p[1]})"),
        st.tuples(inner, anchors).map("".join),
        st.tuples(anchors, inner).map("".join),
    )


patterns = st.recursive(st.one_of(atoms, atoms, anchors), grow, max_leaves=8)


@settings(max_examples=250, deadline=None)
@given(patterns)
@example(r"(?:(?=a|\b)(?:1|(?<!a1)a))*")
@example(r"(?=.*(?<=(?=1a)1)a)")
@example(r"(?!(?!(?:a|^)1))a")
def test_random_patterns_search(pattern: str) -> None:
    """ECMA search semantics; `$` is the very end there, which `regex` writes \\Z. Classes are ASCII in both."""
    oracle = regex.compile(pattern.replace("$", r"\Z").replace(".", r"[^\n]"), regex.ASCII)
    expected = [w for w in WORDS if oracle.search(w)]
    accepted = compile(parse_ecma(pattern)).accepts_each(WORDS)
    assert [w for w, yes in zip(WORDS, accepted, strict=True) if yes] == expected


@settings(max_examples=250, deadline=None)
@given(patterns, st.sampled_from([0, re.M, re.S, re.I, re.A, re.I | re.M | re.S]))
def test_random_patterns_full_match(pattern: str, flags: int) -> None:
    try:
        oracle = re.compile(pattern, flags)
    except re.error:  # a lookbehind without a fixed width
        assume(False)
    expected = [w for w in WORDS if oracle.fullmatch(w)]
    accepted = compile(parse_python(pattern, flags)).accepts_each(WORDS)
    assert [w for w, yes in zip(WORDS, accepted, strict=True) if yes] == expected


TEXTS = st.text(st.sampled_from("aAbzZ019_-.@ \n\tßſKKéİıςΣ\u0660\u00b2\u2028\xa0\ufeff𐐀😀"), max_size=8)
REAL = [
    r"[A-Z][a-z0-9_-]{2,40}",
    r"[\w.+-]+@[\w-]+\.[\w.-]+",
    r"(?:\d{1,3}\.){3}\d{1,3}",
    r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?",
    r"(?!.*\s\s)\S.*\S",
    r"[^\W\d_]\w*",
    r"\S+(?:\s+\S+){0,3}",
    r"[\x20-\x7e]*",
    r"(?i:straße|k|ſ|[x-z]|ς)*",
    r"(?s:.)*",
    r"[^a-z]+",
    r"\D*\d\D*",
]


@pytest.mark.parametrize("pattern", REAL)
@settings(max_examples=40, deadline=None)
@given(st.data())
def test_real_patterns(pattern: str, data: st.DataObject) -> None:
    text = data.draw(st.one_of(TEXTS, st.from_regex(re.compile(pattern), fullmatch=True)))
    assume(not any("\ud800" <= c <= "\udfff" for c in text))
    for flags in (0, re.A, re.I, re.A | re.I):
        expected = re.compile(pattern, flags).fullmatch(text) is not None
        assert compile(parse_python(pattern, flags)).accepts(text) == expected


@settings(max_examples=300, deadline=None)
@given(st.sampled_from("aAkKsSiIßſKéÉİıςΣσ𐐀😀µμῼΐΐꙋᲈ"), st.booleans())
def test_case(character: str, ascii_only: bool) -> None:
    flags = re.I | (re.A if ascii_only else 0)
    for pattern in (re.escape(character), f"[{character}]", f"[^{character}]", f"[{character}-{character}1-3]"):
        if ascii_only and ord(character) > 0xFFFF and "-" in pattern:
            continue  # `re` forgets the A flag in such a class
        dfa, oracle = compile(parse_python(pattern, flags)), re.compile(pattern, flags)
        for c in "aAkKsSiI13ßſKéÉİıςΣσ𐐀𐐨😀µμῼῳΐΐꙋᲈẞ":
            assert dfa.accepts(c) == bool(oracle.fullmatch(c)), (pattern, c)


def test_nothing_above_the_last_cased_character_has_case() -> None:
    import _sre

    from constrain.regular.properties import _LAST_CASED

    assert not any(_sre.unicode_iscased(c) for c in range(_LAST_CASED + 1, 0x110000))


def test_classes_of_re() -> None:
    for letter in "dwsDWS":
        dfa, oracle = compile(parse_python("\\" + letter)), re.compile("\\" + letter)
        for c in [*range(0x3000), *range(0xFB00, 0x10800), *range(0x1D400, 0x1D800), 0x10FFFF]:
            if not 0xD800 <= c <= 0xDFFF:
                assert dfa.accepts(chr(c)) == bool(oracle.fullmatch(chr(c))), hex(c)


small = st.lists(
    st.sampled_from(["a", "b", "(a|b)", "(ab|)", "a*", "b*", "(ab)*", "a{1,2}", "[ab]", "(a|bb)+"]), min_size=1
)


@settings(max_examples=60, deadline=None)
@given(small.map(lambda p: "".join(p[:4])), small.map(lambda p: "".join(p[:4])))
def test_interegular(a: str, b: str) -> None:
    import interegular

    x, y = interegular.parse_pattern(a).to_fsm(), interegular.parse_pattern(b).to_fsm()
    p, q = parse_python(a), parse_python(b)
    assert compile(intersect(p, q)).is_empty == (x & y).empty()
    assert (compile(p).key == compile(q).key) == (x.equivalent(y))
    assert compile(p).n_states == sum(x.reduce().islive(s) for s in x.reduce().states)


ECMA = [  # pattern, texts that match, texts that don't
    ("^a|b$", ["ax", "xb"], ["xa", "bx"]),
    ("(^|,)x($|,)", ["x", "a,x", "x,b", "a,x,b"], ["ax", "xb", "a,xb"]),
    (r"^\d$", ["5"], ["\u0665", "55"]),
    (r"^\w+$", ["aZ_9"], ["é", "-"]),
    (r"^\s$", ["\ufeff", "\xa0", "\u2028", "\u3000", "\v"], ["\u200b", "\x85", "\x1c"]),
    (r"^\S$", ["\x1c", "a"], [" "]),
    ("^.$", ["a", "😀", "\x85"], ["\n", "\r", "\u2028", "\u2029", ""]),
    ("^(?s:.)$", ["\n", "\u2028"], ["ab"]),
    (r"^\cJ\x41\u0042\u{43}\u{1F600}\uD83D\uDE00\0$", ["\nABC😀😀\0"], ["ABC"]),
    (r"^\p{Lu}\P{Lu}$", ["Aa", "É1"], ["AA", "aa"]),
    (r"^\p{Script=Greek}+$", ["αβγ"], ["abc"]),
    (r"^\p{sc=Grek}\p{scx=Deva}\p{L}\p{gc=Nd}$", ["α\u0964a1", "α\u0964б٣"], ["aaa1"]),
    (r"^[\p{L}\p{N}_-]+$", ["été-1_"], ["a b"]),
    (r"^\p{Emoji_Presentation}\p{ASCII}$", ["😀a"], ["aa"]),
    (r"^[^\P{L}]$", ["a"], ["1"]),
    (r"\bfoo\b", ["a foo b", "foo", "(foo)"], ["food", "a_foo"]),
    (r"a\Bb", ["ab"], ["a b"]),
    (r"^(?!.*foo)(?=.*[A-Z]).{8,}$", ["abcdeFgh"], ["abcdefgh", "xfooXxxxxx", "A"]),
    (r"^(?!\s*$).+", ["a", " a"], ["", "  "]),
    (r"^(?:(?!--).)*$", ["a-b", ""], ["a--b"]),
    (r"(?<=\$)\d+$", ["$12", "a$1"], ["12"]),
    (r"(?<!-)x$", ["ax", "x"], ["-x"]),
    (r"^(?<year>\d{4})$", ["2020"], ["20"]),
    ("", ["", "x"], []),
    ("^$", [""], ["x"]),
    ("[]", [], ["", "x", "[]"]),
    ("^[^]$", ["\n", "x"], [""]),
    ("^a{2,3}?$", ["aa", "aaa"], ["a", "aaaa"]),
    # Annex B
    (r"^\-\_\a\'$", ["-_a'"], ["a"]),
    ("^a{$", ["a{"], ["a"]),
    ("^a{,3}$", ["a{,3}"], ["aaa"]),
    ("^}]$", ["}]"], [""]),
    (r"^[\w-a]$", ["-", "a", "_"], ["."]),
    (r"^\1\08\377$", ["\x01\x008\xff"], []),
    (r"^\c$", ["\\c"], ["c"]),
    (r"^[\c1]$", ["\x11"], ["1"]),
    (r"^\u12\x1\8$", ["u12x18"], []),
    ("^(?=a)*b", ["b"], ["a"]),
    (r"^[\b]$", ["\b"], ["b"]),
    (r"^[a\-z]$", ["-", "z"], ["b"]),
    (r"^\/\.$", ["/."], ["/a"]),
    (r"^\uD800$", [], ["\ufffd", ""]),
    ("(?m:^)a(?m:$)", ["x\na\nb", "a"], ["xa", "ab"]),
]


@pytest.mark.parametrize(("pattern", "inside", "outside"), ECMA)
def test_ecma(pattern: str, inside: list[str], outside: list[str]) -> None:
    dfa = compile(parse_ecma(pattern))
    assert [w for w in inside if not dfa.accepts(w)] == []
    assert [w for w in outside if dfa.accepts(w)] == []


def test_ecma_full_match() -> None:
    dfa = compile(parse_ecma_full("a|bc?"))
    assert [w for w in ("a", "b", "bc", "abc", "xa", "") if dfa.accepts(w)] == ["a", "b", "bc"]


PROPERTIES = [
    *["L", "Lu", "Ll", "Lt", "Lm", "Lo", "LC", "M", "Mn", "N", "Nd", "P", "Pd", "S", "Sc", "Z", "Zs", "C", "Cc", "Cf"],
    *["Script=Latin", "Script=Cyrillic", "Script=Han", "Script_Extensions=Hiragana", "scx=Arab", "sc=Zyyy"],
    *["Alphabetic", "Uppercase", "White_Space", "ASCII_Hex_Digit", "Emoji", "ID_Start", "XIDC", "Any", "Ideographic"],
]


@pytest.mark.parametrize("name", PROPERTIES)
def test_properties(name: str) -> None:
    dfa, oracle = compile(parse_ecma(rf"^\p{{{name}}}$")), regex.compile(rf"\p{{{name}}}")
    every = [chr(c) for c in [*range(0, 0xD800, 7), *range(0x10000, 0x30000, 41), *range(0x3000, 0x3100)]]
    assert dfa.accepts_each(every) == [oracle.fullmatch(c) is not None for c in every]


def test_categories_are_those_of_unicodedata() -> None:
    """Characters that the Unicode data of this Python knows have kept their category since (with few exceptions)."""
    import unicodedata

    every = [chr(c) for c in [*range(0xD800), *range(0xE000, 0x30000)]]
    known = [c for c in every if unicodedata.category(c) != "Cn"]
    for category in ("Lu", "Ll", "Lo", "Nd", "Mn", "Po", "Zs", "Sm", "Cf"):
        found = compile(parse_ecma(rf"^\p{{{category}}}$")).accepts_each(known)
        wrong = [c for c, yes in zip(known, found, strict=True) if yes != (unicodedata.category(c) == category)]
        assert len(wrong) <= 20, wrong


@pytest.mark.parametrize(
    ("pattern", "error", "position"),
    [
        ("a(b", "GrammarError", 1),
        ("ab)", "GrammarError", 2),
        ("ab[c", "GrammarError", 2),
        ("x[b-a]", "GrammarError", 2),
        ("a**", "GrammarError", 2),
        ("*a", "GrammarError", 0),
        ("a|{2}", "GrammarError", 2),
        ("a{3,2}", "GrammarError", 1),
        ("^*", "GrammarError", 1),
        ("(?<=a)*", "GrammarError", 6),
        ("(?<1a>b)", "GrammarError", 0),
        ("x(?i)b", "GrammarError", 1),
        ("(?P<n>b)", "GrammarError", 0),
        ("(?>b)", "GrammarError", 0),
        (r"ab\p{Foo}", "GrammarError", 2),
        (r"a[b\p{Foo=Bar}]", "GrammarError", 3),
        (r"a\p", "GrammarError", 1),
        (r"a\u{110000}", "GrammarError", 1),
        (r"a\u{}", "GrammarError", 1),
        ("ab\\", "GrammarError", 2),
        (r"(a)b\1", "UnsupportedFeature", 4),
        (r"(?<n>a)\k<n>", "UnsupportedFeature", 7),
        (r"x\p{CWKCF}", "UnsupportedFeature", 1),
        ("(?i:a)", "UnsupportedFeature", 0),
        ("a{9999999999}", "LimitExceeded", 1),
    ],
)
def test_ecma_errors(pattern: str, error: str, position: int) -> None:
    with pytest.raises(ConstraintError) as caught:
        parse_ecma(pattern)
    assert (type(caught.value).__name__, caught.value.position) == (error, position)


@pytest.mark.parametrize(
    ("pattern", "error", "position"),
    [
        ("a(b", "GrammarError", 1),
        ("ab)", "GrammarError", 2),
        ("ab[c", "GrammarError", 2),
        ("[b-a]", "GrammarError", 1),
        (r"[\w-a]", "GrammarError", 1),
        ("a**", "GrammarError", 2),
        ("*a", "GrammarError", 0),
        ("a{3,2}", "GrammarError", 1),
        (r"\b*", "GrammarError", 2),
        ("a(?i)", "GrammarError", 1),
        ("(?y)", "GrammarError", 0),
        ("(?#a", "GrammarError", 0),
        ("(?P<1>a)", "GrammarError", 0),
        (r"a\q", "GrammarError", 1),
        (r"a\x1", "GrammarError", 1),
        (r"\U00110000", "GrammarError", 0),
        (r"\N{NO SUCH}", "GrammarError", 0),
        (r"\477", "GrammarError", 0),
        ("ab\\", "GrammarError", 2),
        (r"(a)\1", "UnsupportedFeature", 3),
        ("(?P<n>a)(?P=n)", "UnsupportedFeature", 8),
        ("(a)(?(1)b)", "UnsupportedFeature", 3),
        ("(?>a)", "UnsupportedFeature", 0),
        ("a++", "UnsupportedFeature", 2),
        ("(?L)a", "UnsupportedFeature", 0),
        ("a{9999999999}", "LimitExceeded", 1),
    ],
)
def test_python_errors(pattern: str, error: str, position: int) -> None:
    with pytest.raises(ConstraintError) as caught:
        parse_python(pattern)
    assert (type(caught.value).__name__, caught.value.position) == (error, position)


PYTHON = [  # pattern, flags, texts that match, texts that don't
    (r"(?x) a b # comment" + "\n [ c] {2}", 0, ["abcc", "ab  "], ["ab"]),
    (r"a(?#note)b", 0, ["ab"], ["a"]),
    (r"\N{LATIN SMALL LETTER A}\a\f\v\t\0\07\101", 0, ["a\a\f\v\t\0\x07A"], []),
    ("a{,2}b{2,}c{}", 0, ["bbc{}", "aabbbc{}"], ["aaabbc{}", "bc{}"]),
    ("[]a-]+", 0, ["]", "a-]"], ["b"]),
    (r"\d", "", ["٣", "1"], ["a"]),
    (r"\d", "a", ["1"], ["٣"]),
    ("(?i:ab)c", 0, ["ABc", "aBc"], ["abC"]),
    ("ab(?-i:c)", "i", ["ABc"], ["ABC"]),
    ("(?P<x>a)(?:b)?", 0, ["a", "ab"], ["b"]),
    (r"\Aa\Z", 0, ["a"], ["a\n"]),
    ("a$", 0, ["a"], ["a\n"]),
    ("a$\n", 0, ["a\n"], ["a"]),
    ("(?m)(?:^.*$\n?)*", 0, ["a\nb", ""], []),
    ('"(?!"").*?(?<!\\\\)(\\\\\\\\)*?"', "", ['"ab"', '"a\\"b"'], ['"a', '"""']),
]


@pytest.mark.parametrize(("pattern", "flags", "inside", "outside"), PYTHON)
def test_python(pattern: str, flags: int | str, inside: list[str], outside: list[str]) -> None:
    dfa = compile(parse_python(pattern, flags))
    bits = flags if isinstance(flags, int) else sum(int(getattr(re, f.upper())) for f in flags)
    for texts, expected in (inside, True), (outside, False):
        for text in texts:
            assert dfa.accepts(text) == expected, text
            assert (re.compile(pattern, bits).fullmatch(text) is not None) == expected, text


@compiled_only
@pytest.mark.parametrize("parse", [parse_ecma, parse_python])
def test_limits(parse) -> None:
    with pytest.raises(LimitExceeded) as caught:
        parse("(" * 10_000 + "a" + ")" * 10_000)
    assert (caught.value.keyword, caught.value.position) == ("regex_depth", 200)
    assert compile(parse("(" * 200 + "^a$" + ")*" * 200)).accepts("a")
    with pytest.raises(LimitExceeded) as caught:
        parse("a" * 100_001)
    assert caught.value.keyword == "regex_length"
    with pytest.raises(LimitExceeded):
        parse("(?=" * 100 + ")" * 100)
    with pytest.raises(LimitExceeded):
        compile(parse("^(a|b)*a(a|b){30}$"))
    with pytest.raises(LimitExceeded):
        compile(parse("^(?:(?:a?){1000}){1000}$"))
    with pytest.raises(LimitExceeded):
        parse(r"^(?:\b|x){3}(?!(?:a|b)*a(?:a|b){30}\b)")
    assert compile(parse("^(a|b)*a(a|b){12}$")).n_states == 8192
    with pytest.raises(LimitExceeded):
        compile(parse("^[a-z]{1,50}$"), Limits(dfa_states=20))


def test_classes_of_this_python() -> None:
    """The list of versions says what `re` does, and the tool that writes it would write the same."""
    own = properties.python_classes().get(unicodedata.unidata_version)
    if own is None:
        pytest.skip(f"Unicode {unicodedata.unidata_version} is not in the list")
    assert {letter: chosen.ranges for letter, chosen in own.items()} == {
        letter: properties.asked_of_re(letter).ranges for letter in "dsw"
    }
    assert make_python_classes.classes_by(unicodedata) == own
    text = make_python_classes.TARGET.read_text("ascii")
    assert "\n".join(make_python_classes.lines(properties.python_classes())) + "\n" == text


def test_classes_of_another_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """A version that is not in the list is asked for its own."""
    monkeypatch.setattr(unicodedata, "unidata_version", "99.0.0")
    monkeypatch.setattr(properties, "asked_of_re", lambda letter: properties.CharSet.of(letter))
    assert properties.python_class.__wrapped__("d") == properties.CharSet.of("d")


@given(st.text(st.sampled_from(string.printable + "éλ😀"), max_size=12))
@settings(max_examples=400, deadline=None)
def test_any_text_is_read_or_refused(pattern: str) -> None:
    """No other exception than ours; and where `re` can read a pattern, so can we, unless the feature is refused."""
    for parse in (parse_ecma, parse_python):
        try:
            compile(parse(pattern), Limits(dfa_states=2000))
        except ConstraintError as error:
            assert error.position is not None or isinstance(error, LimitExceeded)
    try:
        re.compile(pattern)
    except (re.error, OverflowError):
        return
    try:
        parse_python(pattern)
    except ConstraintError as error:
        assert type(error).__name__ == "UnsupportedFeature", error
