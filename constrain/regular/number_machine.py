"""Automata that read the spelling of a JSON number and know how its value stands to two bounds.

A spelling is read as: sign, integer digits, fraction digits, exponent. Its value is compared with a bound by the
*magnitude* (the power of ten of the first significant digit) and, where that is equal, digit by digit. States are
plain tuples, made when first reached; `number_tables` turns them into a table.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple, TypeAlias

from constrain.regular.decimals import Exact

State: TypeAlias = tuple[object, ...]
Row: TypeAlias = list["State | None"]  # ten digits, then minus, plus, point, exponent letter

MINUS, PLUS, POINT, LETTER, COLUMNS = 10, 11, 12, 13, 14
_DEAD: Row = [None] * COLUMNS

# How the digits read so far compare with the digits of a bound: 0.. so many are equal, and these.
_BELOW, _ABOVE = -1, -2


class Side(NamedTuple):
    """What is allowed of the absolute value, on one side of zero.

    low, high: the bound (above zero) and whether it is itself left out; None: there is none.
    """

    low: tuple[Exact, bool] | None = None
    high: tuple[Exact, bool] | None = None


class NumberMachine:
    """The spellings whose value is in range.

    positive, negative: what is allowed on each side of zero; None: nothing. zero: is zero allowed?
    fraction: may there be a fraction? lowest, highest: magnitudes of the part before the exponent for which an
    exponent may follow (lowest > highest: never). zero_exponent: may an exponent follow a zero?
    """

    def __init__(
        self,
        positive: Side | None,
        negative: Side | None,
        zero: bool,
        *,
        fraction: bool = True,
        lowest: int = 1,
        highest: int = 0,
        zero_exponent: bool = False,
    ) -> None:
        self.sides = (positive, negative)
        self.zero = zero
        self.fraction = fraction
        self.lowest, self.highest = lowest, highest
        self.zero_exponent = zero_exponent
        self.bounds: list[tuple[_Bound, _Bound]] = []
        self.caps: list[tuple[int, int]] = []  # beyond these magnitudes nothing changes
        for side in self.sides:
            low, high = _Bound(side.low if side else None), _Bound(side.high if side else None)
            self.bounds.append((low, high))
            known = [b.magnitude for b in (low, high) if b.digits is not None]
            self.caps.append((min([*known, lowest, 0]) - 2, max([*known, highest, 0]) + 2))

    def start(self) -> State:
        """The state before anything is read."""
        return ("start",)

    def step(self, state: State) -> tuple[Row, bool]:
        """The successors of a state, and whether a spelling may end in it."""
        return getattr(self, "_" + str(state[0]))(*state[1:])  # type: ignore[no-any-return]

    # Sign and integer digits.

    def _start(self) -> tuple[Row, bool]:
        row = self._first(0)
        row[MINUS] = ("minus",)
        return row, False

    def _minus(self) -> tuple[Row, bool]:
        return self._first(1), False

    def _first(self, sign: int) -> Row:
        row = list(_DEAD)
        row[0] = ("nought", sign)
        if self.sides[sign] is not None:
            row[1:10] = self._advance(sign, 0, 0, 0, False)[1:]
        return row

    def _nought(self, sign: int) -> tuple[Row, bool]:
        """The integer part is 0."""
        row = list(_DEAD)
        if self.fraction:
            row[POINT] = ("zeros", sign, 0)
        if self.zero and self.zero_exponent:
            row[LETTER] = ("letter", None, None)
        return row, self.zero

    def _integer(self, sign: int, magnitude: int, low: int, high: int) -> tuple[Row, bool]:
        """A non-zero integer part with magnitude + 1 digits."""
        row = list(_DEAD)
        row[:10] = self._advance(sign, magnitude + 1, low, high, False)
        if self.fraction:
            row[POINT] = ("point", sign, magnitude, low, high)
        self._exponent(row, sign, magnitude, low, high)
        return row, self._inside(sign, magnitude, low, high)

    # Fractions.

    def _point(self, sign: int, magnitude: int, low: int, high: int) -> tuple[Row, bool]:
        row = list(_DEAD)
        row[:10] = self._advance(sign, magnitude, low, high, True)
        return row, False

    def _figures(self, sign: int, magnitude: int, low: int, high: int) -> tuple[Row, bool]:
        """A significant digit and at least one fraction digit were read."""
        row = list(_DEAD)
        row[:10] = self._advance(sign, magnitude, low, high, True)
        self._exponent(row, sign, magnitude, low, high)
        return row, self._inside(sign, magnitude, low, high)

    def _settled(self, sign: int, low: int, high: int) -> tuple[Row, bool]:
        """Fraction digits after which no exponent can follow: only the comparisons matter."""
        least, most = self.bounds[sign]
        row = list(_DEAD)
        for d, (lo, hi) in enumerate(zip(least.after(low), most.after(high), strict=True)):
            if not (lo == _BELOW or hi == _ABOVE):
                row[d] = ("settled", sign, lo, hi)
        return row, least.holds(low, least.magnitude, 1) and most.holds(high, most.magnitude, -1)

    def _zeros(self, sign: int, count: int) -> tuple[Row, bool]:
        """0. and so many zeros."""
        row = list(_DEAD)
        magnitude = -count - 1
        row[0] = ("zeros", sign, min(count + 1, -self.caps[sign][0]))
        if self.sides[sign] is not None:
            row[1:10] = self._advance(sign, magnitude, 0, 0, True)[1:]
        if self.zero and self.zero_exponent and count:
            row[LETTER] = ("letter", None, None)
        return row, self.zero and count > 0

    # How a value stands to the bounds.

    def _advance(self, sign: int, magnitude: int, low: int, high: int, fraction: bool) -> Row:
        """The states after each of the ten digits. In an integer part the magnitude may still grow."""
        least, most = self.bounds[sign]
        if not fraction and magnitude > self.caps[sign][1]:
            magnitude = self.caps[sign][1]
        followed = magnitude <= self.highest and (not fraction or magnitude >= self.lowest)  # by an exponent, perhaps
        if not (followed or fraction) and most.digits is not None and magnitude > most.magnitude:
            return [None] * 10
        out: Row = []
        kept: State | None = None
        before_lo = before_hi = -3  # differs from all comparisons
        for lo, hi in zip(least.after(low), most.after(high), strict=True):
            if lo != before_lo or hi != before_hi:
                before_lo, before_hi = lo, hi
                if followed:
                    kept = ("figures" if fraction else "integer", sign, magnitude, lo, hi)
                else:
                    lo, hi = least.settled(lo, magnitude, fraction), most.settled(hi, magnitude, fraction)
                    if not fraction:
                        kept = ("integer", sign, magnitude, lo, hi)
                    else:
                        kept = None if lo == _BELOW or hi == _ABOVE else ("settled", sign, lo, hi)
            out.append(kept)
        return out

    def _inside(self, sign: int, magnitude: int, low: int, high: int) -> bool:
        """Is the value in range if the spelling ends here, without an exponent?"""
        least, most = self.bounds[sign]
        return least.holds(low, magnitude, 1) and most.holds(high, magnitude, -1)

    def _exponent(self, row: Row, sign: int, magnitude: int, low: int, high: int) -> None:
        """Allow the exponents that bring the value into range."""
        if not self.lowest <= magnitude <= self.highest:
            return
        least, most = self.bounds[sign]
        first = last = None
        if least.digits is not None:
            first = least.magnitude - magnitude + (0 if least.holds(low, least.magnitude, 1) else 1)
        if most.digits is not None:
            last = most.magnitude - magnitude - (0 if most.holds(high, most.magnitude, -1) else 1)
        if first is None or last is None or first <= last:
            row[LETTER] = ("letter", first, last)

    # Exponents.

    def _letter(self, first: int | None, last: int | None) -> tuple[Row, bool]:
        return exponent_row(first, last), False

    def _digits(self, low: int, high: int | None, value: int) -> tuple[Row, bool]:
        return digits_row(low, high, value)

    def _signed(self, low: int, high: int | None) -> tuple[Row, bool]:
        return digits_row(low, high, -1)

    def _end(self) -> tuple[Row, bool]:
        return _DEAD, True


class _Bound:
    """One bound of an absolute value, as digits and magnitude. Without a bound every comparison holds."""

    __slots__ = ("digits", "magnitude", "strict")

    def __init__(self, bound: tuple[Exact, bool] | None) -> None:
        self.digits: list[int] | None = None
        self.magnitude = 0
        self.strict = False
        if bound is not None:
            self.digits = [int(d) for d in bound[0].digits]
            self.magnitude = bound[0].magnitude
            self.strict = bound[1]

    def after(self, compared: int) -> list[int]:
        """How the digits compare after each of the ten next digits."""
        if self.digits is None:
            return _NEVER
        if compared < 0:
            return [compared] * 10
        if compared >= len(self.digits):
            return [compared] + [_ABOVE] * 9
        d = self.digits[compared]
        return [_BELOW] * d + [compared + 1] + [_ABOVE] * (9 - d)

    def settled(self, compared: int, magnitude: int, final: bool) -> int:
        """The comparison where no exponent can follow; `final`: the magnitude does not grow any more."""
        if self.digits is None:
            return compared
        if magnitude > self.magnitude:
            return _ABOVE
        if magnitude < self.magnitude and final:
            return _BELOW
        return compared

    def holds(self, compared: int, magnitude: int, direction: int) -> bool:
        """Is a value with these digits on the allowed side (direction 1: at or above the bound, -1: below)?"""
        if self.digits is None:
            return True
        if compared == _ABOVE and magnitude >= self.magnitude:
            order = 1
        elif magnitude != self.magnitude:
            order = 1 if magnitude > self.magnitude else -1
        elif compared == len(self.digits):
            order = 0
        else:
            order = -1
        return order * direction > 0 or (order == 0 and not self.strict)


_NEVER = [0] * 10


@lru_cache(maxsize=1024)
def exponent_row(first: int | None, last: int | None) -> Row:
    """Successors after the exponent letter: the exponents first..last (None: without end) may follow."""
    row = list(_DEAD)
    if last is None or last >= 0:
        up: State = ("signed", max(first or 0, 0), last)
        row[:10] = digits_row(max(first or 0, 0), last, -1)[0][:10]
        row[PLUS] = up
    if first is None or first <= 0:
        row[MINUS] = ("signed", max(-(last or 0), 0), None if first is None else -first)
    return row


@lru_cache(maxsize=4096)  # rows are not changed
def digits_row(low: int, high: int | None, value: int) -> tuple[Row, bool]:
    """Natural numbers low..high with leading zeros: successors after `value` was read (-1: nothing yet)."""
    row = list(_DEAD)
    known = max(value, 0)
    for d in range(10):
        now = known * 10 + d
        if high is None and now >= low:
            row[d] = _ANY_DIGITS
        elif high is None and now > 0 and now * 10 >= low:
            row[d] = ("signed", 0, None)  # one more digit, whichever
        elif high is None or now * 10 <= high:
            row[d] = ("digits", low, high, now)
        elif low <= now <= high:
            row[d] = ("end",)
    return row, value >= low and value >= 0


_ANY_DIGITS: State = ("digits", 0, None, 0)
