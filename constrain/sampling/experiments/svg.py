"""Line charts, bars and scatter plots as SVG text, without a plotting library."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

COLOURS = ("#0b6fa4", "#d1495b", "#3a7d44", "#b26e00", "#6a4c93", "#00798c", "#7f5539", "#555555")
WIDTH, HEIGHT = 640, 400
LEFT, RIGHT, TOP, BOTTOM = 64, 150, 34, 50


@dataclass(frozen=True)
class Line:
    """Points, and a band around them (low, high) where it is known. dashed: a reference rather than a result."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    dashed: bool = False


class _Axis:
    """From values to pixels."""

    def __init__(self, values: Sequence[float], start: float, end: float, log: bool) -> None:
        values = [v for v in values if math.isfinite(v) and (v > 0 or not log)]
        low, high = min(values, default=0.1 if log else 0.0), max(values, default=1.0)
        if log:
            low, high = math.log10(low), math.log10(high)
        else:
            low = min(low, 0.0) if low > -1e-9 else low
        if high - low < 1e-9:
            high = low + 1.0
        self.low, self.high, self.start, self.end, self.log = low, high, start, end, log

    def __call__(self, value: float) -> float:
        value = math.log10(max(value, 10.0**self.low)) if self.log else value
        return self.start + (self.end - self.start) * (min(value, self.high) - self.low) / (self.high - self.low)

    def ticks(self) -> list[float]:
        if self.log:
            return [10.0**k for k in range(math.ceil(self.low - 1e-9), math.floor(self.high + 1e-9) + 1)]
        step = 10.0 ** math.floor(math.log10((self.high - self.low) / 2))
        while (self.high - self.low) / step > 6:
            step *= 2 if round(math.log10(step), 6) % 1 == 0 else 2.5
        first = math.ceil(self.low / step - 1e-9)
        return [k * step for k in range(first, math.floor(self.high / step + 1e-9) + 1)]


def lines(curves: Sequence[Line], title: str, x: str, y: str, *, log_x: bool = False, log_y: bool = False) -> str:
    """A line chart with a legend on the right."""
    across = _Axis([v for c in curves for v in c.x], LEFT, WIDTH - RIGHT, log_x)
    up = _Axis([v for c in curves for v in (*c.y, *c.low, *c.high)], HEIGHT - BOTTOM, TOP, log_y)
    out = _frame(title, x, y, across, up)
    for i, curve in enumerate(curves):
        colour = COLOURS[i % len(COLOURS)]
        if curve.low:
            there = [f"{across(a):.1f},{up(b):.1f}" for a, b in zip(curve.x, curve.high, strict=True)]
            back = [f"{across(a):.1f},{up(b):.1f}" for a, b in zip(curve.x, curve.low, strict=True)]
            out.append(f'<polygon points="{" ".join(there + back[::-1])}" fill="{colour}" opacity="0.15"/>')
        points = " ".join(
            f"{across(a):.1f},{up(b):.1f}" for a, b in zip(curve.x, curve.y, strict=True) if math.isfinite(b)
        )
        dash = ' stroke-dasharray="5 4"' if curve.dashed else ""
        out.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
        out += _legend(i, curve.name, colour, dash)
    return _document(out)


def scatter(groups: Sequence[tuple[str, Sequence[tuple[float, float]]]], title: str, x: str, y: str) -> str:
    """Points of several groups, with the diagonal on which both axes agree."""
    values = [v for _, points in groups for point in points for v in point]
    across = _Axis(values, LEFT, WIDTH - RIGHT, False)
    up = _Axis(values, HEIGHT - BOTTOM, TOP, False)
    out = _frame(title, x, y, across, up)
    ends = [f'{axis}{i}="{scale(v):.1f}"' for i, v in ((1, across.low), (2, across.high)) for axis, scale in (("x", across), ("y", up))]  # fmt: skip  # noqa: E501
    out.append(f'<line {" ".join(ends)} stroke="#999" stroke-dasharray="4 4"/>')
    for i, (name, points) in enumerate(groups):
        colour = COLOURS[i % len(COLOURS)]
        out += [
            f'<circle cx="{across(a):.1f}" cy="{up(b):.1f}" r="4" fill="{colour}" opacity="0.75"/>' for a, b in points
        ]
        out += _legend(i, name, colour, "")
    return _document(out)


def bars(names: Sequence[str], groups: Sequence[tuple[str, Sequence[float]]], title: str, y: str) -> str:
    """Groups of bars, one group for each name."""
    up = _Axis([0.0, *(v for _, values in groups for v in values)], HEIGHT - BOTTOM, TOP, False)
    across = _Axis([0.0, float(len(names))], LEFT, WIDTH - RIGHT, False)
    out = _frame(title, "", y, across, up, show_x=False)
    slot = (WIDTH - RIGHT - LEFT) / len(names)
    wide = slot * 0.8 / len(groups)
    for i, (group, values) in enumerate(groups):
        colour = COLOURS[i % len(COLOURS)]
        for j, value in enumerate(values):
            left = LEFT + slot * (j + 0.1) + wide * i
            out.append(
                f'<rect x="{left:.1f}" y="{up(value):.1f}" width="{wide:.1f}" '
                f'height="{max(0.0, HEIGHT - BOTTOM - up(value)):.1f}" fill="{colour}"/>'
            )
        out += _legend(i, group, colour, "")
    for j, name in enumerate(names):
        x = LEFT + slot * (j + 0.5)
        out.append(
            _text(x, HEIGHT - BOTTOM + 12, name, 9, "end", f' transform="rotate(-50 {x:.1f} {HEIGHT - BOTTOM + 12})"')
        )
    return _document(out)


def _frame(title: str, x: str, y: str, across: _Axis, up: _Axis, show_x: bool = True) -> list[str]:
    out = [_text(LEFT, 20, title, 14, "start", ' font-weight="bold"')]
    for tick in up.ticks():
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{up(tick):.1f}" y2="{up(tick):.1f}" stroke="#ddd"/>')
        out.append(_text(LEFT - 6, up(tick) + 4, f"{tick:g}", 11, "end"))
    for tick in across.ticks() if show_x else ():
        out.append(
            f'<line x1="{across(tick):.1f}" x2="{across(tick):.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" stroke="#eee"/>'
        )
        out.append(_text(across(tick), HEIGHT - BOTTOM + 16, f"{tick:g}", 11, "middle"))
    out.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, x, 12, "middle"))
    middle = (TOP + HEIGHT - BOTTOM) / 2
    out.append(_text(16, middle, y, 12, "middle", f' transform="rotate(-90 16 {middle:.1f})"'))
    return out


def _legend(i: int, name: str, colour: str, dash: str) -> list[str]:
    x, y = WIDTH - RIGHT + 14, TOP + 14 + 20 * i
    return [
        f'<line x1="{x}" x2="{x + 22}" y1="{y - 4}" y2="{y - 4}" stroke="{colour}" stroke-width="3"{dash}/>',
        _text(x + 28, y, name, 12, "start"),
    ]


def _text(x: float, y: float, text: str, size: int, anchor: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}"{more}>{escape(text)}</text>'


def _document(parts: list[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        'font-family="sans-serif" fill="#222"><rect width="100%" height="100%" fill="white"/>'
    )
    return "\n".join([head, *parts, "</svg>", ""])


Report = Callable[[str], None]
