"""Lark grammars: texts are accepted as by lark's own parsers, and what can't be exact is refused with a place."""

from __future__ import annotations

import contextlib
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import lark
import pytest

from constrain.errors import ConstraintError, GrammarError, LimitExceeded, Unsatisfiable, UnsupportedFeature
from constrain.frontends import lark as lark_constraint
from constrain.grammar.cfg import Cfg
from constrain.grammar.ir import Alt, Grammar, Object, Token
from constrain.grammar.lalr import tables
from constrain.grammar.lark_frontend import lark_rules
from constrain.limits import Limits
from constrain.regular import compile
from tests.grammar import naive_cfg, naive_lexing

# Grammars, letters of texts, and some texts to begin with.
CASES: dict[str, tuple[str, str, list[str]]] = {
    "keywords": (
        """
        start: stmt*
        stmt: "if" NAME ":" stmt | NAME "=" NUMBER ";" | "pass" ";"
        NAME: /[a-z]+/
        NUMBER: /[0-9]+/
        %ignore " "
        """,
        "ifpas x=1:;",
        ["ifx=1;", "if x: pass;", "iffy=1;", "if if: pass;", "pass=1;", "x = 12 ;"],
    ),
    "priorities": (
        """
        start: ((A | B) "!" | (C | AB) "?")*
        A.2: "a" | "ab"
        B: /b+/
        AB: "abb"
        C.-1: /[abc]/
        """,
        "abc!?",
        ["ab!", "bb!c?", "abb?", "a!abb!", "c?b?"],
    ),
    "flags and ranges": (
        """
        start: word ("," word)*
        word: SELECT | NAME | LETTER~2..3
        SELECT: "sel"i
        NAME: /[a-z]+/
        LETTER: "A".."C"
        %ignore /\\s+/
        """,
        "selSELAB, ",
        ["sel,SEL", "Sel , ABC", "AB", "sels", "SELA"],
    ),
    "ebnf": (
        """
        start: "(" [item ("," item)*] ")" tail?
        item: A~1..3 | B+ | (A B)*
        tail: ("!" | "?")~2
        A: "a"
        B: "b"
        """,
        "(ab,)!?",
        ["()", "(a,b)", "(aaa,bb)!?", "(abab,)", "(aaaa)"],
    ),
    "templates": (
        """
        start: list{pair{WORD, num}}
        list{x}: "[" (x ("," x)*)? "]"
        pair{a, b}: a ":" b
        num: /[0-9]/+
        WORD: /[a-z]/
        %ignore " "
        """,
        "[a:1,]b2 ",
        ["[a:1]", "[a:1, b:22]", "[]", "[a:]"],
    ),
    "ignored keywords": (
        """
        start: "a" " " "b" | WORD
        WORD: /[b ]+/
        WS: /[ \\t]+/
        %ignore WS
        """,
        "ab ",
        ["a b", "ab", " b", "b b", "  a"],
    ),
    "lazy strings": (
        r"""
        start: (ESCAPED_STRING | COMMENT | "x")*
        COMMENT: "/*" /(.|\n)*?/ "*/"
        %import common.ESCAPED_STRING
        """,
        '"\\x/*',
        ['"x"', '"\\"x"', "/*x*/x", "/*/*/", '"\\\\"x'],
    ),
    "left recursion and empty rules": (
        """
        start: sum
        sum: sum "+" item | item
        item: opt "x" opt | "(" sum ")"
        opt: ("-" | "--")?
        """,
        "x+-()",
        ["x+x", "(x)+-x-", "--x--+(x+x)", "x+"],
    ),
    "lookaheads": (
        """
        start: (DEC | NAME | ".")*
        DEC: /[1-9]/ ("_"? "0".."9")* | "0" ("_"? "0")* /(?![1-9])/
        NAME: /[a-z]+(?!\\d)/
        """,
        "01_a.",
        ["00", "01", "0_0", "10_1", "a.0", "a0", "ab0"],
    ),
}  # fmt: skip


def rules(text: str, **options: Any) -> Cfg:
    return lark_rules(text, options.pop("start", "start"), Grammar(), **options)


def texts(letters: str, samples: list[str], count: int, seed: int) -> list[str]:
    """Random texts, and samples with random edits."""
    rng = random.Random(seed)
    made = list(samples)
    while len(made) < count:
        base = rng.choice(samples) if rng.random() < 0.7 else ""
        for _ in range(rng.randint(0, 3) if base else rng.randint(0, 6)):
            at = rng.randint(0, len(base))
            base = base[:at] + (rng.choice(letters) if rng.random() < 0.6 else "") + base[at + rng.randint(0, 1) :]
        made.append(base)
    return made


