"""From a machine that reads number spellings to a regular language."""

from __future__ import annotations

from array import array
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from constrain.errors import LimitExceeded
from constrain.limits import Limits
from constrain.regular.ast import Regex, automaton, choice, concat, literal, union
from constrain.regular.dfa import finished
from constrain.regular.number_machine import COLUMNS, Row, State

# The characters of the columns of a machine's rows, as intervals of code points; -1: in no spelling.
_INTERVALS: Final = (
    (0, -1), (43, 11), (44, -1), (45, 10), (46, 12), (47, -1), *((48 + d, d) for d in range(10)), (58, -1),
    (69, 13), (70, -1), (101, 13), (102, -1),
)  # fmt: skip
_BOUNDS: Final = np.array([at for at, _ in _INTERVALS], np.int32)
_CLASSES: Final = np.array([column for _, column in _INTERVALS], np.int32)


class Machine(Protocol):
    """What reads a spelling: a start state, and for each state its successors and whether a spelling may end in it."""

    def start(self) -> State:
        """The state before anything is read."""

    def step(self, state: State) -> tuple[Row, bool]:
        """The successors of a state, and whether a spelling may end in it."""


def automaton_of(machine: Machine, limits: Limits) -> Regex:
    """The language of a machine. Raises LimitExceeded."""
    start = machine.start()
    numbers: dict[State | None, int] = {None: -1, start: 0}
    order = [start]
    cells = array("i")
    labels = array("i")
    step = machine.step
    last: State | None = None  # rows are runs of the same object
    number = -1
    for state in order:  # grows while it is read
        row, accept = step(state)
        labels.append(0 if accept else -1)
        out = []
        for target in row:
            if target is not last:
                last = target
                number = numbers.get(target, -2)
                if number == -2:
                    assert target is not None
                    number = numbers[target] = len(order)
                    order.append(target)
            out.append(number)
        cells.extend(out)
        _check(len(order), limits)
    rows = np.frombuffer(cells, np.int32).reshape(-1, COLUMNS)
    return from_table(rows, np.frombuffer(labels, np.int32).copy(), limits)


def _check(states: int, limits: Limits) -> None:
    if states > limits.dfa_states:
        raise LimitExceeded(
            f"the automaton of a number has more than {limits.dfa_states} states", keyword="dfa_states"
        )


def from_table(rows: NDArray[np.int32], labels: NDArray[np.int32], limits: Limits) -> Regex:
    """The language of a table: rows [n, COLUMNS] of next states, labels [n] 0: accepting, else -1; state 0 starts."""
    sources, columns = np.nonzero(rows >= 0)
    edges = np.empty((len(sources), 3), np.int32)
    edges[:, 0], edges[:, 1], edges[:, 2] = sources, columns, rows[sources, columns]
    return automaton(finished((0, len(rows), edges, len(edges), labels, _BOUNDS, _CLASSES, COLUMNS), limits))


def remainders(unit: int, limits: Limits) -> Regex:
    """The integers (without fraction and exponent) that are multiples of a number. Raises LimitExceeded."""
    tens = 0
    while unit % 10 == 0:  # multiples of 30 are those of 3 with a zero after them, and 0
        unit, tens = unit // 10, tens + 1
    _check(unit + 2, limits)
    rests = np.arange(unit, dtype=np.int32)
    rows = np.full((unit + 2, COLUMNS), -1, np.int32)
    rows[2:, :10] = (rests[:, None] * 10 + np.arange(10, dtype=np.int32)) % unit + 2
    rows[:2, 1:10] = np.arange(1, 10, dtype=np.int32) % unit + 2
    rows[0, 10] = 1
    if not tens:
        rows[:2, 0] = len(rows)  # a state in which 0 was read
        rows = np.vstack([rows, np.full((1, COLUMNS), -1, np.int32)])
    labels = np.full(len(rows), -1, np.int32)
    labels[2] = 0
    if not tens:
        labels[-1] = 0
        return from_table(rows, labels, limits)
    return union(choice(["0", "-0"]), concat(from_table(rows, labels, limits), literal("0" * tens)))
