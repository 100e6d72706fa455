"""States that outlive their arena, as plain numbers: configurations, the frames below them, and what these hold."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from constrain.engine import layout as L
from constrain.engine.arena import Arena
from constrain.grammar.ir import Items, Object

Ints = npt.NDArray[np.int32]


def exported(arena: Arena, state: int) -> npt.NDArray[np.int64]:
    """A state with the stacks it stands on, in a form that `kernels.copy_state` reads into another arena."""
    H = arena.H
    m = int(H[state + 4])
    known: dict[int, int] = {0: 0}
    items = _Values(H)
    frames: list[int] = []
    configs: list[int] = []
    for i in range(m):
        at = state + L.STATE_HEAD + L.CFG * i
        chain = []
        st = int(H[at + L.CFG - 1])
        while st not in known:
            chain.append(st)
            st = int(H[st + L.S_PARENT])
        for st in reversed(chain):
            known[st] = len(known)
            node = int(H[st + L.S_NODE])
            parent = int(H[st + L.S_PARENT])
            reg, bits = int(H[st + L.S_REG]), []
            item = arena.grammar.nodes[node - 1]
            if isinstance(item, Object) and not item.ordered and len(item.names) + item.demands > 31 and reg:
                bits = [int(x) & 0xFFFFFFFF for x in H[reg + 3 : reg + 3 + int(H[reg + 2])]]
                reg = 0
            container = int(H[st + L.S_LEVEL]) - (int(H[parent + L.S_LEVEL]) if parent else 0)
            text = 0
            if isinstance(item, Items) and item.distinct:
                reg, text = items.list_of(reg), items.text_of(int(H[st + L.S_TEXT]))
                bits, container = [], 3 if text else 5
            frames += [node, int(H[st + L.S_CNT]), known[parent], container, reg, text, len(bits), *bits]
        configs += [int(x) for x in H[at : at + L.CFG - 1]]
        configs.append(known[int(H[at + L.CFG - 1])])
    return np.array([len(known) - 1, m, *items.exported(), *frames, *configs], np.int64)


class _Values:
    """Texts and lists of texts that frames hold (distinct.py), by numbers from 1 on, those referred to first."""

    def __init__(self, H: Ints) -> None:
        self.H = H
        self.texts: dict[int, int] = {0: 0}
        self.lists: dict[int, int] = {0: 0}
        self.data: tuple[list[int], list[int]] = ([], [])

    def text_of(self, at: int) -> int:
        chain = []
        while at not in self.texts:
            chain.append(at)
            at = int(self.H[at + 2])
        for at in reversed(chain):
            self.data[0].extend((self.texts[int(self.H[at + 2])], int(self.H[at + 3])))
            self.texts[at] = len(self.texts)
        return self.texts[chain[0] if chain else at]

    def list_of(self, at: int) -> int:
        chain = []
        while at not in self.lists:
            chain.append(at)
            at = int(self.H[at + 2])
        for at in reversed(chain):
            before, text, q = (int(x) for x in self.H[at + 2 : at + 5])
            self.data[1].extend((self.lists[before], self.text_of(text), q))
            self.lists[at] = len(self.lists)
        return self.lists[chain[0] if chain else at]

    def exported(self) -> list[int]:
        texts, lists = self.data
        return [len(texts) // 2, len(lists) // 3, *texts, *lists]
