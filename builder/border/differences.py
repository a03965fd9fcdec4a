"""The differences between two builds, from the outside in."""

from dataclasses import dataclass
from typing import Final

from builder.border.cache_report import Problem

MOST: Final = 500  # differences that are listed; the rest is only counted

CONTENT: Final = "content"
PRESENCE: Final = "presence"
SIZE: Final = "size"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that differs.

    `place` is its path: ("Debian-13-xfce.iso", "live/filesystem.squashfs", "/etc/motd"). With an
    `offset`, `original` and `rebuilt` are the first byte that differs there; for "presence" they
    are "yes" or "no"; otherwise they are the two values as text.
    """

    place: tuple[str, ...]
    attribute: str  # "content", "presence", "size", "mode", "block size", …
    original: str
    rebuilt: str
    offset: int | None = None  # bytes from the start of what `place` names


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The differences, outermost first."""

    differences: tuple[Difference, ...]
    more: int = 0  # how many were not listed
    remarks: tuple[Problem, ...] = ()  # what else the user should know

    def within(self, *place: str) -> "Explanation":
        """Return the same differences, prefixed with `place`."""
        inner = (
            Difference(
                place=(*place, *each.place),
                attribute=each.attribute,
                original=each.original,
                rebuilt=each.rebuilt,
                offset=each.offset,
            )
            for each in self.differences
        )
        return Explanation(differences=tuple(inner), more=self.more, remarks=self.remarks)


def explained(parts: "list[Difference]", *, remarks: tuple[Problem, ...] = ()) -> Explanation:
    """Return an explanation of at most MOST differences."""
    return Explanation(
        differences=tuple(parts[:MOST]), more=max(len(parts) - MOST, 0), remarks=remarks
    )


def joined(parts: "list[Explanation]") -> Explanation:
    """Merge explanations into one with at most MOST differences."""
    differences = [each for part in parts for each in part.differences]
    return Explanation(
        differences=tuple(differences[:MOST]),
        more=sum(part.more for part in parts) + max(len(differences) - MOST, 0),
        remarks=tuple(remark for part in parts for remark in part.remarks),
    )


def shown_byte(content: bytes) -> str:
    """Return the first byte in hexadecimal, or "none" past the end of a file."""
    return f"0x{content[0]:02x}" if content else "none"
