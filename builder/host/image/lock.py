"""The lock file: every package of the builder image, by version and sha256.

One line each, words separated by single spaces; `#` begins a line of comment:

- `date YYYY-MM-DD`: when the list was made. It is also the image's date.
- `want SECTION NAME`: what we ask for; people edit these lines.
- `package SECTION NAME VERSION ARCHITECTURE SHA256`: a package and the sha256 of its .deb. `image
  lock` writes these lines, for the wishes and all that they need, sorted by section and name.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Final

from builder.basics.errors import HostError

# Debian policy 5.6.1 and 5.6.12; a version may also hold an epoch.
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9+.-]+")
_VERSION: Final = re.compile(r"([0-9]+:)?[0-9][A-Za-z0-9.+~-]*")
_ARCHITECTURE: Final = re.compile(r"[a-z0-9][a-z0-9-]*")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


class Section(StrEnum):
    """What a package is there for."""

    BASE = "base"  # the smallest Debian that can install the others
    TOOLS = "tools"
    LIVE = "live"  # unpacked there, and installed nowhere
    SIGNED = "signed"  # what firmware with Secure Boot starts: a few files of each
    COMPILER = "compiler"  # makes our libraries in C; is not in the image


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A package of the lock."""

    section: Section
    name: str
    version: str
    architecture: str
    sha256: str

    @property
    def file_names(self) -> tuple[str, str]:
        """What its .deb is called: by apt, and in an archive's pool, without the epoch."""
        rest = f"_{self.architecture}.deb"
        _epoch, _colon, version = self.version.rpartition(":")
        encoded = self.version.replace(":", "%3a")
        return f"{self.name}_{encoded}{rest}", f"{self.name}_{version}{rest}"

    def __str__(self) -> str:
        return f"{self.name}={self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """What a lock file says."""

    date: date
    wishes: tuple[tuple[Section, str], ...]
    packages: tuple[Package, ...]

    @property
    def epoch(self) -> int:
        """The date as SOURCE_DATE_EPOCH: seconds since 1970."""
        whole = datetime(self.date.year, self.date.month, self.date.day, tzinfo=UTC)
        return int(whole.timestamp())


@dataclass(frozen=True, slots=True, kw_only=True)
class LockChange:
    """A package that differs between two locks; None where a lock does not have it."""

    name: str
    before: Package | None
    after: Package | None


class LockFormatError(HostError):
    """The lock file is invalid."""


def parse_lock(text: str) -> Lock:
    """Read a lock file. Raises LockFormatError, naming the invalid line."""
    dates: list[date] = []
    wishes: list[tuple[Section, str]] = []
    packages: dict[str, Package] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if not line or line.startswith("#"):
            continue
        try:
            match line.split(" "):
                case ["date", day]:
                    dates.append(date.fromisoformat(day))
                case ["want", section, name]:
                    wishes.append((Section(section), _checked(_NAME, name)))
                case ["package", *words]:
                    package = _package(words)
                    if packages.setdefault(package.name, package) is not package:
                        raise ValueError(package.name)
                case _:
                    raise ValueError(line)
        except ValueError as error:
            raise _unreadable(number, line) from error
    if len(dates) != 1:
        raise LockFormatError(
            "packages.lock must have exactly one `date` line",
            hint="Run `distroclone-builder image lock` in a checkout to write it again.",
        )
    _check_wishes(wishes, packages)
    return Lock(date=dates[0], wishes=tuple(wishes), packages=tuple(packages.values()))


def _package(words: list[str]) -> Package:
    section, name, version, architecture, sha256 = words
    return Package(
        section=Section(section),
        name=_checked(_NAME, name),
        version=_checked(_VERSION, version),
        architecture=_checked(_ARCHITECTURE, architecture),
        sha256=_checked(_SHA256, sha256),
    )


def _checked(pattern: re.Pattern[str], word: str) -> str:
    if pattern.fullmatch(word) is None:
        raise ValueError(word)
    return word


def _unreadable(number: int, line: str) -> LockFormatError:
    return LockFormatError(
        "Line {number} of packages.lock is invalid: {line}",
        hint="List each package once, as `package SECTION NAME VERSION ARCHITECTURE SHA256`, or "
        "run `distroclone-builder image lock` in a checkout to write the file again.",
        number=number,
        line=line[:200],
    )


def _check_wishes(wishes: list[tuple[Section, str]], packages: dict[str, Package]) -> None:
    """Check that every `want` has its package, where it is wanted."""
    missing = [
        name
        for section, name in wishes
        if name not in packages or not _serves(packages[name].section, section)
    ]
    if missing:
        raise LockFormatError(
            "packages.lock has no package for {names}",
            hint="Run `distroclone-builder image lock` to find a package for every `want` line.",
            names=", ".join(missing),
        )


def _serves(section: Section, wanted: Section) -> bool:
    """Whether a package of one section can be what another asks for."""
    installed = (Section.BASE, Section.TOOLS)
    return section is wanted or (
        section in installed and (wanted in installed or wanted is Section.COMPILER)
    )


def renewed(text: str, found: Lock, *, today: date) -> tuple[str, tuple[LockChange, ...]]:
    """Return the lock file's text with the packages in `found`, and what that changes.

    Comments and wishes stay as they are, and so does the date when nothing changes. Raises
    LockFormatError for a line with a package that cannot be.
    """
    head = [line for line in text.splitlines() if not line.startswith("package ")]
    before = {package.name: package for package in _packages_of(text)}
    after = {package.name: package for package in found.packages}
    names = sorted({*before, *after})
    changes = tuple(
        LockChange(name=name, before=before.get(name), after=after.get(name))
        for name in names
        if before.get(name) != after.get(name)
    )
    if changes:
        head = [f"date {today}" if line.startswith("date ") else line for line in head]
    order = list(Section)
    rows = sorted(after.values(), key=lambda each: (order.index(each.section), each.name))
    lines = [
        f"package {row.section} {row.name} {row.version} {row.architecture} {row.sha256}"
        for row in rows
    ]
    return "\n".join([*head, *lines]) + "\n", changes


def _packages_of(text: str) -> Iterator[Package]:
    """Yield the packages of a lock that may lack some for its wishes."""
    for number, line in enumerate(text.split("\n"), start=1):
        if line.startswith("package "):
            try:
                yield _package(line.split(" ")[1:])
            except ValueError as error:
                raise _unreadable(number, line) from error
