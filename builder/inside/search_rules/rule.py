"""What a rule of the search is: where YARA looks, and what makes an occurrence real.

YARA reads every byte quickly and finds candidates; a judge, which sees only their surroundings,
keeps those that are private.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

SURROUNDINGS: Final = 4 << 10  # bytes before and after an occurrence that a judge may look at
_BEFORE: Final = 512  # bytes of a line in front of an occurrence
_AFTER: Final = 1024  # and behind it


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """Something that YARA found at `start` in `data`, a part of the file at `path`."""

    path: bytes
    data: bytes
    start: int
    end: int
    binary: bool = False  # the file is no text

    @property
    def matched(self) -> bytes:
        """The bytes themselves."""
        return self.data[self.start : self.end]

    def line(self, *, before: int = _BEFORE, after: int = _AFTER) -> bytes:
        """Return the line around it, of which at most so many bytes on each side are seen."""
        start = self.start + self.matched.startswith(b"\n")  # that ends the line before
        first = max(0, start - before)
        begin = self.data.rfind(b"\n", first, start) + 1 or first
        last = min(len(self.data), self.end + after)
        end = self.data.find(b"\n", self.end, last)
        return self.data[begin : last if end < 0 else end]

    @property
    def before(self) -> bytes:
        """What is in front of it."""
        return self.data[max(0, self.start - SURROUNDINGS) : self.start]

    @property
    def after(self) -> bytes:
        """What follows."""
        return self.data[self.end : self.end + SURROUNDINGS]


Judge = Callable[[Occurrence], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRule:
    """One way in which a kind of private thing shows; `strings` are written as YARA's."""

    kind: str  # the name of a kind of `builder.border.privacy`
    strings: tuple[str, ...]
    judge: Judge | None = None  # None: every occurrence counts


def text(word: str, modifiers: str = "") -> str:
    """Return a text as YARA writes it."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}" {modifiers}'.rstrip()


def regex(pattern: str, modifiers: str = "") -> str:
    """Return a regular expression as YARA writes it."""
    escaped = pattern.replace("\\/", "/").replace("/", "\\/")
    return f"/{escaped}/ {modifiers}".rstrip()
