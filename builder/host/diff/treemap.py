"""Where rectangles lie whose areas are numbers: a squarified treemap.

After M. Bruls, K. Huizing, J. J. van Wijk, "Squarified Treemaps" (2000): along the shorter side a
row takes one more rectangle as long as that makes the worst of its shapes no worse.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle; x and y are those of its upper left corner."""

    x: float
    y: float
    width: float
    height: float


def squarified(values: Sequence[float], within: Box) -> list[Box]:
    """Return a box for each value, in their order; values must be positive, largest first."""
    boxes: list[Box] = []
    total = sum(values)
    if not values or total <= 0:
        return boxes
    scale = within.width * within.height / total
    areas = [value * scale for value in values]
    free = within
    while areas:
        count = _row_length(areas, min(free.width, free.height))
        row, areas = areas[:count], areas[count:]
        placed, free = _lay(row, free)
        boxes += placed
    return boxes


def _row_length(areas: Sequence[float], side: float) -> int:
    count = 1
    while count < len(areas) and _worst(areas[: count + 1], side) <= _worst(areas[:count], side):
        count += 1
    return count


def _worst(row: Sequence[float], side: float) -> float:
    """Return the largest ratio of two sides in a row along `side`."""
    whole = sum(row)
    if whole <= 0 or side <= 0:
        return 0.0
    return max(side * side * max(row) / whole**2, whole**2 / (side * side * min(row)))


def _lay(row: Sequence[float], free: Box) -> tuple[list[Box], Box]:
    """Place a row at the shorter side, and return what is left free beside it."""
    if free.width < free.height:
        turned, rest = _lay(row, _turned(free))
        return [_turned(box) for box in turned], _turned(rest)
    depth = sum(row) / free.height if free.height else 0.0
    boxes, y = [], free.y
    for area in row:
        height = area / depth if depth else 0.0
        boxes.append(Box(x=free.x, y=y, width=depth, height=height))
        y += height
    left = max(free.width - depth, 0.0)
    return boxes, Box(x=free.x + depth, y=free.y, width=left, height=free.height)


def _turned(box: Box) -> Box:
    return Box(x=box.y, y=box.x, width=box.height, height=box.width)
