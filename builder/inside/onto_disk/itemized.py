"""What rsync would change, by the lines of its --itemize-changes, however many there are.

Format: rsync(1), --itemize-changes and --out-format "%i %l %n"; what is not printable in a name is
`\\#` with three octal digits, and so is a backslash before `#` and digits.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from builder.basics.printable import clean
from builder.border.whole_systems import Paths

FORMAT: Final = "%i %l %n"
_LINE: Final = re.compile(r"(\*deleting  |[<>ch.*][fdLDS][.+?a-zA-Z]{9,}) (\d+) (.+)")
_ESCAPED: Final = re.compile(rb"\\#([0-7]{3})")
_MOST: Final = 100_000  # paths of a kind that are kept; more are only counted
_MOST_NAMED: Final = 1000


@dataclass(slots=True)
class _Kind:
    """Paths that something happens to; the top of what is new or goes as a whole stands for it."""

    count: int = 0
    names: list[str] = field(default_factory=list)

    def add(self, name: str) -> None:
        self.count += 1
        if len(self.names) < _MOST:
            self.names.append(name)

    def add_before_contents(self, name: str) -> None:
        """Add what comes before all that is in it."""
        top = self.names[-1] if self.names else ""
        if top.endswith("/") and name.startswith(top):
            self.count += 1
        else:
            self.add(name)

    def add_after_contents(self, name: str) -> None:
        """Add what comes after all that is in it."""
        if name.endswith("/"):
            while self.names and self.names[-1].startswith(name):
                self.names.pop()
        self.add(name)

    def told(self) -> Paths:
        """Return it for people, settings first: those are what they know."""
        ordered = sorted(self.names, key=lambda name: not name.startswith("etc/"))
        some = tuple(f"/{clean(each)}" for each in ordered[:_MOST_NAMED])
        return Paths(count=self.count, some=some)


@dataclass(slots=True)
class Changes:
    """What was read so far."""

    added: _Kind = field(default_factory=_Kind)
    changed: _Kind = field(default_factory=_Kind)
    deleted: _Kind = field(default_factory=_Kind)
    sizes: dict[str, int] = field(default_factory=dict)  # bytes to copy, by the folder of a part
    folders: tuple[str, ...] = ("",)  # of parts, the longest first; "" is the root

    def reader(self) -> Callable[[str], float | None]:
        """Return what takes lines as progress, so that nobody keeps them."""
        return lambda line: 0.0 if self.take(line) else None

    def take(self, line: str) -> bool:
        """Take a line; whether it was about a change."""
        found = _LINE.fullmatch(line)
        if found is None:
            return False
        what, size, name = found.groups()
        if what.startswith("*deleting"):
            self.deleted.add_after_contents(name)
        elif what[2:].startswith("+++++++"):
            self.added.add_before_contents(name)
        elif not _is_a_folders_time(what):
            self.changed.add(name)
        if what.startswith(">f"):
            folder = next(each for each in self.folders if name.startswith(each))
            self.sizes[folder] = self.sizes.get(folder, 0) + int(size)
        return True

    def paths(self) -> tuple[str, ...]:
        """Return the paths that something else is at now, as rsync names them."""
        return (*self.changed.names, *self.deleted.names)


def real_path(name: str) -> bytes:
    """Return a path as it is on the disk."""
    return _ESCAPED.sub(
        lambda match: bytes((int(match[1], 8),)), name.encode("utf-8", "surrogateescape")
    )


def _is_a_folders_time(what: str) -> bool:
    """Whether only the time of a folder differs: it follows what happens in the folder."""
    return what[1] == "d" and not what[2:].replace("t", "").strip(".")
