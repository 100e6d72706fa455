"""Patterns (ECMA-262) of decimal numbers within bounds, without exponent: for decimals that are written as strings."""

from __future__ import annotations

from decimal import Decimal

_FRACTION = r"(?:\.\d+)?"


def pattern(
    lo: Decimal | None,
    hi: Decimal | None,
    lo_open: bool = False,
    hi_open: bool = False,
    max_digits: int | None = None,
    places: int | None = None,
) -> str | None:
    """The pattern of the numbers from `lo` to `hi` (None: no bound); an open end does not belong to them.

    max_digits, places: digits in all, and after the point, without trailing zeros, counted as pydantic does. None where
    there is no such number.
    """
    sides = []
    if hi is None or hi > 0 or (hi == 0 and not hi_open):
        sides.append(_side("", lo, hi, lo_open, hi_open))
    if lo is None or lo < 0:
        sides.append(_side("-", None if hi is None else -hi, None if lo is None else -lo, hi_open, lo_open))
    if not sides:
        return None
    zero = "(?!-?0$)" if no_zero(max_digits, places) else ""
    return f"^{zero}(?={_shape(max_digits, places)}$)(?:{'|'.join(sides)})$"


def no_zero(max_digits: int | None, places: int | None) -> bool:
    """Do the counts leave no digit before the point? pydantic gives 0 one, and refuses it then."""
    return max_digits is not None and places is not None and max_digits <= places


def _side(sign: str, lo: Decimal | None, hi: Decimal | None, lo_open: bool, hi_open: bool) -> str:
    """Numbers of one sign, by what follows the sign."""
    tests = ""
    if lo is not None and lo >= 0:
        tests += f"(?={_at_least(lo)}$)"
        if lo_open:
            tests += f"(?!{_exactly(lo)}$)"
    if hi is not None:
        tests += f"(?={_at_most(hi)}$)"
        if hi_open:
            tests += f"(?!{_exactly(hi)}$)"
    return rf"{sign}{tests}(?:0|[1-9]\d*){_FRACTION}"


def _digits(value: Decimal) -> tuple[str, str]:
    """Whole part and fraction, without trailing zeros."""
    whole, _, fraction = format(value, "f").partition(".")
    return whole.lstrip("0") or "0", fraction.rstrip("0")


def _exactly(value: Decimal) -> str:
    whole, fraction = _digits(value)
    return rf"{whole}\.{fraction}0*" if fraction else rf"{whole}(?:\.0+)?"


def _at_least(value: Decimal) -> str:
    whole, fraction = _digits(value)
    options = [rf"[1-9]\d{{{len(whole)},}}{_FRACTION}"]
    for i, digit in enumerate(whole):
        if digit != "9":
            options.append(rf"{whole[:i]}[{int(digit) + 1}-9]\d{{{len(whole) - i - 1}}}{_FRACTION}")
    for j, digit in enumerate(fraction):
        if digit != "9":
            options.append(rf"{whole}\.{fraction[:j]}[{int(digit) + 1}-9]\d*")
    options.append(rf"{whole}\.{fraction}\d*" if fraction else whole + _FRACTION)
    return f"(?:{'|'.join(options)})"


def _at_most(value: Decimal) -> str:
    whole, fraction = _digits(value)
    options = [_exactly(value)]
    if len(whole) > 1:
        options.append(rf"(?:0|[1-9]\d{{0,{len(whole) - 2}}}){_FRACTION}")
    for i, digit in enumerate(whole):
        least = 1 if i == 0 and len(whole) > 1 else 0
        if int(digit) > least:
            options.append(rf"{whole[:i]}[{least}-{int(digit) - 1}]\d{{{len(whole) - i - 1}}}{_FRACTION}")
    for j, digit in enumerate(fraction):
        if digit != "0":
            options.append(rf"{whole}\.{fraction[:j]}[0-{int(digit) - 1}]\d*")
        options.append(rf"{whole}\.{fraction[:j]}" if j else whole)
    return f"(?:{'|'.join(options)})"


def _shape(max_digits: int | None, places: int | None) -> str:
    """What the counts of digits allow, sign included."""
    if max_digits is None:
        after = _FRACTION if places is None else _after(places)
        return rf"-?(?:0|[1-9]\d*){after}"
    if places is not None:
        counts = [(max(max_digits - places, 0), min(places, max_digits))]
    else:
        counts = [(max_digits - k, k) for k in range(max_digits + 1)]
    options = []
    for before, after_point in counts:
        if before:
            options.append(rf"[1-9]\d{{0,{before - 1}}}{_after(after_point)}")
    most = max_digits if places is None else min(places, max_digits)
    options.append(f"0{_after(most)}")
    return f"-?(?:{'|'.join(options)})"


def _after(places: int) -> str:
    return rf"(?:\.\d{{1,{places}}}0*)?" if places else r"(?:\.0+)?"
