"""Languages of dates, times and durations (RFC 3339)."""

from __future__ import annotations

from functools import cache

from constrain.regular.ast import Regex, char_set, chars, choice, concat, literal, optional, repeat, union

_DIGIT = chars([(48, 57)])
_TWO = concat(_DIGIT, _DIGIT)


@cache
def date() -> Regex:
    """`full-date`: 0000-01-01 to 9999-12-31, February 29 in leap years only."""
    year = concat(_TWO, _TWO)
    one_to_nine = concat(literal("0"), chars([(49, 57)]))
    to_28 = union(one_to_nine, concat(literal("1"), _DIGIT), concat(literal("2"), chars([(48, 56)])))
    to_30 = union(to_28, choice(["29", "30"]))
    month_day = union(
        concat(choice(["01", "03", "05", "07", "08", "10", "12"]), literal("-"), union(to_30, literal("31"))),
        concat(choice(["04", "06", "09", "11"]), literal("-"), to_30),
        concat(literal("02-"), to_28),
    )
    even, odd, fourth = char_set("02468"), char_set("13579"), char_set("26")
    multiple_of_4 = union(concat(even, char_set("048")), concat(odd, fourth))
    not_00 = union(literal("04"), literal("08"), concat(char_set("2468"), char_set("048")), concat(odd, fourth))
    leap = union(concat(_TWO, not_00), concat(multiple_of_4, literal("00")))
    return union(concat(year, literal("-"), month_day), concat(leap, literal("-02-29")))


@cache
def time(any_minute: bool = False) -> Regex:
    """`full-time`. A second 60 stands only in the last minute of a UTC day (any_minute: in every minute).

    Of the offsets of such leap seconds only those in quarters of an hour are in the language: every time zone has one,
    and a thousand other minutes would each cost states.
    """
    hour = union(concat(char_set("01"), _DIGIT), concat(literal("2"), chars([(48, 51)])))
    minute = concat(chars([(48, 53)]), _DIGIT)
    colon = literal(":")
    fraction = optional(concat(literal("."), repeat(_DIGIT, 1)))
    utc = char_set("zZ")
    offset = union(utc, concat(char_set("+-"), hour, colon, minute))
    if any_minute:
        return concat(hour, colon, minute, colon, union(minute, literal("60")), fraction, offset)
    usual = concat(hour, colon, minute, colon, minute, fraction, offset)
    leaps: dict[int, list[str]] = {}
    for offset_minutes in range(0, 24 * 60, 15):
        shown = f"{offset_minutes // 60:02}:{offset_minutes % 60:02}"
        for sign, shift in (("+", offset_minutes), ("-", -offset_minutes)):
            leaps.setdefault((24 * 60 - 1 + shift) % (24 * 60), []).append(sign + shown)
    second = concat(literal(":60"), fraction)
    leap = [
        concat(
            literal(f"{local // 60:02}:{local % 60:02}"),
            second,
            union(choice(offsets), utc) if local == 1439 else choice(offsets),
        )
        for local, offsets in leaps.items()
    ]
    return union(usual, *leap)


@cache
def date_time(any_minute: bool = False) -> Regex:
    """`date-time`: a date, T, and a time with offset (see `time`)."""
    return concat(date(), char_set("tT"), time(any_minute))


@cache
def local_time() -> Regex:
    """hh:mm:ss, the `time` of draft 3."""
    sixty = concat(chars([(48, 53)]), _DIGIT)
    hour = union(concat(char_set("01"), _DIGIT), concat(literal("2"), chars([(48, 51)])))
    return concat(hour, literal(":"), sixty, literal(":"), sixty)


@cache
def duration(small: bool = False) -> Regex:
    """`duration` of RFC 3339 appendix A, with capital letters as ISO 8601 has them (small: small ones, too)."""
    number = repeat(_DIGIT, 1)

    def sign(letter: str) -> Regex:
        return char_set(letter + letter.lower()) if small else literal(letter)

    def unit(letter: str, smaller: Regex | None = None) -> Regex:
        made = concat(number, sign(letter))
        return made if smaller is None else concat(made, optional(smaller))

    second = unit("S")
    minute = unit("M", second)
    clock = concat(sign("T"), union(unit("H", minute), minute, second))
    day = unit("D")
    month = unit("M", day)
    calendar = concat(union(unit("Y", month), month, day), optional(clock))
    return concat(sign("P"), union(calendar, clock, unit("W")))
