"""The numbers that Python code and kernels agree on: status codes, words of a program, rows of leaf headers."""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[np.int32]  # a vector; kernels get their types from these two names
Rows: TypeAlias = NDArray[np.int32]  # a matrix

OK: Final = 0  # what a kernel answers first
TOO_MANY_STATES: Final = 1
TOO_MUCH_WORK: Final = 2

# Words of a program, see nfa.py. A negative word -1 - s reads one character of set s.
ALT: Final = 0
NEXT: Final = 1
REPEAT: Final = 2
END: Final = 3
LEAF: Final = 4
MATCH: Final = 5

# Header of a leaf automaton: where its bounds and classes, and its table and accept begin in the data, and sizes.
L_BOUNDS: Final = 0
L_INTERVALS: Final = 1
L_TABLE: Final = 2
L_CLASSES: Final = 3
L_STATES: Final = 4
L_SETS: Final = 5  # number of the set that its first column becomes; the kernel fills it in

# Truth tables of boolean operations: bit 2 * (in a) + (in b). NOT looks at a alone.
AND: Final = 0b1000
OR: Final = 0b1110
MINUS: Final = 0b0100
NOT: Final = 0b0011
