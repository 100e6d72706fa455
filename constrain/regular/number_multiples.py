"""Automata that read the spelling of a JSON number and know whether its value is a multiple, or an integer."""

from __future__ import annotations

from constrain.regular.number_machine import _DEAD, LETTER, MINUS, POINT, Row, State, digits_row, exponent_row


class MultipleMachine:
    """The spellings of the integer multiples of unit / 10**places.

    every: an exponent may follow any number with at most `most` fraction digits; else only a number with one digit,
    not 0, before the point and at most `places` fraction digits. exponents: may there be exponents at all? An exponent
    e after j fraction digits is accepted when (digits read as an integer) * 10**(e - j + places) is a multiple of
    `unit` and e - j + places >= 0.
    """

    def __init__(self, unit: int, places: int, *, exponents: bool, every: bool, most: int) -> None:
        self.unit = unit
        self.places = places
        self.exponents = exponents
        self.every = every
        self.most = max(most, places) if every else places
        self.powers = [pow(10, places - j, unit) for j in range(places + 1)]
        self.shifts: dict[int, int | None] = {}

    def start(self) -> State:
        """The state before anything is read."""
        return ("start",)

    def step(self, state: State) -> tuple[Row, bool]:
        """The successors of a state, and whether a spelling may end in it."""
        return getattr(self, "_" + str(state[0]))(*state[1:])  # type: ignore[no-any-return]

    def _start(self) -> tuple[Row, bool]:
        row = self._minus()[0]
        row[MINUS] = ("minus",)
        return row, False

    def _minus(self) -> tuple[Row, bool]:
        row = list(_DEAD)
        row[0] = ("nought",)
        row[1:10] = [("integer", d % self.unit, not self.every) for d in range(1, 10)]
        return row, False

    def _nought(self) -> tuple[Row, bool]:
        row = list(_DEAD)
        row[POINT] = ("zeros", 0)
        if self.exponents and self.every:
            row[LETTER] = ("letter", None, None)
        return row, True

    def _zeros(self, count: int) -> tuple[Row, bool]:
        """0. and so many zeros (at most `most` are counted)."""
        row = list(_DEAD)
        row[0] = ("zeros", min(count + 1, max(self.most, 1)))
        if count < self.most:
            row[1:10] = [("figures", d % self.unit, count + 1, False, count < self.places) for d in range(1, 10)]
        if self.exponents and self.every and count:
            row[LETTER] = ("letter", None, None)
        return row, count > 0

    def _integer(self, rest: int, single: bool) -> tuple[Row, bool]:
        """An integer part that is `rest` modulo the unit. single: it has one digit and that matters."""
        row = list(_DEAD)
        row[:10] = [("integer", (rest * 10 + d) % self.unit, False) for d in range(10)]
        row[POINT] = ("point", rest, single)
        if self.every or single:
            self._exponent(row, rest, 0)
        return row, rest * self.powers[0] % self.unit == 0

    def _point(self, rest: int, single: bool) -> tuple[Row, bool]:
        row = list(_DEAD)
        row[:10] = self._after(rest, 0, single, True)
        return row, False

    def _figures(self, rest: int, count: int, single: bool, plain: bool) -> tuple[Row, bool]:
        """All digits so far are `rest` modulo the unit. plain: without an exponent it may still be a multiple."""
        row = list(_DEAD)
        row[:10] = self._after(rest, count, single, plain)
        if self.every or single:
            self._exponent(row, rest, count)
        return row, plain and (count > self.places or rest * self.powers[count] % self.unit == 0)

    def _after(self, rest: int, count: int, single: bool, plain: bool) -> Row:
        """The states after one more fraction digit."""
        if count < self.places:
            return [("figures", (rest * 10 + d) % self.unit, count + 1, single, True) for d in range(10)]
        padded = plain and (count > self.places or rest == 0)  # only zeros may follow
        if count < self.most and self.exponents:
            return [("figures", (rest * 10 + d) % self.unit, count + 1, single, padded and d == 0) for d in range(10)]
        out: Row = [None] * 10
        if padded:
            out[0] = ("padding",)
        return out

    def _padding(self) -> tuple[Row, bool]:
        row = list(_DEAD)
        row[0] = ("padding",)
        return row, True

    def _exponent(self, row: Row, rest: int, count: int) -> None:
        if not self.exponents:
            return
        if rest not in self.shifts:
            self.shifts[rest] = _shift(rest, self.unit)
        shift = self.shifts[rest]
        if shift is not None:
            row[LETTER] = ("letter", count - self.places + shift, None)

    def _letter(self, first: int | None, last: int | None) -> tuple[Row, bool]:
        return exponent_row(first, last), False

    def _digits(self, low: int, high: int | None, value: int) -> tuple[Row, bool]:
        return digits_row(low, high, value)

    def _signed(self, low: int, high: int | None) -> tuple[Row, bool]:
        return digits_row(low, high, -1)

    def _end(self) -> tuple[Row, bool]:
        return _DEAD, True


