"""LALR(1) tables: the texts of the grammar, on every path; where there are no conflicts, lark's own tables."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import lark
import pytest
from hypothesis import HealthCheck, assume, given, settings
from lark.common import ParserConf
from lark.exceptions import GrammarError
from lark.grammar import NonTerminal
from lark.grammar import Rule as LarkRule
from lark.grammar import Terminal as LarkTerminal
from lark.indenter import PythonIndenter
from lark.parsers.lalr_analysis import LALR_Analyzer, Shift

from constrain.errors import LimitExceeded, Unsatisfiable
from constrain.grammar.cfg import Cfg, Rule, Terminal
from constrain.grammar.lalr import ACCEPT, Tables, tables
from constrain.grammar.simplify import simplified
from constrain.limits import Limits
from constrain.regular import ast
from tests.grammar import naive_cfg, random_cfg

SETTINGS = settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.filter_too_much])
DEEPEST = 60  # far more than a stack of these short texts has


def reduced(t: Tables, stacks: set[tuple[int, ...]], terminal: int) -> set[tuple[int, ...]]:
    """The stacks from all reductions before a terminal, those given included."""
    seen = set(stacks)
    todo = list(stacks)
    while todo:
        stack = todo.pop()
        assert len(stack) < DEEPEST, "reductions without end"
        for code in t.actions_of(stack[-1], terminal):
            if code >= ACCEPT:
                continue
            rule = -code - 1
            left = stack[: len(stack) - t.rule_length[rule]]
            to = int(t.goto[left[-1], t.rule_left[rule]])
            assert to >= 0, "a reduction leads nowhere"
            made = (*left, to)
            if made not in seen:
                seen.add(made)
                todo.append(made)
    return seen


def read(t: Tables, stacks: set[tuple[int, ...]], terminal: int) -> set[tuple[int, ...]]:
    """The stacks after a terminal."""
    return {
        (*stack, code - 1)
        for stack in reduced(t, stacks, terminal)
        for code in t.actions_of(stack[-1], terminal)
        if code > 0
    }


def accepts(t: Tables, stacks: set[tuple[int, ...]]) -> bool:
    """May the text end?"""
    end = t.n_terminals
    return any(ACCEPT in t.actions_of(stack[-1], end) for stack in reduced(t, stacks, end))


def agree(cfg: Cfg, longest: int) -> None:
    """Compare all texts of letters up to a length, and whether one may begin so."""
    letters = [t.name for t in cfg.terminals]
    if cfg.start not in naive_cfg.productive(cfg):
        with pytest.raises(Unsatisfiable):
            tables(cfg)
        return
    t = tables(cfg)
    level: dict[str, set[tuple[int, ...]]] = {"": {(t.start_state,)}}
    for length in range(longest + 1):
        for text in map("".join, product(letters, repeat=length)):
            if text and not level.get(text[:-1]):
                continue  # it was found above that nothing begins so
            if text:
                level[text] = read(t, level[text[:-1]], letters.index(text[-1]))
            assert bool(level[text]) == naive_cfg.begins(cfg, text), text
            assert accepts(t, level[text]) == naive_cfg.derives(cfg, text), text


@SETTINGS
@given(random_cfg.of_letters("ab"))
def test_all_texts_of_random_grammars(cfg: Cfg) -> None:
    agree(cfg, 3)


A, B, C = 0, 1, 2
S, T, U, V = 3, 4, 5, 6


@pytest.mark.parametrize(
    "rules",
    [
        [(S, (S, A)), (S, (B,))],
        [(S, (T, A)), (T, (S, B)), (T, (C,))],
        [(S, (T, S, A)), (S, (B,)), (T, ()), (T, (C,))],
        [(S, (T, U, S)), (S, (B,)), (T, ()), (U, ()), (U, (A,))],
        [(S, (S, S)), (S, (A,)), (S, ())],
        [(S, (S, S, S)), (S, (A,)), (S, (B, S)), (S, ())],
        [(S, (T,)), (T, (S,)), (T, (A, S, B)), (S, (C,))],
        [(S, (T, U)), (T, (S,)), (T, (A,)), (U, ()), (U, (C,))],
        [(S, (U, S, U)), (S, (A,)), (U, ()), (U, (C,)), (U, (S,))],
        [(S, (T, T)), (T, (U, U)), (U, (S, S)), (U, (A,)), (T, ()), (U, (B,))],
        [(S, (T, A)), (T, ()), (T, (T, T)), (T, (U,)), (U, (T,)), (U, (C, T, B))],
        [(S, (S,)), (S, (A,))],
        [(S, ())],
    ],
)
def test_all_texts_of_knotted_grammars(rules: list[tuple[int, tuple[int, ...]]]) -> None:
    terminals = tuple(Terminal(c, ast.literal(c)) for c in "abc")
    agree(Cfg(terminals, ("s", "t", "u", "v"), tuple(Rule(*r) for r in rules), S), 4)


def test_a_grammar_without_knots_keeps_its_rules() -> None:
    terminals = tuple(Terminal(c, ast.literal(c)) for c in "abc")
    made = [(S, (S, A)), (S, (T, B, U)), (T, ()), (T, (C,)), (U, (A, U)), (U, ())]
    cfg = Cfg(terminals, ("s", "t", "u"), tuple(Rule(*r) for r in made), S)
    assert simplified(cfg) == cfg
    useless = [(V, (A,)), (U, (V + 1,)), (U, (U,))]
    more = cfg._replace(nonterminals=("s", "t", "u", "v", "w"), rules=(*cfg.rules, *(Rule(*r) for r in useless)))
    assert simplified(more) == cfg


def test_terminals_that_hold_the_empty_text() -> None:
    terminals = (Terminal("A", ast.repeat(ast.literal("a"))), Terminal("B", ast.literal("b")))
    cfg = Cfg(terminals, ("s",), (Rule(2, (0, 2, 1)), Rule(2, (0,))), 2)
    made = simplified(cfg)
    full = made._replace(terminals=(Terminal("A", ast.repeat(ast.literal("a"), 1)), terminals[1]))
    for length in range(5):
        for text in map("".join, product("ab", repeat=length)):
            assert naive_cfg.derives(full, text) == naive_cfg.derives(cfg, text)
    assert {(): True, (0,): True}.items() <= {rule.right: True for rule in made.rules}.items()


def test_shortcuts() -> None:
    """A chain of rules is one step; what the parser reads, and where, is the same."""
    n = 20
    names = tuple(f"n{i}" for i in range(n))
    rules = [Rule(3 + i, (4 + i,)) for i in range(n - 1)] + [Rule(3 + n - 1, (A,)), Rule(3, (B, 3, C))]
    cfg = Cfg(tuple(Terminal(c, ast.literal(c)) for c in "abc"), names, tuple(rules), 3)
    long, short = tables(cfg, shortcuts=False), tables(cfg)
    assert long.n_states == short.n_states + n - 1
    assert len(reduced(short, read(short, {(0,)}, A), 3)) == 2  # the chain's last rule, then the start
    contexts = [sorted(t.contexts[t.context[q]] for q in t.shifted.nonzero()[0]) for t in (long, short)]
    assert contexts[0] == contexts[1]
    agree(cfg, 4)


def test_the_start_may_be_a_terminal() -> None:
    t = tables(Cfg((Terminal("A", ast.literal("a")),), (), (), 0))
    assert accepts(t, read(t, {(0,)}, 0)) and not accepts(t, {(0,)})


def lark_tables(cfg: Cfg) -> LALR_Analyzer:
    """Lark's own analysis of the rules; GrammarError where it finds reductions that conflict."""
    n = len(cfg.terminals)
    names = [LarkTerminal(t.name) for t in cfg.terminals] + [NonTerminal(x) for x in cfg.nonterminals]
    made = [LarkRule(names[r.left], [names[s] for s in r.right], order=i) for i, r in enumerate(cfg.rules)]
    analyzer = LALR_Analyzer(ParserConf(made, {}, [cfg.nonterminals[cfg.start - n]]))
    analyzer.compute_lalr()
    return analyzer


