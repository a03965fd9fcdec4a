"""Mentions of a removed person's home in settings become the live user's home."""

import re
import stat
from typing import Final

from builder.inside.leftovers.gone import Gone
from builder.inside.leftovers.texts import read_lines, write_lines
from builder.inside.tree.tree import Tree

_GOES_ON: Final = re.compile(r"[\w.-]")
PLACES: Final = ("/etc", "/usr/local/etc", "/usr/share/applications", "/usr/local/share")


def rename_homes(tree: Tree, gone: Gone) -> None:
    """Replace the homes of removed accounts in the texts of PLACES.

    What is not text stays as it is; a longer name that starts with a home's is another one.
    """
    homes = frozenset(home for home in gone.homes if not tree.exists(home))
    if not homes:
        return
    names = _Homes(homes)
    for place in PLACES:
        for path, status in tree.walk(place) if tree.is_dir(place) else ():
            if stat.S_ISREG(status.st_mode) and status.st_size:
                _rename(tree, path, names, f"/home/{gone.heir}")


def _rename(tree: Tree, path: str, homes: "_Homes", heir: str) -> None:
    lines = read_lines(tree, path)
    if lines is not None:
        write_lines(tree, path, [homes.replaced(line, heir) for line in lines])


class _Homes:
    """Finds homes in a line, in a time that does not depend on how many there are."""

    def __init__(self, homes: frozenset[str]) -> None:
        firsts = re.escape("".join(sorted({home[0] for home in homes})))
        self._start = re.compile(rf"(?:(?<![\w/.-])|(?<=://))(?=[{firsts}])")
        self._homes = homes
        self._lengths = sorted({len(home) for home in homes}, reverse=True)
        self._shortest = self._lengths[-1]
        self._beginnings = {home[: self._shortest] for home in homes}

    def replaced(self, line: str, heir: str) -> str:
        """Return the line with `heir` in place of each home."""
        parts, done = [], 0
        for match in self._start.finditer(line):
            at = match.start()
            if at >= done and (length := self._length_at(line, at)):
                parts += [line[done:at], heir]
                done = at + length
        return "".join((*parts, line[done:]))

    def _length_at(self, line: str, at: int) -> int:
        """Return the length of the longest home that is at this place; 0 without one."""
        if line[at : at + self._shortest] not in self._beginnings:
            return 0
        for length in self._lengths:
            end = at + length
            if line[at:end] in self._homes and not _GOES_ON.match(line, end):
                return length
        return 0
