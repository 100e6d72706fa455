"""A slow, obviously right twin of the regular layer: languages as sets of short strings over a small alphabet."""

from __future__ import annotations

from itertools import product

from constrain.regular import ast
from constrain.regular.ast import Regex


def all_strings(alphabet: str, n: int) -> frozenset[str]:
    """Every string of up to n characters."""
    return frozenset("".join(t) for k in range(n + 1) for t in product(alphabet, repeat=k))


def language(r: Regex, alphabet: str, n: int) -> frozenset[str]:
    """The strings of up to n characters over the alphabet that are in `r`, straight from the definitions."""
    if r.kind == ast.K_EMPTY:
        return frozenset()
    if r.kind == ast.K_LITERAL:
        return frozenset({r.value}) & all_strings(alphabet, n)
    if r.kind == ast.K_CHARS:
        return frozenset(c for c in alphabet if c in r.value) if n else frozenset()
    if r.kind == ast.K_CHOICE:
        return frozenset(r.value) & all_strings(alphabet, n)
    parts = [language(p, alphabet, n) for p in r.parts]
    if r.kind == ast.K_CONCAT:
        out = parts[0]
        for p in parts[1:]:
            out = joined(out, p, n)
        return out
    if r.kind == ast.K_UNION:
        return frozenset().union(*parts)
    if r.kind == ast.K_INTERSECT:
        return frozenset.intersection(*parts)
    if r.kind == ast.K_COMPLEMENT:
        return all_strings(alphabet, n) - parts[0]
    assert r.kind == ast.K_REPEAT
    lo, hi = r.value
    power = frozenset({""})
    for _ in range(lo):
        power = joined(power, parts[0], n)
    out, count = power, lo
    while hi < 0 or count < hi:
        power = joined(power, parts[0], n)
        if power <= out and (hi < 0 or "" in parts[0]):
            break
        out |= power
        count += 1
        if not power:
            break
    return out


def joined(a: frozenset[str], b: frozenset[str], n: int) -> frozenset[str]:
    """Concatenations of up to n characters."""
    return frozenset(x + y for x in a for y in b if len(x) + len(y) <= n)
