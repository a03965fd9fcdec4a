"""The picture of where the size went: an SVG whose areas are what came and went."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

from builder.basics.printable import printable
from builder.basics.sizes import readable_size
from builder.basics.texts import say
from builder.host.diff.model import Growth
from builder.host.diff.treemap import Box, squarified
from builder.host.diff.words import place_of, signed_size

_CANVAS: Final = Box(x=0, y=0, width=960, height=460)
_HEAD: Final = 18.0  # height of a group's title
_GAP: Final = 2.0
_SIGN: Final = 7.0  # width of a letter of the size that the style sheet gives
_MARGIN: Final = 4.0  # beside the text of a box
_LINE: Final = 15.0


def pictures(growth: Sequence[Growth]) -> dict[str, str]:
    """Return the pictures of a report's page, by section."""
    return {"sizes": f"{size_picture(growth)}\n{_legend()}"} if growth else {}


def size_picture(growth: Sequence[Growth]) -> str:
    """Return an `<svg>` element; its style is the page's. Empty when nothing changed."""
    if not growth:
        return ""
    groups = sorted(_groups(growth), key=lambda group: (-_turnover(group[1]), group[0]))
    boxes = squarified([_turnover(rows) for _name, rows in groups], _CANVAS)
    parts = [
        part
        for (name, rows), box in zip(groups, boxes, strict=True)
        for part in _group(name, rows, box)
    ]
    title = say("Where the size went")
    description = say(
        "Each box is a part of the system; its area is how much was added and removed there. The "
        "table below has the same numbers."
    )
    size = f"{_CANVAS.width:g} {_CANVAS.height:g}"
    named = "picture-title picture-description"
    return "\n".join(
        (
            f'<svg viewBox="0 0 {size}" role="img" aria-labelledby="{named}">',
            f'<title id="picture-title">{escape(title)}</title>',
            f'<desc id="picture-description">{escape(description)}</desc>',
            *parts,
            "</svg>",
        )
    )


def tone(growth: Growth) -> str:
    """Return the style sheet's name for what happened to a part."""
    if growth.growth == 0:
        return "even"
    return "grew" if growth.growth > 0 else "shrank"


def _groups(growth: Sequence[Growth]) -> Iterator[tuple[str, list[Growth]]]:
    """Yield the rows below each directory of the top."""
    groups: defaultdict[str, list[Growth]] = defaultdict(list)
    for row in growth:
        groups[printable("/".join(row.path.split("/")[:2]))].append(row)
    yield from groups.items()


def _turnover(rows: Sequence[Growth]) -> int:
    return sum(row.turnover for row in rows)


def _group(name: str, rows: Sequence[Growth], box: Box) -> Iterator[str]:
    inner = _inset(box)
    if len(rows) > 1 and inner.height > 3 * _HEAD:
        growth = sum(row.growth for row in rows)
        yield _text(f"{name} {signed_size(growth)}", inner, line=0, kind="group")
        inner = Box(x=inner.x, y=inner.y + _HEAD, width=inner.width, height=inner.height - _HEAD)
    for row, place in zip(rows, squarified([row.turnover for row in rows], inner), strict=True):
        yield from _part(row, _inset(place))


def _part(row: Growth, box: Box) -> Iterator[str]:
    name, growth = place_of(row), signed_size(row.growth)
    sizes = f"{readable_size(row.before)} → {readable_size(row.after)}"
    yield f'<g class="{tone(row)}"><title>{escape(f"{name}: {growth} ({sizes})")}</title>'
    yield (
        f'<rect x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" '
        f'height="{box.height:.1f}" rx="2"/>'
    )
    if box.height > _LINE:
        yield _text(name if _fits(name, box) else printable(row.path), box, line=0)
    if box.height > 2.4 * _LINE:
        yield _text(growth, box, line=1, kind="number")
    yield "</g>"


def _text(words: str, box: Box, *, line: int, kind: str = "name") -> str:
    """Return a line of text, if the box has room: a name can be cut, a number cannot."""
    if not _fits(words, box):
        room = int((box.width - 2 * _MARGIN) / _SIGN)
        if kind != "name" or room < 4:
            return ""
        words = f"…{words[1 - room :]}"  # a path's end tells more than its start
    y = box.y + _LINE * (line + 0.9)
    return f'<text class="{kind}" x="{box.x + _MARGIN:.1f}" y="{y:.1f}">{escape(words)}</text>'


def _fits(words: str, box: Box) -> bool:
    return len(words) * _SIGN + 2 * _MARGIN <= box.width


def _inset(box: Box) -> Box:
    return Box(
        x=box.x + _GAP / 2,
        y=box.y + _GAP / 2,
        width=max(box.width - _GAP, 0.5),
        height=max(box.height - _GAP, 0.5),
    )


def _legend() -> str:
    tones = (
        ("grew", say("grew")),
        ("shrank", say("shrank")),
        ("even", say("changed, same size in total")),
    )
    words = " ".join(f'<span class="{tone}"><i></i>{escape(text)}</span>' for tone, text in tones)
    return f'<p class="legend">{words}</p>'