def accepted(parser: Any, text: str) -> bool:
    try:
        parser.parse(text)
    except lark.exceptions.UnexpectedInput:
        return False
    return True


@pytest.mark.parametrize("name", CASES)
def test_as_larks_contextual_lexer(name: str) -> None:
    grammar, letters, samples = CASES[name]
    cfg = rules(grammar)
    made = tables(cfg)
    parser = lark.Lark(grammar, parser="lalr", lexer="contextual")
    found = {True: 0, False: 0}
    for text in texts(letters, samples, 150, 1):
        want = accepted(parser, text)
        assert naive_lexing.accepts(cfg, made, text) == want, text
        found[want] += 1
    assert min(found.values()) > 10, found


@pytest.mark.parametrize("name", [n for n in CASES if n not in ("lazy strings", "lookaheads")])
def test_scannerless_as_larks_earley(name: str) -> None:
    """Without lazy quantifiers and lookaheads, whose matches depend on the lexer."""
    grammar, letters, samples = CASES[name]
    cfg = rules(grammar, scannerless=True)
    parser = lark.Lark(grammar, parser="earley", lexer="dynamic_complete", ambiguity="resolve")
    found = {True: 0, False: 0}
    for text in texts(letters, [s for s in samples if len(s) < 9], 60, 2):
        if not text:
            continue  # lark's dynamic lexer never ignores something in an empty text, nor needs to
        want = accepted(parser, text)
        assert naive_cfg.derives(cfg, text) == want, text
        found[want] += 1
    assert min(found.values()) > 5, found


REFUSED_BY_THE_ENGINE: dict[str, type[ConstraintError]] = {
    "ignored keywords": GrammarError,  # a token that lark's lexer never finds
}


@pytest.mark.parametrize("name", CASES)
def test_the_engine_as_larks_contextual_lexer(name: str) -> None:
    grammar, letters, samples = CASES[name]
    c = lark_constraint(grammar)
    if name in REFUSED_BY_THE_ENGINE:
        with pytest.raises(REFUSED_BY_THE_ENGINE[name]):
            c.matches("")
        return
    parser = lark.Lark(grammar, parser="lalr", lexer="contextual")
    for text in texts(letters, samples, 120, 3):
        assert c.matches(text) == accepted(parser, text), text


@pytest.mark.parametrize("name", [n for n in CASES if n not in ("lazy strings", "lookaheads", "ignored keywords")])
def test_the_engine_without_a_lexer(name: str) -> None:
    grammar, letters, samples = CASES[name]
    c = lark_constraint(grammar, scannerless=True)
    parser = lark.Lark(grammar, parser="earley", lexer="dynamic_complete", ambiguity="resolve")
    for text in texts(letters, samples, 60, 4):
        if text:
            assert c.matches(text) == accepted(parser, text), text


def test_embedded_schemas_and_tokens() -> None:
    grammar = Grammar()
    cfg = lark_rules(
        """
        start: "call" body <|eom_id|> | <[7,9-11]> other | <[9]> <|eom_id|>
        body: %json {
            "type": "object", "properties": {"a": {"type": "string"}}
        } "!"
        other: %json {"type": "object"}
        """,
        "start", grammar,
    )  # fmt: skip
    nodes = {t.name: grammar.nodes[t.node] for t in cfg.terminals if t.node >= 0}
    assert nodes["<|eom_id|>"] == Token("<|eom_id|>", 2, 28)
    assert [nodes[f"<[{i}]>"] for i in (7, 9, 10, 11)] == [Token(i, 2, 41) for i in (7, 9, 10, 11)]
    assert set(grammar.tokens.values()) == {node for node in nodes.values() if isinstance(node, Token)}
    schemas = [grammar.nodes[t.node] for t in cfg.terminals if t.name == "%json"]
    assert len(schemas) == 2
    for node in schemas:
        assert isinstance(grammar.nodes[node.options[0]] if isinstance(node, Alt) else node, Object)
    assert len([t for t in cfg.terminals if t.name == "<|eom_id|>"]) == 1
    assert len([t for t in cfg.terminals if t.name == "<[9]>"]) == 1