def same_as_lark(cfg: Cfg, analyzer: LALR_Analyzer) -> None:
    """Our tables are lark's, but for the numbers of the states; of our actions lark's is the first."""
    t = tables(cfg, shortcuts=False)
    n = t.n_terminals
    number = {x.name: i for i, x in enumerate(cfg.terminals)} | {"$END": n}
    nonterminal = {name: i for i, name in enumerate(t.nonterminals)}
    theirs = analyzer.parse_table
    (start,) = theirs.start_states.values()
    (end,) = theirs.end_states.values()
    pairs = {start: 0}
    todo = [start]
    while todo:
        x = todo.pop()
        p = pairs[x]
        actions = dict(theirs.states[x])
        if x == end:
            assert t.actions_of(p, n)[-1:] == [ACCEPT] or ACCEPT in t.actions_of(p, n)
        accepted = sorted(number[name] for name in actions if name in number and name != "$END")
        assert list(t.contexts[t.context[p]]) == accepted
        assert {nonterminal[name] for name in actions if name in nonterminal} == set(
            (t.goto[p] >= 0).nonzero()[0].tolist()
        )
        for name, (kind, target) in actions.items():
            if name in number:
                code = t.actions_of(p, number[name])[0]
                if kind is not Shift:
                    assert t.nonterminals[t.rule_left[-code - 1]] == target.origin.name
                    assert t.rule_length[-code - 1] == len(target.expansion)
                    continue
                q = code - 1
                assert t.shifted[q]
            else:
                q = int(t.goto[p, nonterminal[name]])
            if target not in pairs:
                todo.append(target)
            assert pairs.setdefault(target, q) == q
    assert len(pairs) == t.n_states == len(theirs.states)


