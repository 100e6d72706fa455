"""The slow twins against lark itself: Earley for what a grammar derives, contextual LALR for grammars with a lexer."""

from __future__ import annotations

from itertools import product
from typing import Any, ClassVar

import lark
import lark.indenter
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from constrain.errors import UnsupportedFeature
from constrain.grammar.cfg import Cfg, Indentation, Rule, Terminal
from constrain.grammar.lalr import tables
from constrain.grammar.lexing import lexer
from constrain.regular import parse_python
from tests.grammar import naive_cfg, naive_lexing, random_cfg

SETTINGS = settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
Draw = Any


def rules_text(cfg: Cfg) -> str:
    """The rules as lark writes them."""
    names = [t.name for t in cfg.terminals] + list(cfg.nonterminals)
    lines = []
    for i, name in enumerate(cfg.nonterminals, len(cfg.terminals)):
        rights = [" ".join(names[s] for s in rule.right) for rule in cfg.rules if rule.left == i]
        lines.append(f"{name}: {' | '.join(rights)}")
    return "\n".join(lines)


def parses(parser: lark.Lark, text: str) -> bool:
    try:
        parser.parse(text)
    except lark.exceptions.UnexpectedInput:
        return False
    return True


@SETTINGS
@given(random_cfg.of_letters())
def test_derives_is_larks_earley(cfg: Cfg) -> None:
    terminals = tuple(t._replace(name=t.name.upper()) for t in cfg.terminals)
    cfg = cfg._replace(terminals=terminals, rules=tuple(dict.fromkeys(cfg.rules)))
    text = rules_text(cfg) + "".join(f'\n{t.name}: "{t.name.lower()}"' for t in cfg.terminals)
    parser = lark.Lark(text, parser="earley", lexer="dynamic_complete", start=cfg.nonterminals[0])
    for length in range(5):
        for letters in product("abc"[: 3 if length < 4 else 2], repeat=length):
            word = "".join(letters)
            assert naive_cfg.derives(cfg, word) == parses(parser, word), (text, word)


def from_lark(parser: lark.Lark, start: str, lines: type[lark.indenter.Indenter] | None = None) -> Cfg:
    """A grammar that lark has read, with the ranks and the texts taken from others that its lexer goes by."""
    order = sorted(
        parser.terminals, key=lambda t: (-t.priority, -t.pattern.max_width, -len(t.pattern.value), t.name)
    )
    textless = [] if lines is None else [str(lines.INDENT_type), str(lines.DEDENT_type)]
    names = sorted({r.origin.name for r in parser.rules})
    symbols = [t.name for t in order] + textless + names
    number = {name: i for i, name in enumerate(symbols)}
    fixed = [t.pattern.type == "str" for t in order]
    made = []
    for i, t in enumerate(order):
        language = parse_python(t.pattern.to_regexp())
        took = () if fixed[i] else tuple(
            u for u, other in enumerate(order)
            if fixed[u] and other.priority == t.priority and naive_cfg.holds(language, other.pattern.value)
        )  # fmt: skip
        made.append(Terminal(t.name, language, rank=i, unless=took))
    made += [Terminal(name) for name in textless]
    return Cfg(
        tuple(made),
        tuple(names),
        tuple(Rule(number[r.origin.name], tuple(number[s.name] for s in r.expansion)) for r in parser.rules),
        number[start],
        lexing=True,
        ignore=frozenset(number[name] for name in parser.ignore_tokens),
        indentation=lines and Indentation(
            number[str(lines.NL_type)], number[textless[0]], number[textless[1]],
            tuple(number[x] for x in lines.OPEN_PAREN_types), tuple(number[x] for x in lines.CLOSE_PAREN_types),
            int(lines.tab_len),
        ),
    )  # fmt: skip


PATTERNS = ['"a"', '"b"', '"ab"', '"aa"', '"ba"', "/a+/", "/[ab]+/", "/ab?/", "/b*c/", "/[a-c]/", "/ca*b?/", '"c"']


