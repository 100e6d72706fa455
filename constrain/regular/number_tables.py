"""From a machine that reads number spellings to a regular language."""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from constrain.errors import LimitExceeded
from constrain.limits import DEFAULT_LIMITS
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


def automaton_of(machine: Machine) -> Regex:
    """The language of a machine. Raises LimitExceeded beyond the default limit of states."""
    rows, accepts = _tabulate(machine, DEFAULT_LIMITS.dfa_states)
    return from_table(np.array(rows, np.int32), np.array(accepts, bool))


def _tabulate(machine: Machine, limit: int) -> tuple[list[list[int]], list[bool]]:
    """All states that are reached from the start, as rows of successor numbers (-1: none), and which accept."""
    numbers: dict[State | None, int] = {None: -1, machine.start(): 0}
    order = [machine.start()]
    rows: list[list[int]] = []
    accepts: list[bool] = []
    for state in order:  # grows while it is read
        row, accept = machine.step(state)
        accepts.append(accept)
        out = []
        for target in row:
            number = numbers.get(target)
            if number is None:
                assert target is not None
                number = numbers[target] = len(order)
                order.append(target)
            out.append(number)
        rows.append(out)
        if len(order) > limit:
            raise LimitExceeded(f"the automaton of a number has more than {limit} states", keyword="dfa_states")
    return rows, accepts


def from_table(rows: NDArray[np.int32], accepts: NDArray[np.bool_]) -> Regex:
    """The language of a table: rows [n, COLUMNS] of next states, -1: none; state 0 is the start."""
    sources, columns = np.nonzero(rows >= 0)
    edges = np.empty((len(sources), 3), np.int32)
    edges[:, 0], edges[:, 1], edges[:, 2] = sources, columns, rows[sources, columns]
    labels = np.where(accepts, 0, -1).astype(np.int32)
    return automaton(finished((0, len(rows), edges, len(edges), labels, _BOUNDS, _CLASSES, COLUMNS)))


def remainders(unit: int) -> Regex:
    """The integers (without fraction and exponent) that are multiples of a number."""
    tens = 0
    while unit % 10 == 0:  # multiples of 30 are those of 3 with a zero after them, and 0
        unit, tens = unit // 10, tens + 1
    rests = np.arange(unit, dtype=np.int32)
    rows = np.full((unit + 2, COLUMNS), -1, np.int32)
    rows[2:, :10] = (rests[:, None] * 10 + np.arange(10, dtype=np.int32)) % unit + 2
    rows[:2, 1:10] = np.arange(1, 10, dtype=np.int32) % unit + 2
    rows[0, 10] = 1
    accepts = np.zeros(unit + 2, bool)
    accepts[2] = True
    return union(choice(["0", "-0"]), concat(from_table(rows, accepts), literal("0" * tens)))
