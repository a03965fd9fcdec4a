"""Places of a system that are links to folders elsewhere in it, as /home to /data/home.

People do that when a disk gets full. What is said about a place is said about where it leads, too.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from builder.inside.selection.owners import Owners
from builder.inside.selection.places import DATA, KEPT, TOP
from builder.inside.tree.excludes import EXCLUDES
from builder.inside.tree.tree import Tree

_DEEPEST: Final = 3  # names in the path of a place that is looked at: /var/lib/postgresql
_WILD: Final = ("*", "?", "[", "\\")  # means something in patterns, so that they cannot be joined
# What is in these belongs to people or to the kernel, so that it does not matter where it is.
_EMPTY: Final = ("dev", "home", "media", "mnt", "proc", "root", "run", "sys", "tmp")
_KERNEL: Final = ("/dev/", "/proc/", "/run/", "/sys/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A place that is a link, and the folder that it leads to; absolute paths in the tree."""

    place: str
    real: str

    @property
    def has_programs(self) -> bool:
        """Whether everything in it is taken, as /opt and /usr/local are."""
        parts = self.place.split("/")[1:]
        programs = parts[0] in TOP and parts[0] not in _EMPTY and f"/{parts[0]}" not in DATA
        return programs and (len(parts) == 1 or (parts[0] == "usr" and len(parts) == 2))


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedPlaces:
    """All moved places of a tree, those that are in others after these."""

    places: tuple[Moved, ...]

    def patterns(self, pattern: str) -> Iterator[str]:
        """Yield an anchored rsync `pattern`, and the ones that match where its places lead."""
        yield pattern
        for each in self.places:
            if f"{pattern}/".startswith(f"{each.place}/"):
                yield each.real + pattern.removeprefix(each.place)

    def paths(self, paths: Iterable[bytes]) -> Iterator[bytes]:
        """Yield where `paths` that are in moved places are in truth."""
        pairs = [(os.fsencode(f"{each.place}/"), os.fsencode(each.real)) for each in self.places]
        for path in paths if pairs else ():
            yield from (real + path[len(place) - 1 :] for place, real in pairs
                        if path.startswith(place))  # fmt: skip

    @property
    def tops(self) -> frozenset[str]:
        """Return the folders at the top that they lead to, and that no system has: "/data"."""
        tops = {each.real.split("/")[1] for each in self.places}
        return frozenset(f"/{name}" for name in tops - set(TOP))


def find_moved(tree: Tree, owners: Owners) -> MovedPlaces:
    """Return the places of `tree` that lead to folders which are no places of a system."""
    found = (_moved(tree, place, owners) for place in sorted(_candidates(owners)))
    return MovedPlaces(places=tuple(each for each in found if each is not None))


def _candidates(owners: Owners) -> Iterator[str]:
    names = {f"/{name}" for name in TOP}
    names |= {row.pattern.removesuffix("/***").rstrip("/") for row in KEPT}
    names |= {row.pattern.removesuffix("/*") for row in EXCLUDES if row.pattern.startswith("/")}
    names |= {os.fsdecode(path) for path in owners.owned if 1 < path.count(b"/") <= _DEEPEST}
    yield from (name for name in names if not any(letter in name for letter in _WILD))


def _moved(tree: Tree, place: str, owners: Owners) -> Moved | None:
    if tree.link_target(place) is None or not tree.is_dir(place):
        return None
    real = tree.inner(tree.resolve(place))
    known = real == "/" or real[1:] in TOP or os.fsencode(real) in owners.owned
    if known or real.startswith(_KERNEL) or any(letter in real for letter in _WILD):
        return None
    return Moved(place=place, real=real)
