"""Will lark's loader stay within bounds on this grammar? Counted on its trees, before it multiplies anything out.

Lark writes `(a|b) (c|d)` as four alternatives, a terminal with all terminals that it names as one pattern, and a
template once for every combination of its arguments. Each can grow without measure from a few lines.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

from constrain.errors import LimitExceeded
from constrain.limits import Limits

Use: TypeAlias = tuple[str, tuple[str, ...]]  # a template and its arguments
FEW = 50  # from here on lark breaks a repeat into rules
FACTOR = 5  # symbols of one such rule


class Size(NamedTuple):
    """What lark makes of a part of a rule: alternatives, and symbols in all of them together."""

    ways: int
    symbols: int


def check(grammar: Any, place: Any, limits: Limits) -> None:
    """Raise LimitExceeded if what `grammar.compile` makes of a `lark.load_grammar.Grammar` is too large.

    place: gives line and column of what has a name, or nothing.
    """
    try:
        pattern_sizes: dict[int, int] = {}
        for name, (tree, _) in grammar.term_defs:
            if tree is not None and _pattern_size(tree, pattern_sizes) > limits.regex_length:
                raise LimitExceeded(
                    f"the terminal {name} is a regular expression of more than {limits.regex_length} characters",
                    keyword="regex_length", **place(name),
                )  # fmt: skip
        rules = {name: (params, tree) for name, params, tree, _ in grammar.rule_defs}
        used: dict[Use, None] = {}
        total = 0
        for name, (params, tree) in rules.items():
            if params:
                continue
            total += _rule_size(name, tree, place, limits)
            for usage in _usages(tree):
                used.setdefault(_named(usage, {}, used), None)
        done, letters = 0, 0
        while done < len(used):
            batch, done = list(used)[done:], len(used)
            for template, arguments in batch:
                letters += len(template) + sum(map(len, arguments))
            total += _instances(batch, rules, used, place, limits)
            if total > limits.grammar_nodes or len(used) > limits.alternatives or letters > limits.grammar_bytes:
                raise LimitExceeded(
                    f"the template {batch[0][0]} is used with more combinations of arguments than the limits allow",
                    keyword="alternatives", **place(batch[0][0]),
                )  # fmt: skip
        if total > limits.grammar_nodes:
            raise LimitExceeded(
                f"a grammar has more than {limits.grammar_nodes} symbols in its rules", keyword="grammar_nodes"
            )
    except RecursionError:
        raise LimitExceeded("a grammar is nested too deeply", keyword="regex_depth") from None


def _instances(
    batch: list[Use], rules: dict[str, tuple[Any, Any]], used: dict[Use, None], place: Any, limits: Limits
) -> int:
    """Symbols of the rules that these uses make; the uses in them are added to `used`."""
    total = 0
    for template, arguments in batch:
        if template not in rules or len(rules[template][0]) != len(arguments):
            continue  # lark says what is wrong
        params, tree = rules[template]
        total += _rule_size(template, tree, place, limits)
        given = dict(zip(params, arguments, strict=True))
        for usage in _usages(tree):
            used.setdefault(_named(usage, given, used), None)
    return total


def _pattern_size(tree: Any, sizes: dict[int, int]) -> int:
    """Characters, about, of a terminal's pattern. Trees of other terminals are shared."""
    size = sizes.get(id(tree))
    if size is None:
        size = 8
        for child in tree.children:
            size += _pattern_size(child, sizes) if hasattr(child, "children") else 2 * len(str(child))
        sizes[id(tree)] = size
    return size


def _rule_size(name: str, tree: Any, place: Any, limits: Limits) -> int:
    made: list[int] = []
    size = _size(tree, made)
    if size.ways > limits.alternatives or size.symbols + sum(made) > limits.grammar_nodes:
        raise LimitExceeded(
            f"the rule {name} has more than {limits.alternatives} alternatives when its groups are multiplied out",
            keyword="alternatives", hint="Make rules of its groups", **place(name),
        )  # fmt: skip
    return size.symbols + sum(made)


_CAP = 1 << 60


def _size(tree: Any, made: list[int]) -> Size:
    """Size of a part; sizes of rules that lark makes for it are added to `made`."""
    data = getattr(tree, "data", None)
    if data == "expansion":
        size = Size(1, 0)
        for child in tree.children:
            size = _product(size, _size(child, made))
        return size
    if data == "expansions":
        sizes = [_size(child, made) for child in tree.children]
        return Size(sum(s.ways for s in sizes), sum(s.symbols for s in sizes))
    if data == "alias":
        return _size(tree.children[0], made)
    if data == "maybe":
        inner = _size(tree.children[0], made)
        return Size(inner.ways + 1, inner.symbols)
    if data == "expr":
        inner = _size(tree.children[0], made)
        op = str(tree.children[1])
        if op == "?":
            return Size(inner.ways + 1, inner.symbols)
        if op in "+*":
            made.append(min(_CAP, 2 * inner.symbols + inner.ways))
            return Size(1 + (op == "*"), 1)
        return _repeated(inner, [int(n) for n in tree.children[2:]], made)
    return Size(1, 1)


def _repeated(inner: Size, bounds: list[int], made: list[int]) -> Size:
    lo, hi = bounds[0], bounds[-1]
    if hi < FEW:
        total, power = Size(0, 0), Size(1, 0)
        for count in range(hi + 1):
            if count >= lo:
                total = Size(min(_CAP, total.ways + power.ways), min(_CAP, total.symbols + power.symbols))
            power = _product(power, inner)
        return total
    power = Size(1, 0)
    for _ in range(2 * FACTOR):
        power = _product(power, inner)
    made.append(min(_CAP, hi.bit_length() * FACTOR * (power.symbols + power.ways + 4 * FACTOR)))
    return Size(2 * FACTOR, 4 * FACTOR)


def _product(a: Size, b: Size) -> Size:
    return Size(min(_CAP, a.ways * b.ways), min(_CAP, a.symbols * b.ways + b.symbols * a.ways))


def _usages(tree: Any) -> list[Any]:
    """The outermost uses of templates in a tree."""
    found, todo = [], [tree]
    while todo:
        node = todo.pop()
        if node.data == "template_usage":
            found.append(node)
        else:
            todo += [child for child in node.children if hasattr(child, "children")]
    return found


def _named(usage: Any, given: dict[str, str], used: dict[Use, None]) -> Use:
    """A use of a template with what its arguments are; the uses inside of it are added to `used`."""
    head = str(usage.children[0].name)
    arguments = []
    for child in usage.children[1:]:
        inner = _usages(child) if hasattr(child, "children") else []
        if inner:
            key = _named(inner[0], given, used)
            used.setdefault(key, None)
            arguments.append(f"{key[0]}{{{','.join(key[1])}}}")
        else:
            name = getattr(child.children[0], "name", None) if getattr(child, "data", "") == "value" else None
            arguments.append(given.get(name, name) if name is not None else str(child))
    return given.get(head, head), tuple(arguments)