@st.composite
def lark_texts(draw: Draw) -> str:
    """Lark grammars of a few terminals that begin with one another."""
    patterns = draw(st.lists(st.sampled_from(PATTERNS), min_size=2, max_size=4, unique=True))
    names, rules = draw(random_cfg.rules(len(patterns), most=3))
    terminals = tuple(Terminal(f"T{i}") for i in range(len(patterns)))
    lines = [rules_text(Cfg(terminals, names, tuple(dict.fromkeys(rules)), len(patterns)))]
    for i, pattern in enumerate(patterns):
        lines.append(f"T{i}{draw(st.sampled_from(['', '', '.1', '.2']))}: {pattern}")
    if draw(st.booleans()):
        ignored = draw(st.sampled_from(["/_+/", "/_|a_/", "/b_?/", '"_"', '"a"', "T0"]))
        lines.append(f"%ignore {ignored}")
    return "\n".join(lines)


@SETTINGS
@given(lark_texts())
def test_accepts_is_larks_contextual_lexer(text: str) -> None:
    try:
        parser = lark.Lark(text, parser="lalr", lexer="contextual", start="n0")
    except lark.exceptions.GrammarError:  # conflicts
        assume(False)
    cfg = from_lark(parser, "n0")
    assume(cfg.start in naive_cfg.productive(cfg))
    t = tables(cfg)
    try:
        lexer(cfg, t)
    except UnsupportedFeature as refused:
        assert "is ignored, and part of rules" in refused.reason
        return
    # lark shifts where we follow both ways, and looks for terminals of rules that can never be completed
    assume(not t.has_conflicts and all(s in naive_cfg.productive(cfg) for r in cfg.rules for s in r.right))
    for length in range(6):
        for letters in product("abc_"[: 4 if length < 5 else 2], repeat=length):
            word = "".join(letters)
            assert naive_lexing.accepts(cfg, t, word) == parses(parser, word), word


class Lines(lark.indenter.Indenter):
    NL_type = "NL"
    INDENT_type = "INDENT"
    DEDENT_type = "DEDENT"
    OPEN_PAREN_types: ClassVar[list[str]] = ["OPEN"]
    CLOSE_PAREN_types: ClassVar[list[str]] = ["CLOSE"]
    tab_len = 2


BLOCKS = """
start: NL? line*
line: A NL | A line_rest | A ":" NL INDENT line+ DEDENT
line_rest: OPEN (A | line_rest)* CLOSE NL
A: "a"
OPEN: "("
CLOSE: ")"
NL: /(\\n[ \\t]*(#)?)+/
%declare INDENT DEDENT
%ignore " "
"""


@st.composite
def blocks(draw: Draw) -> str:
    """Lines in blocks, now and then with a mistake."""
    text = draw(st.sampled_from(["", "", "\n"]))
    open_ = [0]
    deeper = False
    for left in range(draw(st.integers(0, 6)), -1, -1):
        column = open_[-1] + draw(st.integers(1, 3)) if deeper else draw(st.sampled_from(open_))
        open_ = [c for c in open_ if c < column] + [column]
        deeper = left > 0 and draw(st.booleans())
        wrong = draw(st.integers(0, 20))
        text += draw(st.sampled_from([" " * column, "\t" * (column // 2) + " " * (column % 2)])) + " " * (wrong == 1)
        text += "a:" if deeper else draw(st.sampled_from(["a", "a", "a()", "a (\n a)", "a((\n)  a\n)"]))
        text += {2: ")", 3: "#", 4: ":", 5: "a"}.get(wrong, "")
        text += "" if wrong == 6 else draw(st.sampled_from(["\n", "\n", "\n", "\n\n", "\n#\n", "\n  #\n \n"]))
    return text.removesuffix(draw(st.sampled_from(["", "", "\n"])))


@SETTINGS
@given(blocks())
def test_blocks_are_larks_indenters(text: str) -> None:
    parser = lark.Lark(BLOCKS, parser="lalr", lexer="contextual", postlex=Lines())
    cfg = from_lark(parser, "start", Lines)
    try:
        expected = parses(parser, text)
    except (lark.indenter.DedentError, AssertionError):
        expected = False
    assert naive_lexing.accepts(cfg, tables(cfg), text) == expected
