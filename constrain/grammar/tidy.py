"""Make references direct: chains of `Alt` flattened, single options and parts put in place, cycles without text cut.

Left recursion, a sequence that can begin with itself before any text is read, is refused here: the machine would
descend for ever.
"""

from __future__ import annotations

from constrain.errors import GrammarError
from constrain.grammar.fixpoint import Need, fixpoint
from constrain.grammar.ir import NEVER, Alt, Array, Items, Node, NodeId, Object, Others, Rules, Seq, Text


def tidy(nodes: list[Node], since: int, root: NodeId, forward: bool) -> NodeId:
    """Flatten `Alt` of `Alt`, put the only option or part in the place of its node, cut cycles; return the new root."""
    alias: dict[NodeId, NodeId] = {}
    room = 4 * len(nodes) + 256  # options that flattening may add, so that it stays linear
    left: dict[NodeId, tuple[NodeId, ...]] = {}
    if forward:
        left = _left_references(nodes, since)
        groups = _components(left)
    else:
        groups = [[i] for i in range(since, len(nodes)) if type(nodes[i]) in (Alt, Seq)]
    for group in groups:
        members = set(group)
        cyclic = len(group) > 1 or group[0] in left.get(group[0], ())
        if cyclic and any(_is_sequence(nodes[i]) for i in group):
            if _reachable(nodes, root) & members:
                raise GrammarError("left recursion: a sequence begins with itself before any text is read")
            continue
        head = group[0]
        if _is_sequence(nodes[head]):
            continue
        options: dict[NodeId, None] = {}
        for i in group:
            for named in references(nodes[i]):
                p = alias.get(named, named)
                if p in members:
                    continue
                inner = nodes[p]
                if isinstance(inner, Alt) and len(inner.options) <= room:
                    room -= len(inner.options)
                    options.update(dict.fromkeys(inner.options))
                else:
                    options[p] = None
        flat = Alt(tuple(options))
        for i in group:
            nodes[i] = flat
            if len(options) == 1 or i != head:
                alias[i] = flat.options[0] if len(options) == 1 else head
    if alias:
        for i in range(since, len(nodes)):
            nodes[i] = renamed_node(nodes[i], alias)
    return alias.get(root, root)


def _is_sequence(node: Node) -> bool:
    """A `Seq` that is more than another name of its only part."""
    return isinstance(node, Seq) and len(node.parts) != 1


def _left_references(nodes: list[Node], since: int) -> dict[NodeId, tuple[NodeId, ...]]:
    """For each `Alt` and `Seq`: the `Alt`s and `Seq`s that may begin where it begins."""
    empty = bytearray(len(nodes) + 1)
    if any(map(_is_sequence, nodes)):
        fixpoint(nodes, 0, empty, _empty_need)
    left: dict[NodeId, tuple[NodeId, ...]] = {}
    for i in range(since, len(nodes)):
        node = nodes[i]
        parts: tuple[NodeId, ...] = ()
        if isinstance(node, Alt):
            parts = node.options
        elif isinstance(node, Seq):
            for k, part in enumerate(node.parts):
                if not empty[part]:
                    parts = node.parts[: k + 1]
                    break
            else:
                parts = node.parts
        else:
            continue
        left[i] = tuple(p for p in parts if p >= since and isinstance(nodes[p], (Alt, Seq)))
    return left


def _empty_need(node: Node, empty: bytearray) -> Need:
    """What a node still needs to contain the empty text. (A `Lazy` node stands for JSON values, which never are.)"""
    if isinstance(node, (Alt, Seq)):
        waits = [p for p in node[0] if not empty[p]]
        if isinstance(node, Seq):
            return Need(len(waits), 0, [(p, 1, 0) for p in waits])
        if len(waits) < len(node.options):
            return Need(0, 0, [])
        return Need(0, 1, [(p, 0, 1) for p in waits])
    if isinstance(node, Text) and node.language.nullable:
        return Need(0, 0, [])
    return Need(1, 0, [])


def _components(left: dict[NodeId, tuple[NodeId, ...]]) -> list[list[NodeId]]:
    """Strongly connected components, referred-to ones first (Tarjan 1972, with an explicit stack)."""
    number: dict[NodeId, int] = {}
    low: dict[NodeId, int] = {}
    stack: list[NodeId] = []
    on_stack: set[NodeId] = set()
    groups: list[list[NodeId]] = []
    for origin in left:
        if origin in number:
            continue
        work = [(origin, iter(left[origin]))]
        number[origin] = low[origin] = len(number)
        stack.append(origin)
        on_stack.add(origin)
        while work:
            at, rest = work[-1]
            for to in rest:
                if to not in number:
                    number[to] = low[to] = len(number)
                    stack.append(to)
                    on_stack.add(to)
                    work.append((to, iter(left[to])))
                    break
                if to in on_stack:
                    low[at] = min(low[at], number[to])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[at])
                if low[at] == number[at]:
                    group = [stack.pop()]
                    while group[-1] != at:
                        group.append(stack.pop())
                    on_stack.difference_update(group)
                    groups.append(group)
    return groups


def references(node: Node) -> tuple[NodeId, ...]:
    """The ids in a node."""
    if isinstance(node, Alt):
        return node.options
    if isinstance(node, Seq):
        return node.parts
    if isinstance(node, Object):
        return (*node.values, *(v for _, v in node.free), *(v for options in node.options for v, _ in options))
    if isinstance(node, Items):
        return tuple([item for row in node.steps for item, _ in row])
    if isinstance(node, Array):
        return (*node.prefix, node.item)
    if isinstance(node, Others):
        return node.but
    if isinstance(node, Rules):
        return tuple([t.node for t in node.cfg.terminals if t.node != NEVER])
    return ()


def _reachable(nodes: list[Node], root: NodeId) -> set[NodeId]:
    """The ids that can be reached from the root."""
    seen = {NEVER, root}
    work = [root]
    while work:
        for to in references(nodes[work.pop()]):
            if to not in seen:
                seen.add(to)
                work.append(to)
    return seen


def renamed_node(node: Node, alias: dict[NodeId, NodeId]) -> Node:
    """The node with every reference replaced by what stands for it."""
    if not any(r in alias for r in references(node)):
        return node

    def renamed(ids: tuple[NodeId, ...]) -> tuple[NodeId, ...]:
        return tuple([alias.get(i, i) for i in ids])

    if isinstance(node, Alt):
        return Alt(tuple(dict.fromkeys(renamed(node.options))))
    if isinstance(node, Seq):
        return Seq(renamed(node.parts))
    if isinstance(node, Object):
        free = tuple([(k, alias.get(v, v)) for k, v in node.free])
        options = tuple([tuple([(alias.get(v, v), bits) for v, bits in o]) for o in node.options])
        return node._replace(values=renamed(node.values), free=free, options=options)
    if isinstance(node, Items):
        return node._replace(steps=tuple([tuple([(alias.get(i, i), q) for i, q in row]) for row in node.steps]))
    if isinstance(node, Array):
        return node._replace(prefix=renamed(node.prefix), item=alias.get(node.item, node.item))
    if isinstance(node, Others):
        return Others(renamed(node.but))
    if isinstance(node, Rules):
        terminals = [t._replace(node=alias.get(t.node, t.node)) for t in node.cfg.terminals]
        return Rules(node.cfg._replace(terminals=tuple(terminals)))
    return node
