"""From regular languages to the terminal records of an arena (layout.py, T_*)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from constrain import regular
from constrain.engine import layout as L
from constrain.limits import DEFAULT_LIMITS, Limits
from constrain.regular import ast
from constrain.regular.dfa import relabelled
from constrain.sorted_arrays import distinct

if TYPE_CHECKING:
    from constrain.engine.rules_lexer import Table
    from constrain.regular.dfa import Dfa

FAR = 1 << 20  # more characters than any bound that is counted


def dfa_record(
    dfa: Dfa | Table, gid: int, minrem: npt.NDArray[np.int32] | None = None
) -> npt.NDArray[np.int32]:
    """The record of an automaton. minrem: characters to the nearest accepting state, int32 per state."""
    states, ncls = dfa.table.shape
    nint = len(dfa.bounds)
    ascii_classes = dfa.classes[np.searchsorted(dfa.bounds, np.arange(128), side="right") - 1]
    zeros = np.zeros(states, np.int32)
    parts: list[npt.NDArray[Any]] = [
        ascii_classes, dfa.bounds, dfa.classes, dfa.table, dfa.accept, zeros if minrem is None else minrem,
    ]  # fmt: skip
    head = np.zeros(L.TD_HEAD, np.int32)
    wide = _columns(ncls, dfa.classes[np.searchsorted(dfa.bounds, 127, side="right") - 1 :])
    head[L.TD_WIDE] = bool((dfa.table[:, wide] >= 0).any())
    first = np.full(256, bool(head[L.TD_WIDE]))
    first[:128] = dfa.table[0, ascii_classes] >= 0
    head[L.TD_OPEN] = bool((dfa.table >= 0).any(axis=1).all())
    head[L.TD_FIRST : L.TD_FIRST + 8] = np.packbits(first, bitorder="little").view(np.int32)
    head[0], head[1], head[L.TD_STATES], head[L.TD_NCLS], head[L.TD_NINT] = L.T_DFA, gid, states, ncls, nint
    real = _columns(ncls, dfa.classes[(dfa.bounds < 0xD800) | (dfa.bounds > 0xDFFF)])
    everything = (dfa.table[:, real] == np.arange(states)[:, None]).all(axis=1) & (dfa.accept == 0)
    head[L.TD_ALL] = int(np.flatnonzero(everything)[0]) if everything.any() else -1
    at = len(head)
    fields = (L.TD_ASCII, L.TD_BOUNDS, L.TD_CLASSES, L.TD_TABLE, L.TD_ACCEPT, L.TD_MINREM)
    for field, part in zip(fields, parts, strict=True):
        head[field] = at
        at += part.size
    return np.concatenate([head, *(p.astype(np.int32, copy=False).ravel() for p in parts)])


def _columns(count: int, named: npt.NDArray[np.int32]) -> npt.NDArray[np.intp]:
    """The columns that are named, each once."""
    there = np.zeros(count, bool)
    there[named] = True
    return np.flatnonzero(there)


def edges(dfa: Dfa) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Sources and targets of all moves of the automaton, without repeats."""
    source, column = np.nonzero(dfa.table >= 0)
    pairs = distinct(source * len(dfa.table) + dfa.table[source, column])
    return pairs // len(dfa.table), pairs % len(dfa.table)


def distances(dfa: Dfa) -> npt.NDArray[np.int32]:
    """For each state the least number of characters to an accepting one."""
    n = len(dfa.table)
    source, target = edges(dfa)
    order = np.argsort(target, kind="stable")
    source = source[order]
    begin = np.searchsorted(target[order], np.arange(n + 1))
    far = np.full(n, FAR, np.int32)
    front = np.flatnonzero(dfa.accept >= 0)
    d = 0
    while len(front):
        far[front] = d
        d += 1
        spans = [source[begin[s] : begin[s + 1]] for s in front]
        front = distinct(np.concatenate(spans))
        front = front[far[front] == FAR]
    return far


def labels_ahead(dfa: Dfa) -> npt.NDArray[np.int32]:
    """For each state the labels (below 31) of what it can still accept, as bits."""
    ahead = np.where(dfa.accept >= 0, np.int64(1) << np.maximum(dfa.accept, 0), 0)
    source, target = edges(dfa)
    while True:
        before = ahead.copy()
        np.bitwise_or.at(ahead, source, ahead[target])
        if (before == ahead).all():
            return ahead.astype(np.int32)