def _shift(rest: int, unit: int) -> int | None:
    """The least t for which rest * 10**t is a multiple of the unit."""
    for t in range(unit.bit_length() + 1):
        if rest == 0:
            return t
        rest = rest * 10 % unit
    return None


class IntegerMachine:
    """The spellings of integers, with fractions and exponents: 5, 5.0, 5e1, 0.5e1, 50e-1.

    A fraction before an exponent has at most `most` digits, and the exponent is not below their number, or not below 0
    where they are all zeros. Without a fraction the exponent may be as far below 0 as the digits end in zeros, of
    which `most` count. Any exponent may follow a zero.
    """

    def __init__(self, most: int) -> None:
        self.most = most

    def start(self) -> State:
        """The state before anything is read."""
        return ("start",)

    def step(self, state: State) -> tuple[Row, bool]:
        """The successors of a state, and whether a spelling may end in it."""
        return getattr(self, "_" + str(state[0]))(*state[1:])  # type: ignore[no-any-return]

    def _start(self) -> tuple[Row, bool]:
        row = self._minus()[0]
        row[MINUS] = ("minus",)
        return row, False

    def _minus(self) -> tuple[Row, bool]:
        row = list(_DEAD)
        row[0] = ("nought",)
        row[1:10] = [("integer", 0)] * 9
        return row, False

    def _nought(self) -> tuple[Row, bool]:
        row = list(_DEAD)
        row[POINT] = ("zeros", 0)
        row[LETTER] = ("letter", None, None)
        return row, True

    def _zeros(self, count: int) -> tuple[Row, bool]:
        row = list(_DEAD)
        row[0] = ("zeros", min(count + 1, self.most))
        if count < self.most:
            row[1:10] = [("figures", count + 1)] * 9
        if count:
            row[LETTER] = ("letter", None, None)
        return row, count > 0

    def _integer(self, zeros: int) -> tuple[Row, bool]:
        """An integer part that ends in so many zeros."""
        row = list(_DEAD)
        row[0] = ("integer", min(zeros + 1, self.most))
        row[1:10] = [("integer", 0)] * 9
        row[POINT] = ("whole", 0)
        row[LETTER] = ("letter", -zeros, None)
        return row, True

    def _whole(self, count: int) -> tuple[Row, bool]:
        """An integer part, the point, and so many zeros."""
        row = list(_DEAD)
        row[0] = ("whole", min(count + 1, self.most))
        if count < self.most:
            row[1:10] = [("figures", count + 1)] * 9
        if count:
            row[LETTER] = ("letter", 0, None)
        return row, count > 0

    def _figures(self, count: int) -> tuple[Row, bool]:
        """So many fraction digits, not all zeros."""
        row = list(_DEAD)
        if count < self.most:
            row[:10] = [("figures", count + 1)] * 10
        row[LETTER] = ("letter", count, None)
        return row, False

    _letter = MultipleMachine._letter
    _digits = MultipleMachine._digits
    _signed = MultipleMachine._signed
    _end = MultipleMachine._end