REFUSED: list[tuple[str, type[ConstraintError], int | None, int | None, str]] = [
    ('start: "a" (\n', GrammarError, 1, None, ""),
    ('start: a\n', GrammarError, 1, 1, "'a' used but not defined"),
    ('x: "a"\n', GrammarError, None, None, "no rule 'start'"),
    ('start: A\nA: /(/\n', GrammarError, 2, 1, ""),
    ('start: "a"\n  | /b*/\n', GrammarError, 2, 5, "may be empty"),
    ('start: A\n  A: /a(?=b)/', UnsupportedFeature, 2, 3, "lookahead"),
    ('start: A\nA: /(a)\\1/', UnsupportedFeature, 2, 1, "back-reference"),
    ('start: "x" /^a/', UnsupportedFeature, 1, 12, "before the terminal"),
    ('start: "a" B\n%declare B', GrammarError, 1, 1, "declared"),
    ('start: "a"\nstart: "b"', GrammarError, 2, None, "more than once"),
    ('start: %json {"type": 1}', ConstraintError, 1, 8, "%json"),
    ('start: %json {"type" 1}', GrammarError, 1, 22, "no JSON"),
    ('start: %json {"uniqueItems": true,\n "items": {"maxItems": 2}}', UnsupportedFeature, 1, 8, "uniqueItems"),
    ('start: A\nA: /[^{]+/\n%ignore " "', UnsupportedFeature, 2, 1, "ignored"),
    ('%llguidance {}\nstart: "a"', UnsupportedFeature, 1, 1, "%llguidance"),
    ('start: "a"\nx[capture]: "b"', UnsupportedFeature, 2, 1, "attributes"),
    ('start: "a" <[x]>', GrammarError, 1, 12, "token"),
    ('%import .other (x)\nstart: x', GrammarError, None, None, "relative import"),
    ('%import nowhere.x\nstart: x', GrammarError, None, None, "no grammar nowhere.lark"),
    ('start: "a" start', Unsatisfiable, None, None, "'start'"),
    ('start: x\nx: "" y\ny: x', ConstraintError, None, None, ""),
    ('start: A\nA: B\nB: A', GrammarError, 2, 1, "Recursion in terminal"),
    ('start: /\\p{Lu}/', ConstraintError, 1, 8, ""),
    ('start: "\\ud800"', Unsatisfiable, None, None, ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "kind", "line", "column", "part"), REFUSED)
def test_refused_with_a_place(
    text: str, kind: type[ConstraintError], line: int | None, column: int | None, part: str
) -> None:
    with pytest.raises(kind) as caught:
        lark_constraint(text)
    assert caught.value.line == line, caught.value
    assert column is None or caught.value.column == column, caught.value
    assert part in str(caught.value)


def test_imports(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "things.lark").write_text('''
        thing: "t" inner | %json {"const": 1}
        inner: "i"
        WORD: /[a-z]+/
        %import .more (other)
    ''', "utf-8")  # fmt: skip
    (tmp_path / "lib" / "more.lark").write_text('other: "o" <|x|>', "utf-8")
    text = "start: thing WORD other | thing\n%import {}things (thing, WORD)\n%import {}more.other\n"
    for cfg in (
        rules(text.format("", ""), import_paths=[tmp_path / "lib"]),
        rules(text.format(".lib.", ".lib."), source_path=tmp_path / "main.lark"),
    ):
        assert {t.name for t in cfg.terminals} >= {"%json", "<|x|>", "WORD"}
        made = tables(cfg._replace(terminals=tuple(t._replace(node=-1) for t in cfg.terminals)))
        assert naive_lexing.accepts(cfg, made, "ti")
    cfg = rules('%import common.INT\n%override INT: "1"\n%extend INT: "2"\nstart: INT')
    made = tables(cfg)
    assert [naive_lexing.accepts(cfg, made, t) for t in "123"] == [True, True, False]


def test_larks_python_grammar() -> None:
    path = Path(lark.__file__).parent / "grammars" / "python.lark"
    cfg = rules(path.read_text("utf-8"), start="file_input", source_path=path)
    by_name = {t.name: t for t in cfg.terminals}
    indentation = cfg.indentation
    assert indentation is not None
    newline = cfg.terminals[indentation.newline]
    assert newline.name == "_NEWLINE" and newline.language is not None
    dfa = compile(newline.language)
    assert [dfa.accepts(t) for t in ("\n", "\r\n\n", "# c\n", "\n  # c\n", "\n  ", "  \n")] == [True] * 4 + [False] * 2
    assert cfg.terminals[indentation.indent].name == "_INDENT"
    assert {cfg.terminals[i].name for i in indentation.opening} == {"LPAR", "LSQB", "LBRACE"}
    keywords = {cfg.terminals[i].name for i in by_name["NAME"].unless}
    assert {"IF", "ASYNC", "MATCH", "NONE"} <= keywords
    with pytest.raises(GrammarError):
        rules(path.read_text("utf-8"), start="file_input", source_path=path, scannerless=True)


