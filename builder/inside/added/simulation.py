"""Makes the lock of what apt-get(8) prints: which files, and in which order dpkg gets them.

`Inst`, `Conf` and `Remv` lines of a simulation are in the order in which dpkg has to be called;
`--print-uris` names the files. Nothing else of what an archive says is believed.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from builder.basics.errors import SourceError, StepError
from builder.formats.added_packages import (
    LOCK_FORMAT,
    Action,
    AddedPackage,
    PackagesLock,
    Phase,
    RemovedPackage,
    check_lock,
)
from builder.formats.package import Package

_PUT: Final = re.compile(
    r"(?P<what>Inst|Conf) (?P<name>[^ :]+)(?::[^ ]+)? (?:\[(?P<old>[^\]]+)\] )?"
    r"\((?P<version>[^ ]+) .*\[(?P<architecture>[^\]]+)\]\)"
)
# Only a foreign architecture is named.
_GONE: Final = re.compile(
    r"(?:Remv|Purg) (?P<name>[^ :]+)(?::(?P<architecture>\S+))? \[(?P<version>[^\]]+)\]"
)
_FILE: Final = re.compile(
    r"'(?P<url>[^']+)' (?P<name>[^_ ]+)_(?P<version>[^_ ]+)_(?P<architecture>[^_ ]+)\.deb "
    r"(?P<size>[0-9]+) SHA256:(?P<sha256>[0-9a-f]{64})"
)
_KERNEL: Final = re.compile(r"linux-(image|modules)-.*[0-9]")
_PUT_ACTIONS: Final = {"Inst": Action.UNPACK, "Conf": Action.CONFIGURE}

_Key = tuple[str, str, str]  # name, version, architecture
_Files = Mapping[_Key, tuple[str, int, str]]  # URL, size in bytes, SHA-256


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A line of a simulation."""

    action: Action
    name: str
    version: str
    architecture: str
    old: str = ""  # the version that is replaced

    @property
    def key(self) -> _Key:
        """By which its file is known."""
        return self.name, self.version, self.architecture


def planned(text: str, there: Iterable[Package]) -> list[Planned]:
    """Return the lines of a simulation that say what dpkg does to a system with those packages."""
    architectures = {(each.name, each.version): each.architecture for each in there}
    lines = (_line(each, architectures) for each in text.splitlines())
    return [each for each in lines if each is not None]


def _line(text: str, architectures: Mapping[tuple[str, str], str]) -> Planned | None:
    if match := _PUT.match(text):
        return Planned(
            action=_PUT_ACTIONS[match["what"]],
            name=match["name"],
            version=match["version"],
            architecture=match["architecture"],
            old=match["old"] or "",
        )
    if match := _GONE.match(text):
        known = match["name"], match["version"]
        return Planned(
            action=Action.REMOVE,
            name=match["name"],
            version=match["version"],
            architecture=match["architecture"] or architectures.get(known, ""),
        )
    return None


def files(text: str) -> _Files:
    """Return URL, size and SHA-256 of each file, by name, version and architecture."""
    found = (_FILE.fullmatch(line.strip()) for line in text.splitlines())
    return {
        (match["name"], match["version"].replace("%3a", ":"), match["architecture"]): (
            match["url"],
            int(match["size"]),
            match["sha256"],
        )
        for match in found
        if match
    }


def check_removals(lines: Sequence[Planned], removes: Sequence[str]) -> None:
    """Raise SourceError where more would go than may."""
    gone = [each.name for each in lines if each.action is Action.REMOVE]
    if others := [name for name in gone if name not in removes]:
        raise SourceError(
            "For the packages, others would have to go: {names}",
            hint="Nothing is removed that you do not name. If they may go, add --remove {first} "
            "and the like, or packages.remove in a build.yaml; or wish for other packages.",
            names=", ".join(others),
            first=others[0],
        )


def lock_from(
    wishes: Sequence[str], removes: Sequence[str], lines: Sequence[Planned], found: _Files
) -> PackagesLock:
    """Return the lock of a simulation and the files for it.

    Raises SourceError for a kernel and for a package without a usable file.
    """
    for line in lines:
        _check_kernel(line)
    unpacked = [each for each in lines if each.action is Action.UNPACK]
    gone = [each for each in lines if each.action is Action.REMOVE]
    packages = tuple(_package(each, found) for each in sorted(unpacked, key=_order))
    removed = tuple(
        RemovedPackage(name=each.name, version=each.version, architecture=each.architecture)
        for each in sorted(gone, key=_order)
    )
    lock = PackagesLock(
        format=LOCK_FORMAT,
        wishes=tuple(sorted(set(wishes))),
        packages=packages,
        phases=tuple(_phases(lines, packages, removed)),
        removes=tuple(sorted(set(removes))),
        removed=removed,
    )
    try:
        check_lock(lock)
    except ValueError as error:
        raise StepError("What apt found makes no lock: {reason}", reason=error) from error
    return lock


def _phases(
    lines: Sequence[Planned],
    packages: Sequence[AddedPackage],
    removed: Sequence[RemovedPackage],
) -> Iterable[Phase]:
    added = {(each.name, each.version, each.architecture): at for at, each in enumerate(packages)}
    gone = {(each.name, each.version, each.architecture): at for at, each in enumerate(removed)}
    for action, group in groupby(lines, key=lambda each: each.action):
        places = gone if action is Action.REMOVE else added
        try:
            numbers = tuple(places[each.key] for each in group)
        except KeyError as error:
            raise StepError(
                "apt would configure {name}, which is not among the packages", name=error.args[0][0]
            ) from error
        yield Phase(action=action, packages=numbers)


def _check_kernel(line: Planned) -> None:
    if _KERNEL.fullmatch(line.name) is None:
        return
    if line.action is Action.REMOVE:
        raise SourceError(
            "A kernel cannot be removed: {name}",
            hint="Remove it from the system itself, and back it up again.",
            name=line.name,
        )
    raise SourceError(
        "A kernel cannot be added: {name}",
        hint="Install it in the system itself, and back it up again.",
        name=line.name,
    )


def _package(line: Planned, found: _Files) -> AddedPackage:
    if line.key not in found:
        raise SourceError(
            "No archive gives a SHA-256 for the file of {name} {version}",
            hint="A lock needs one. The archive is too old for that; take the package from another "
            "one.",
            name=line.name,
            version=line.version,
        )
    url, size, sha256 = found[line.key]
    return AddedPackage(
        name=line.name,
        version=line.version,
        architecture=line.architecture,
        sha256=sha256,
        size=size,
        url=url,
        replaces=line.old,
    )


def _order(line: Planned) -> tuple[str, str]:
    return line.name, line.architecture
