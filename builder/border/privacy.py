"""What of a source was left out of a build, and what came along though no package owns it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """One path that was left out, with all that is in it."""

    path: str  # absolute in the system
    rule: str  # the name of the reason, docs/what-is-left-out.md
    size: int  # bytes of its files
    entries: int  # it, and what is in it
    whole: bool = True  # all of it was counted; otherwise there is more


@dataclass(frozen=True, slots=True, kw_only=True)
class Stayed:
    """A program, or a folder of programs, that was installed without a package."""

    path: str
    size: int  # bytes of its files
    entries: int