LARGE = {
    "alternatives": "start: " + '("a"|"b"|/c/) ' * 12,
    "patterns": 'start: A30\nA0: "ab"\n' + "".join(f"A{i}: A{i - 1} A{i - 1}\n" for i in range(1, 31)),
    "templates": 'start: a{"x"}\na{x}: "q" a{c{x}}\nc{x}: x x',
    "groups": "start: " + "(" * 300 + '"a"' + ")" * 300,
    "chain of rules": "".join(f"r{i}: r{i + 1}\n" for i in range(3000)) + 'r3000: "a"\nstart: r0',
    "repeats": 'start: (("a" | "b") ~ 40) ~ 40',
    "schema": "start: %json " + '{"a":' * 5000,
    "backtracking": 'start: A | B\nA: /(a*)*b/\nB: "' + "a" * 40 + '"',
    "repeats of a pattern": "start: /(a{1,100}){1,100}/",
    "long": "start: " + '"a" ' * 500_000,
}


@pytest.mark.parametrize("name", LARGE)
def test_hostile_grammars(name: str) -> None:
    """They are read or refused, soon and without a crash."""
    with contextlib.suppress(ConstraintError):
        lark_constraint(LARGE[name])


def test_limits() -> None:
    for text, limits, keyword in (
        ('start: "aaaaaaaaaa"', Limits(grammar_bytes=10), "grammar_bytes"),
        ("start: " + '("a"|"b") ' * 5, Limits(alternatives=31), "alternatives"),
        ('start: ((("a")))', Limits(regex_depth=2), "regex_depth"),
        ("start: a\na: " + '"a" ' * 9, Limits(grammar_nodes=9), "grammar_nodes"),
    ):
        with pytest.raises(LimitExceeded) as caught:
            rules(text, limits=limits)
        assert caught.value.keyword == keyword
        rules(text)


def test_lines_are_larks() -> None:
    """What is cut out leaves its line ends behind."""
    text = 'start: a\na: %json {\n"type":\n"string"\n} "x"\nb: :\n'
    with pytest.raises(GrammarError) as caught:
        rules(text)
    assert (caught.value.line, caught.value.column) == (6, 4)
    assert re.search("line 6, column 4", str(caught.value))


def test_schemas_in_rules_through_the_engine() -> None:
    c = lark_constraint(
        """
        start: ("call" NAME args ";")+
        args: %json {"type": "array", "items": {"$ref": "#/$defs/x"}, "$defs": {"x": {"type": ["integer", "string"]}}}
        NAME: /[a-z]+/
        %ignore /[ ]+/
        """
    )
    for text in ("call f[1];", 'call f ["a;b", 2] ;', "call f[];call g[ ];"):
        assert c.matches(text), text
    for text in ("call f[1.5];", "call f[1]", "callf[1]; call", "call [1];"):
        assert not c.matches(text), text


def test_grammars_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSTRAIN_CACHE_DIR", str(tmp_path))
    text = 'start: WORD ("," WORD)*\nWORD: /[a-z]+?(?![a-z])/\n%import common.WS\n%ignore WS'
    first = lark_constraint(text)
    with monkeypatch.context() as without:
        without.setattr("constrain.grammar.lark_frontend.lark_rules", None)
        again = lark_constraint(text)
        for made in (first, again):
            assert made.matches("a, bc") and not made.matches("a bc")
        for other in ({"start": "x"}, {"flags": re.I}, {"scannerless": True}, {"import_paths": [tmp_path]}):
            with pytest.raises(TypeError):  # it would be read anew
                lark_constraint(text, **other)  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            lark_constraint(text.replace("common.WS", "other.WS"))


def test_importing_is_cheap() -> None:
    code = (
        "import sys, constrain; constrain.lark; constrain.template; constrain.grammar\n"
        "print([m for m in ('lark', 'numba', 'jsonschema', 'interegular') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
