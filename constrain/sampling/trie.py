"""The trie of sampled prefixes: what is known about how much of the model's mass below each of them is in the language.

Node u stands for a sequence of tokens. With p the model's distribution,

    θ(u) = Σ p(a | u) · θ(ua)    over the tokens a that the constraint allows after u

is an upper bound of the probability that the model, left alone after u, writes a text of the language (the "expected
future grammaticality" of Park et al., Grammar-Aligned Decoding, 2024). θ is 1 where nothing is known yet, 1 at the end
of a text, and 0 in a dead end. Only sampled tokens have an edge; the mass of all other allowed tokens, whose θ is 1, is
one number per node (`log_rest`). What the constraint forbids was never added, so nothing is ever subtracted, and tiny
θ keep their precision. All masses are natural logarithms in float64.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from os import PathLike
from typing import Any
from zipfile import BadZipFile

import numpy as np

from constrain.errors import ConstraintError

ROOT = 0
NONE = -1
NEVER = -math.inf
NODE_BYTES = 40  # three arrays of float64, four of int32
KIND = "constrain trie 1"


class Trie:
    """Prefixes of one prompt under one constraint, one model and one set of warpers.

    max_nodes: how many nodes may stay after a draw (40 bytes each). `prune` keeps to it. While draws are under way
    there may be more: one node for each of their tokens.
    tag: what the trie belongs to (a fingerprint), kept in files and compared when one is read.
    """

    __slots__ = ("_child", "_log_p", "_log_rest", "_log_theta", "_parent", "_sibling", "_token", "max_nodes", "tag")

    def __init__(self, max_nodes: int = 1_000_000, tag: str = "") -> None:
        if max_nodes < 1:
            raise ValueError("a trie needs at least one node")
        self.max_nodes = max_nodes
        self.tag = tag
        self._parent, self._token = array("i", [NONE]), array("i", [NONE])
        self._child, self._sibling = array("i", [NONE]), array("i", [NONE])
        self._log_p, self._log_theta = array("d", [0.0]), array("d", [0.0])
        self._log_rest = array("d", [math.nan])

    def __len__(self) -> int:
        return len(self._parent)

    # -- reading ------------------------------------------------------------------------------------------------------

    def is_open(self, node: int) -> bool:
        """Was the model asked what follows here (or was it not needed: the end of a text, a dead end)?"""
        rest = self._log_rest[node]
        return rest == rest

    def parent(self, node: int) -> int:
        """The node before the last token; -1 at the root."""
        return self._parent[node]

    def token(self, node: int) -> int:
        """The last token; -1 at the root."""
        return self._token[node]

    def log_p(self, node: int) -> float:
        """log p(last token | what is before it)."""
        return self._log_p[node]

    def log_theta(self, node: int) -> float:
        """log θ as it was last computed."""
        return self._log_theta[node]

    def log_rest(self, node: int) -> float:
        """log of the mass of the allowed tokens without an edge; of an open node only."""
        return self._log_rest[node]

    def children(self, node: int) -> Iterator[int]:
        """The nodes one sampled token further, the newest first."""
        child, sibling = self._child[node], self._sibling
        while child >= 0:
            yield child
            child = sibling[child]

    def find(self, node: int, token: int) -> int:
        """The child by a token, -1 when there is none."""
        for child in self.children(node):
            if self._token[child] == token:
                return child
        return NONE

    def tokens(self, node: int) -> list[int]:
        """The sequence that a node stands for."""
        out = []
        while node != ROOT:
            out.append(self._token[node])
            node = self._parent[node]
        return out[::-1]

    def log_path(self, node: int) -> float:
        """log p of the whole sequence."""
        total = 0.0
        while node != ROOT:
            total += self._log_p[node]
            node = self._parent[node]
        return total

    def log_mass(self, node: int) -> float:
        """log of the mass that the constraint allows for the next token, whatever is known about what follows."""
        terms = [self._log_rest[node]]
        terms += [self._log_p[child] for child in self.children(node)]
        return log_sum(terms)

    def weights(self, node: int, learned: bool = True) -> tuple[list[int], list[float]]:
        """Children, and the logarithms of the masses to choose by: p·θ of each child (p when not `learned`), and the
        rest as the last one."""
        children = list(self.children(node))
        log_p, log_theta = self._log_p, self._log_theta
        if learned:
            masses = [log_p[c] + log_theta[c] for c in children]
        else:
            masses = [log_p[c] for c in children]
        masses.append(self._log_rest[node])
        return children, masses

    # -- learning -----------------------------------------------------------------------------------------------------

    def open(self, node: int, log_rest: float) -> None:
        """Say what follows a node: the mass of the allowed tokens; at the end of a text the value of the text."""
        self._log_rest[node] = self._log_theta[node] = log_rest

    def add(self, node: int, token: int, log_p: float, log_rest: float) -> int:
        """A new child. log_rest: what is left for the tokens that have no edge now, summed anew by the caller."""
        new = len(self._parent)
        self._parent.append(node)
        self._token.append(token)
        self._child.append(NONE)
        self._sibling.append(self._child[node])
        self._log_p.append(log_p)
        self._log_theta.append(0.0)
        self._log_rest.append(math.nan)
        self._child[node] = new
        self._log_rest[node] = log_rest
        return new

    def refresh(self, node: int) -> float:
        """θ of an open node, computed from its edges as they are now. Never larger than before: θ is a bound."""
        log_p, log_theta, sibling = self._log_p, self._log_theta, self._sibling
        terms = [self._log_rest[node]]
        child = self._child[node]
        while child >= 0:
            terms.append(log_p[child] + log_theta[child])
            child = sibling[child]
        value = min(log_sum(terms), log_theta[node])  # rounding must not raise a bound that was used
        log_theta[node] = value
        return value

    def back_up(self, node: int) -> None:
        """Carry what was learned at a node to all nodes above it."""
        while node != NONE:
            if self.is_open(node):
                self.refresh(node)
            node = self._parent[node]

    def log_bounds(self, ends: frozenset[int]) -> tuple[float, float]:
        """log of bounds on the mass of the language (times the value of its texts): what was found, and θ of the root.

        ends: the tokens that end a text.
        """
        parent, log_p = np.frombuffer(self._parent, np.int32), np.frombuffer(self._log_p)
        rest = np.frombuffer(self._log_rest)
        leaves = np.flatnonzero(np.isin(np.frombuffer(self._token, np.int32), list(ends)) & ~np.isnan(rest))
        path, at = np.zeros(len(leaves)), leaves
        while at.any():  # all at once, one token further up: tries may have many leaves
            path += log_p[at]  # 0 at the root
            at = np.maximum(parent[at], ROOT)
        found = (path + rest[leaves]).tolist()
        high = self._log_theta[ROOT]
        return min(log_sum(found), high), high  # rounding: when all was seen they are equal

    def prune(self) -> dict[int, int] | None:
        """Halve a trie that has too many nodes: the prefixes that the model likes best stay. None: it was small enough.

        Returns the new number of each node that stayed. What is forgotten counts as unknown again (θ = 1), so bounds
        stay bounds; draws that are under way must be finished before.
        """
        size = len(self._parent)
        if size <= self.max_nodes:
            return None
        path = np.zeros(size)
        for u in range(1, size):  # parents come before their children
            path[u] = path[self._parent[u]] + self._log_p[u]
        order = np.argsort(-path, kind="stable")  # a parent is never after its child: p ≤ 1, and ties keep their order
        kept = sorted(order[: max(1, self.max_nodes // 2)].tolist())
        kept = [u for u in kept if u == ROOT or not math.isnan(self._log_rest[u]) or self._log_theta[u] < 0]
        new = {u: i for i, u in enumerate(kept)}
        old = Trie.__new__(Trie)
        for name in Trie.__slots__:
            setattr(old, name, getattr(self, name))
        self.__init__(self.max_nodes, self.tag)  # type: ignore[misc]
        for u in kept[1:]:
            self.add(new[old._parent[u]], old._token[u], old._log_p[u], math.nan)
        for u in reversed(kept):
            if old.is_open(u):
                lost = [old._log_p[c] for c in old.children(u) if c not in new]
                self._log_rest[new[u]] = log_sum([old._log_rest[u], *lost])
                self._log_theta[new[u]] = math.inf
                self.refresh(new[u])
        return new

    # -- files --------------------------------------------------------------------------------------------------------

    def save(self, path: str | PathLike[str]) -> None:
        """Write the trie to a file (NumPy's .npz) that `Trie.load` reads."""
        arrays: dict[str, Any] = {name[1:]: np.asarray(getattr(self, name)) for name in _ARRAYS}
        with open(path, "wb") as file:
            np.savez(file, kind=np.array(KIND), tag=np.array(self.tag), max_nodes=np.array(self.max_nodes), **arrays)

    @classmethod
    def load(cls, path: str | PathLike[str], tag: str | None = None) -> Trie:
        """Read a file that `save` wrote. tag: what it must belong to. ConstraintError where it is something else.

        The tag tells vocabularies, prompts, lengths and warpers apart; that model and constraint are the same is for
        the caller to see to.
        """
        try:
            with np.load(path, allow_pickle=False) as data:
                if str(data["kind"]) != KIND:
                    raise ValueError(f"it is {data['kind']!s}")
                trie = cls(int(data["max_nodes"]), str(data["tag"]))
                for name, code in _ARRAYS.items():
                    setattr(trie, name, array(code, data[name[1:]].astype("i4" if code == "i" else "f8").tobytes()))
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            raise ConstraintError(f"{path} is not a trie of this version: {error}") from error
        trie._check(str(path))
        if tag is not None and trie.tag != tag:
            raise ConstraintError(
                f"{path} was made with another model, prompt, constraint or other warpers",
                hint="A trie holds what one of them says about the others; start a new one.",
            )
        return trie

    def _check(self, path: str) -> None:
        size = len(self._parent)
        links = [np.asarray(getattr(self, name)) for name in ("_parent", "_child", "_sibling")]
        sound = size >= 1 and all(len(getattr(self, name)) == size for name in _ARRAYS)
        sound = sound and all(bool((x >= -1).all() and (x < size).all()) for x in links)
        sound = sound and bool((links[0][1:] >= 0).all() and (links[0] < np.arange(size)).all())
        # a child is younger than its parent, and a later sibling older: links can't go round
        sound = sound and bool(((links[1] < 0) | (links[1] > np.arange(size))).all())
        sound = sound and bool((links[2] < np.arange(size)).all())
        if not sound:
            raise ConstraintError(f"{path} is damaged")


_ARRAYS = {
    "_parent": "i",
    "_token": "i",
    "_child": "i",
    "_sibling": "i",
    "_log_p": "d",
    "_log_theta": "d",
    "_log_rest": "d",
}


def log_sum(terms: list[float]) -> float:
    """log Σ exp, in float64; -inf for none."""
    top = max(terms, default=NEVER)
    if top == NEVER or len(terms) == 1:
        return top
    return top + math.log(math.fsum([math.exp(x - top) for x in terms]))
