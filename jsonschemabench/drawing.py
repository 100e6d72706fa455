"""Charts as SVG text, without a library: stacked bars, and curves on two logarithmic axes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

# distinguishable without red and green (Okabe and Ito)
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5195", "#444444", "#999933", "#aa4466")
OUTCOME_COLOURS = {
    "right": "#009e73",
    "over": "#e69f00",
    "under": "#d55e00",
    "both": "#7a3b00",
    "refused": "#b8c4ce",
    "unsupported": "#e3e8ec",
    "timeout": "#7a5195",
    "memory": "#cc79a7",
    "crash": "#222222",
}
OUTCOME_NAMES = {
    "right": "right on every instance",
    "over": "rejects a valid instance",
    "under": "accepts an invalid instance",
    "both": "rejects a valid and accepts an invalid one",
    "refused": "refused",
    "unsupported": "no such input",
    "timeout": "timed out",
    "memory": "out of memory",
    "crash": "crashed or broke down on the way",
}


def bars(rows: Mapping[str, Mapping[str, int]], width: int = 900) -> str:
    """One stacked bar for each name: shares of its outcomes, with the number of the right ones beside it."""
    left, right, height, gap = 150, 90, 22, 8
    inner = width - left - right
    parts = []
    for n, (name, counts) in enumerate(rows.items()):
        y = n * (height + gap)
        total = sum(counts.get(kind, 0) for kind in OUTCOME_COLOURS)
        parts.append(f'<text x="{left - 8}" y="{y + 16}" text-anchor="end">{escape(name)}</text>')
        x = float(left)
        for kind, colour in OUTCOME_COLOURS.items():
            count = counts.get(kind, 0)
            if count and total:
                w = inner * count / total
                title = f"{name}: {OUTCOME_NAMES[kind]}: {count} of {total}"
                parts.append(
                    f'<rect x="{x:.1f}" y="{y}" width="{max(w, 0.6):.1f}" height="{height}" fill="{colour}">'
                    f"<title>{escape(title)}</title></rect>"
                )
                x += w
        share = f"{100 * counts.get('right', 0) / total:.1f} %" if total else "–"
        parts.append(f'<text x="{width - right + 8}" y="{y + 16}">{share}</text>')
    return _svg(width, len(rows) * (height + gap), parts, "share of the cases by outcome")


def legend() -> str:
    """The colours of the bars."""
    items = (
        f'<span class="key"><i style="background:{colour}"></i>{escape(OUTCOME_NAMES[kind])}</span>'
        for kind, colour in OUTCOME_COLOURS.items()
    )
    return '<p class="legend">' + " ".join(items) + "</p>"


def curves(lines: Mapping[str, Sequence[tuple[float, float]]], unit: str, width: int = 900, height: int = 380) -> str:
    """Tail-latency curves: to the right ever rarer (1 in 10, 100, 1000 …), upwards slower; both logarithmic."""
    points = {name: [(q, v) for q, v in line if v > 0 and q < 1] for name, line in lines.items()}
    points = {name: line for name, line in points.items() if line}
    if not points:
        return "<p>Nothing was measured.</p>"
    left, right, top, bottom = 70, 150, 12, 44
    low = math.floor(math.log10(min(v for line in points.values() for _, v in line)))
    high = math.ceil(math.log10(max(v for line in points.values() for _, v in line)))
    high = max(high, low + 1)
    rarest = max(1.0, max(-math.log10(1 - q) for line in points.values() for q, _ in line))

    def x(q: float) -> float:
        return left + (width - left - right) * -math.log10(1 - q) / rarest

    def y(v: float) -> float:
        return top + (height - top - bottom) * (high - math.log10(v)) / (high - low)

    parts = []
    for power in range(low, high + 1):
        at = y(10.0**power)
        parts.append(f'<line class="grid" x1="{left}" x2="{width - right}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(f'<text x="{left - 8}" y="{at + 4:.1f}" text-anchor="end">{_number(10.0**power)} {unit}</text>')
    for power in range(math.floor(rarest) + 1):
        at = left + (width - left - right) * power / rarest
        parts.append(f'<line class="grid" x1="{at:.1f}" x2="{at:.1f}" y1="{top}" y2="{height - bottom}"/>')
        label = "fastest" if power == 0 else f"1 in {10**power}"
        parts.append(f'<text x="{at:.1f}" y="{height - bottom + 18}" text-anchor="middle">{label}</text>')
    labels = _spread_out({name: y(line[-1][1]) for name, line in points.items()}, 15, height - bottom)
    for n, (name, line) in enumerate(points.items()):
        colour = PALETTE[n % len(PALETTE)]
        drawn = " ".join(f"{x(q):.1f},{y(v):.1f}" for q, v in line)
        parts.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{drawn}"/>')
        end = x(line[-1][0])
        parts.append(f'<text x="{end + 6:.1f}" y="{labels[name] + 4:.1f}" fill="{colour}">{escape(name)}</text>')
    return _svg(width, height, parts, "tail latency")


def _spread_out(wanted: Mapping[str, float], step: float, lowest: float) -> dict[str, float]:
    """Heights of labels, moved so that none covers another."""
    placed: dict[str, float] = {}
    last = -math.inf
    for name, at in sorted(wanted.items(), key=lambda item: item[1]):
        last = max(at, last + step)
        placed[name] = last
    over = last - lowest
    return {name: at - over for name, at in placed.items()} if over > 0 else placed


def _number(value: float) -> str:
    return f"{value:g}" if value < 1e6 else f"{value:.0e}"


def _svg(width: int, height: float, parts: Sequence[str], title: str) -> str:
    head = f'<svg viewBox="0 0 {width} {height:.0f}" role="img" aria-label="{escape(title)}">'
    return head + "".join(parts) + "</svg>"
