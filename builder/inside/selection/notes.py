"""What a build says about data that it left out and programs that came along, largest first."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from builder.basics.printable import clean
from builder.basics.rsync_patterns import literal
from builder.basics.sizes import readable_size
from builder.border.privacy import LeftOut, Stayed
from builder.inside.selection.places import TOP

_MOST: Final = 5  # of each that are named
_SMALLEST: Final = 1 << 20  # bytes of what is worth a line
_DEEP: Final = ("cache", "lib", "spool")  # in /var: each folder in them is a service's own
_SHALLOW: Final = {"etc", "opt", "usr"}  # whose entries are named one by one

_PLAIN: Final = re.compile(r"[\w./@+-]+")

_Values = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """A template of `builder.basics.texts` and its values."""

    message: str
    values: _Values


def left_out_notes(found: Sequence[LeftOut]) -> Iterator[Remark]:
    """Yield the total of what was left out, and its largest places with how to take them."""
    data = [each for each in found if each.rule not in ("excluded", "not-copied", "boot-files")]
    data += [each for each in found if each.path.startswith(("/home/", "/root/"))]
    if not data:
        return
    sizes: dict[str, int] = {}
    for each in data:
        place = _place(each.path)
        sizes[place] = sizes.get(place, 0) + each.size
    if not any(sizes.values()):
        return
    total = (("size", readable_size(sum(sizes.values()))),)
    if all(each.whole for each in data):
        yield Remark(message="Data of people and services is left out: {size}", values=total)
    else:
        message = "Data of people and services is left out: more than {size}"
        yield Remark(message=message, values=total)
    message = "{path} ({size}) is left out; `keep: [{item}]` in build.yaml takes it"
    yield from (Remark(message=message, values=each) for each in _largest(sizes.items()))


def stayed_notes(found: Iterable[Stayed]) -> Iterator[Remark]:
    """Yield the largest places of hand-installed programs, with how to leave them out."""
    message = "{path} ({size}) comes along; `exclude: [{item}]` in build.yaml leaves it out"
    places = ((each.path, each.size) for each in found)
    yield from (Remark(message=message, values=each) for each in _largest(places))


def _largest(sizes: Iterable[tuple[str, int]]) -> Iterator[_Values]:
    worth = [each for each in sizes if each[1] >= _SMALLEST]
    for path, size in sorted(worth, key=lambda each: (-each[1], each[0]))[:_MOST]:
        item = _item(clean(literal(path)))
        yield (("path", clean(path)), ("item", item), ("size", readable_size(size)))


def _item(pattern: str) -> str:
    """Return it as an item of a list in brackets (YAML 1.2, 7.4)."""
    return pattern if _PLAIN.fullmatch(pattern) else "'" + pattern.replace("'", "''") + "'"


def _place(path: str) -> str:
    """Return the folder that a person would name instead of one entry in it."""
    _root, top, *rest = path.split("/")
    if top == "var" and rest:
        return "/".join(("/var", *rest[: 2 if rest[0] in _DEEP else 1]))
    if top in TOP and top in _SHALLOW:
        return path
    return f"/{top}"