@SETTINGS
@given(random_cfg.of_letters())
def test_tables_without_conflicts_are_larks(cfg: Cfg) -> None:
    assume(cfg.start in naive_cfg.productive(cfg))
    cfg = simplified(cfg._replace(lexing=True))
    try:
        analyzer = lark_tables(cfg)
    except GrammarError:
        assert tables(cfg).has_conflicts
        return
    same_as_lark(cfg, analyzer)


def test_tables_of_larks_python_grammar() -> None:
    text = (Path(lark.__path__[0]) / "grammars" / "python.lark").read_text("utf-8")
    options = {"parser": "lalr", "start": "file_input", "maybe_placeholders": False, "postlex": PythonIndenter()}
    made = lark.Lark(text, **options)
    symbols = {s.name: s.is_term for r in made.rules for s in (r.origin, *r.expansion)}
    terminals = sorted(name for name, is_term in symbols.items() if is_term)
    nonterminals = sorted(name for name, is_term in symbols.items() if not is_term)
    number = {name: i for i, name in enumerate(terminals + nonterminals)}
    cfg = Cfg(
        tuple(Terminal(name, ast.literal(name)) for name in terminals),
        tuple(nonterminals),
        tuple(Rule(number[r.origin.name], tuple(number[s.name] for s in r.expansion)) for r in made.rules),
        number["file_input"],
        lexing=True,
    )
    assert simplified(cfg).rules and len(simplified(cfg).rules) == len(cfg.rules)
    analyzer = LALR_Analyzer(ParserConf(made.rules, {}, ["file_input"]))
    analyzer.compute_lalr()
    same_as_lark(cfg, analyzer)


def chain(length: int) -> Cfg:
    """A rule of many symbols, and rules that lead to each other one by one."""
    n = length
    names = tuple(f"n{i}" for i in range(n))
    steps = [Rule(1 + i, (1 + i + 1,)) for i in range(n - 1)] + [Rule(n, ()), Rule(n, (0, 1, 1))]
    return Cfg((Terminal("A", ast.literal("a")),), names, tuple(steps), 1)


def test_deep_grammars() -> None:
    """Nothing recurses: chains of empty and cyclic rules as long as may be."""
    t = tables(chain(3000), Limits(lr_cells=100_000_000))
    assert accepts(t, {(0,)}) and accepts(t, read(t, {(0,)}, 0))
    n = 3000
    round_trip = [Rule(1 + i, (1 + (i + 1) % n,)) for i in range(n)] + [Rule(1 + n // 2, (0, 1, 1)), Rule(1, ())]
    cfg = Cfg((Terminal("A", ast.literal("a")),), tuple(f"n{i}" for i in range(n)), tuple(round_trip), 1)
    t = tables(cfg)
    assert t.n_states < 20
    assert accepts(t, read(t, read(t, {(0,)}, 0), 0))
    empties = [Rule(1, (2,) * 200 + (1,) + (2,) * 200), Rule(1, (0,)), Rule(2, ()), Rule(2, (0,))]
    t = tables(Cfg((Terminal("A", ast.literal("a")),), ("s", "t"), tuple(empties), 1))
    assert read(t, read(t, {(0,)}, 0), 0) and not accepts(t, {(0,)})


def test_limits() -> None:
    with pytest.raises(LimitExceeded) as caught:
        tables(chain(300), Limits(lr_states=100))
    assert caught.value.keyword == "lr_states"
    with pytest.raises(LimitExceeded) as caught:
        tables(chain(300), Limits(lr_cells=10_000))
    assert caught.value.keyword == "lr_cells"
    with pytest.raises(LimitExceeded) as caught:
        tables(chain(300), Limits(lr_work=1000))
    assert caught.value.keyword == "lr_work"
    with pytest.raises(LimitExceeded) as caught:
        tables(chain(30_000))
    assert caught.value.keyword == "lr_work"
    with pytest.raises(LimitExceeded) as caught:
        tables(chain(300), Limits(grammar_nodes=100))
    assert caught.value.keyword == "grammar_nodes"
