"""Plots as SVG, drawn by ourselves: points of size against time, and bars."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

_WIDTH, _HEIGHT = 760, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 20, 40, 50
_LETTER: Final = 6.6  # pixels of a letter, about
_FAR: Final = 8  # pixels
_STYLE: Final = (
    "text{font:12px sans-serif;fill:#333}.title{font-size:15px}.axis{stroke:#999}"
    ".grid{stroke:#e4e4e4}.other{fill:#9aa7b4}.best{fill:#2166ac}.preset{fill:#c0392b}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One measured choice; `kind` is a class of the style: other, best, or preset."""

    name: str
    x: float
    y: float
    kind: str = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One measured figure, made up of named parts."""

    name: str
    parts: Sequence[tuple[str, float]]

    @property
    def total(self) -> float:
        """The length of the whole bar."""
        return sum(value for _name, value in self.parts)


def scatter(points: Sequence[Point], *, title: str, x: str, y: str) -> str:
    """Return a plot with a logarithmic x axis; `points` must not be empty, their x positive."""
    low = math.floor(math.log10(min(point.x for point in points)) * 2) / 2
    high = math.ceil(math.log10(max(point.x for point in points)) * 2 + 0.01) / 2
    least, most = min(point.y for point in points), max(point.y for point in points)
    margin = (most - least or most or 1) * 0.08
    least, most = least - margin, most + margin

    def place(point_x: float, point_y: float) -> tuple[float, float]:
        along = (math.log10(point_x) - low) / (high - low)
        up = (point_y - least) / (most - least)
        return (
            _LEFT + along * (_WIDTH - _LEFT - _RIGHT),
            _HEIGHT - _BOTTOM - up * (_HEIGHT - _TOP - _BOTTOM),
        )

    drawn = [_text(_WIDTH / 2, 22, title, anchor="middle", style="title")]
    for step in _decades(low, high):
        across, _up = place(step, least)
        drawn.append(_line(across, _TOP, across, _HEIGHT - _BOTTOM, "grid"))
        drawn.append(_text(across, _HEIGHT - _BOTTOM + 16, _number(step), anchor="middle"))
    for step in _even(least, most):
        _across, up = place(10**low, step)
        drawn.append(_line(_LEFT, up, _WIDTH - _RIGHT, up, "grid"))
        drawn.append(_text(_LEFT - 6, up + 4, _number(step), anchor="end"))
    drawn += [_text(_WIDTH / 2, _HEIGHT - 12, x, anchor="middle"), _text(8, _TOP - 8, y)]
    spots = [place(point.x, point.y) for point in points]
    taken = [_Box(across - 4, up - 4, across + 4, up + 4) for across, up in spots]
    for point, (across, up) in zip(points, spots, strict=True):
        radius = 3.5 if point.kind == "other" else 5
        drawn.append(f'<circle class="{point.kind}" cx="{across:.1f}" cy="{up:.1f}" r="{radius}"/>')
        drawn += _label(point.name, across, up, taken)
    return _svg(drawn, _HEIGHT)


@dataclass(frozen=True, slots=True)
class _Box:
    """A part of the plot that has something in it, in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    def touches(self, other: "_Box") -> bool:
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )


def _label(text: str, across: float, up: float, taken: list[_Box]) -> list[str]:
    """Write beside a point, as near as there is room, and add the place to `taken`."""
    width = _LETTER * len(text)
    for away in range(0, _HEIGHT, 4):
        for baseline in (up - 4 - away, up + 13 + away):
            for right in (True, False):
                left = across + 7 if right else across - 7 - width
                box = _Box(left, baseline - 10, left + width, baseline + 3)
                if _is_inside(box) and not any(box.touches(other) for other in taken):
                    taken.append(box)
                    # Where it is not beside its point, a line says whose it is.
                    near = min(max(up, box.top), box.bottom)
                    line = [_line(across, up, across + (7 if right else -7), near, "axis")]
                    return [*(line if away > _FAR else []), _text(left, baseline, text)]
    return [_text(across + 7, up - 4, text)]  # more labels than a plot has room for


def _is_inside(box: _Box) -> bool:
    return (
        box.left >= _LEFT
        and box.right <= _WIDTH - 4
        and box.top >= _TOP
        and box.bottom <= _HEIGHT - _BOTTOM
    )


def bars(rows: Sequence[Bar], *, title: str, unit: str) -> str:
    """Return horizontal bars; the first part is dark, what follows is lighter."""
    longest = max(row.total for row in rows) or 1
    left, height = 190, 60 + 28 * len(rows)
    drawn = [_text(_WIDTH / 2, 22, title, anchor="middle", style="title")]
    colours = ("best", "other", "grid")
    for position, row in enumerate(rows):
        top, across = 40 + 28 * position, float(left)
        drawn.append(_text(left - 8, top + 14, row.name, anchor="end"))
        for (name, value), colour in zip(row.parts, colours, strict=False):
            length = value / longest * (_WIDTH - left - 90)
            drawn.append(
                f'<rect class="{colour}" x="{across:.1f}" y="{top}" width="{length:.1f}" '
                f'height="20"><title>{escape(name)}: {value:.1f} {escape(unit)}</title></rect>'
            )
            across += length
        drawn.append(_text(across + 6, top + 14, f"{row.total:.1f} {unit}"))
    return _svg(drawn, height)


def _decades(low: float, high: float) -> list[float]:
    first, last = math.floor(low), math.ceil(high)
    steps = [factor * 10.0**power for power in range(first, last + 1) for factor in (1, 2, 5)]
    return [step for step in steps if 10**low <= step <= 10**high]


def _even(least: float, most: float) -> list[float]:
    raw = (most - least) / 6
    unit = 10.0 ** math.floor(math.log10(raw))
    step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= raw)
    first = math.ceil(least / step)
    return [step * number for number in range(first, math.floor(most / step) + 1)]


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"


def _text(x: float, y: float, text: str, *, anchor: str = "start", style: str = "") -> str:
    kind = f' class="{style}"' if style else ""
    return f'<text{kind} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _svg(drawn: Sequence[str], height: int) -> str:
    body = "\n".join(drawn)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}">\n'
        f'<style>{_STYLE}</style>\n<rect width="100%" height="100%" fill="#fff"/>\n{body}\n</svg>\n'
    )