def free_names(
    names: Sequence[str], free: Sequence[tuple[ast.Regex | None, bool]], limits: Limits = DEFAULT_LIMITS
) -> Dfa:
    """The automaton of the keys of an object that are not declared; label k: the k-th class of free keys.

    free: for each class its language (None: every name), and whether such a key may occur. The first class that holds
    a key counts. Declared names may be among what the automaton accepts (they have labels of their own elsewhere), but
    from each of its states some other key can be completed: it depends on the names only where that needs it.
    """
    languages = [ast.ALL if r is None else r for r, _ in free]
    labels = [k if ok else -1 for k, (_, ok) in enumerate(free)]
    dfa = relabelled(regular.compile_labelled(languages, limits), labels, limits)
    if runs_out(dfa, names):
        whole = regular.compile_labelled([*(ast.literal(name) for name in names), *languages], limits)
        dfa = relabelled(whole, [-1] * len(names) + labels, limits)
    return dfa


def runs_out(dfa: Dfa, names: Sequence[str]) -> bool:
    """Is there a state on the way of one of the names from which only finitely many strings are accepted?"""
    if not len(dfa.table):
        return False
    source, target = edges(dfa)
    into: list[list[int]] = [[] for _ in range(len(dfa.table))]
    left = [0] * len(dfa.table)
    for a, z in zip(source.tolist(), target.tolist(), strict=True):
        into[z].append(a)
        left[a] += 1
    work = [s for s, n in enumerate(left) if n == 0]
    finite = set(work)
    while work:
        for a in into[work.pop()]:
            left[a] -= 1
            if left[a] == 0:
                finite.add(a)
                work.append(a)
    if not finite:
        return False
    for name in names:
        state = dfa.start
        for c in name:
            if state in finite:
                return True
            state = int(dfa.table[state, dfa.column(ord(c))])
            if state < 0:
                break
        if state in finite:
            return True
    return False


def counted(language: ast.Regex, lo: int, hi: int | None, limits: Limits) -> tuple[ast.Regex, int, int | None]:
    """An equal (language, lo, hi) in which the bounds can be counted apart from the automaton.

    Bounds that the language implies are dropped. An upper bound can be counted with the distance to acceptance in hand;
    a lower one as well when from every state every larger number of characters can be reached, which holds when every
    accepting state has an accepting successor; otherwise it becomes a part of the automaton.
    """
    bare, least, most = uncounted(language)
    if least or most is not None:
        language, lo = bare, max(lo, least)
        hi = most if hi is None or (most is not None and most < hi) else hi
        if hi is not None and hi < lo:
            raise AssertionError("an empty language reached the engine")
    dfa = regular.compile(language, limits)
    if dfa.min_length is not None and lo <= dfa.min_length:
        lo = 0
    if hi is not None and dfa.max_length is not None and dfa.max_length <= hi:
        hi = None
    if lo > 0:
        target = dfa.table[dfa.accept >= 0]
        ok = np.where(target >= 0, dfa.accept[np.maximum(target, 0)] >= 0, False).any(axis=1).all()
        if not ok:
            # with both bounds near each other the upper one belongs into the automaton too: it keeps it small
            together = hi if hi is not None and hi <= 4 * lo + 64 else None
            language = ast.intersect(language, ast.repeat(ast.ANY, lo, together))
            return language, 0, (None if together is not None else hi)
    return language, lo, hi


def uncounted(language: ast.Regex) -> tuple[ast.Regex, int, int | None]:
    """An equal (language, lo, hi) without the counting repetition of a pattern like `[a-z][a-z0-9]{3,40}`.

    Where all parts of a concatenation have a fixed length, but for one repetition of single characters, the length of
    the whole tells how often that is repeated, so a bound on the length stands for the repetition.
    """
    parts = language.parts if language.kind == ast.K_CONCAT else (language,)
    at, fixed = -1, 0
    for i, part in enumerate(parts):
        length = fixed_length(part)
        if length is not None:
            fixed += length
        elif at < 0 and part.kind == ast.K_REPEAT and fixed_length(part.parts[0]) == 1:
            at = i
        else:
            return language, 0, None
    if at < 0:
        return language, 0, None
    lo, hi = parts[at].value
    if max(lo, hi) < 4:
        return language, 0, None
    free = ast.repeat(parts[at].parts[0], 0, None)
    return ast.concat(*parts[:at], free, *parts[at + 1 :]), fixed + lo, None if hi < 0 else fixed + hi


def fixed_length(r: ast.Regex) -> int | None:
    """The number of characters that every string of the language has, where that shows at a glance."""
    if r.kind == ast.K_LITERAL:
        return len(r.value)
    if r.kind == ast.K_CHARS:
        return 1
    if r.kind == ast.K_REPEAT and r.value[0] == r.value[1]:
        body = fixed_length(r.parts[0])
        return None if body is None else body * int(r.value[0])
    if r.kind == ast.K_CONCAT and len(r.parts) <= 64:
        total = 0
        for part in r.parts:
            body = fixed_length(part)
            if body is None:
                return None
            total += body
        return total
    return None
