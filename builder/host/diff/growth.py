"""Where the size went: which parts of the tree grew or shrank; no file counts twice."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final

from builder.formats.inventory import Entry
from builder.host.diff.model import Growth

_SMALLEST: Final = 0.03  # of the whole turnover: what is smaller has no row of its own


@dataclass(slots=True)
class _Folder:
    path: str
    own: list[int] = field(default_factory=lambda: [0, 0])  # before, after: the files right in it
    whole: list[int] = field(default_factory=lambda: [0, 0])
    turnover: int = 0
    children: list["_Folder"] = field(default_factory=list)


class Sizes:
    """Adds up the files of both sides, directory by directory."""

    def __init__(self) -> None:
        self._folders: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
        self._totals = [0, 0]

    def add(self, entry: Entry, *, after: bool) -> None:
        """Count a file; one with several names counts at its first."""
        if entry.size and not entry.first:
            self._folders[entry.path.rpartition("/")[0]][after] += entry.size
            self._totals[after] += entry.size

    @property
    def totals(self) -> tuple[int, int]:
        """The size of all files, before and after."""
        before, after = self._totals
        return before, after

    def growth(self) -> tuple[Growth, ...]:
        """Return the parts of the tree whose size changed, the largest turnover first."""
        top = self._tree()
        if not top.turnover:
            return ()
        found, waiting = list[Growth](), [top]
        while waiting:
            folder = waiting.pop()
            large = [each for each in folder.children if each.turnover >= top.turnover * _SMALLEST]
            waiting += large
            turnover = folder.turnover - sum(each.turnover for each in large)
            if turnover:
                before, after = (
                    folder.whole[side] - sum(each.whole[side] for each in large) for side in (0, 1)
                )
                found.append(
                    Growth(
                        path=folder.path or "/",
                        rest=bool(large),
                        before=before,
                        after=after,
                        turnover=turnover,
                    )
                )
        return tuple(sorted(found, key=lambda part: (-part.turnover, part.path)))

    def _tree(self) -> _Folder:
        """Return the tree of all directories that hold a file, sizes and turnovers summed up."""
        folders = {"": _Folder("")}
        for path, own in self._folders.items():
            folder = _folder(folders, path)
            folder.own = own
        for path in sorted(folders, key=lambda path: path.count("/"), reverse=True):
            folder = folders[path]
            folder.whole = [
                own + sum(child.whole[side] for child in folder.children)
                for side, own in enumerate(folder.own)
            ]
            folder.turnover = abs(folder.own[1] - folder.own[0]) + sum(
                child.turnover for child in folder.children
            )
        return folders[""]


def _folder(folders: dict[str, _Folder], path: str) -> _Folder:
    missing = []
    while path not in folders:
        missing.append(path)
        path = path.rpartition("/")[0]
    folder = folders[path]
    for name in reversed(missing):
        child = folders[name] = _Folder(name)
        folder.children.append(child)
        folder = child
    return folder
