"""Finds the packages that wishes need on a system: which files, and in which order.

What apt prints is read as apt-get(8) has it: `Inst` and `Conf` lines of a simulation are in the
order in which dpkg has to be called, and `--print-uris` names the files.
"""

import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

from builder.basics.errors import SourceError, StepError
from builder.basics.printable import clean
from builder.border.added_packages import Resolved, ResolveRequest
from builder.formats.added_packages import (
    LOCK_FORMAT,
    Action,
    AddedPackage,
    PackagesLock,
    Phase,
    check_lock,
)
from builder.inside.added.apt import Apt
from builder.inside.system.system import System
from builder.inside.system.tool_error import ToolError

_PLANNED: Final = re.compile(
    r"(?P<what>Inst|Conf) (?P<name>[^ :]+)(?::[^ ]+)? (?:\[(?P<old>[^\]]+)\] )?"
    r"\((?P<version>[^ ]+) .*\[(?P<architecture>[^\]]+)\]\)"
)
_REMOVED: Final = re.compile(r"(?:Remv|Purg) (?P<name>\S+)")
_FILE: Final = re.compile(
    r"'(?P<url>[^']+)' (?P<name>[^_ ]+)_(?P<version>[^_ ]+)_(?P<architecture>[^_ ]+)\.deb "
    r"(?P<size>[0-9]+) SHA256:(?P<sha256>[0-9a-f]{64})"
)
_KERNEL: Final = re.compile(r"linux-(image|modules)-.*[0-9]")
_ACTIONS: Final = {"Inst": Action.UNPACK, "Conf": Action.CONFIGURE}
_MOST_LINES: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class _Planned:
    """A line of a simulation."""

    action: Action
    name: str
    version: str
    architecture: str
    old: str

    @property
    def file(self) -> tuple[str, str, str]:
        """By which its file is known."""
        return self.name, self.version, self.architecture


def resolve(request: ResolveRequest, *, system: System) -> Resolved:
    """Return the lock for the wishes.

    Raises SourceError, with the reason of apt, where they cannot be fulfilled or something would
    have to go for them.
    """
    with tempfile.TemporaryDirectory() as folder:
        apt = Apt(data=request.data, folder=Path(folder))
        apt.prepare()
        for text in request.data.left_out:
            system.note("An archive of the system is not used: {archive}", archive=text)
        failed = list(_update(apt, system))
        if len(failed) == len(request.data.sources):
            raise SourceError(
                "None of the system's archives can be used: {reasons}",
                hint="Check the network of the engine's containers, and the sources of the system "
                "below /etc/apt. Without a network, give a lock with --packages-lock and the "
                "files with --packages-from.",
                reasons="; ".join(failed[:_MOST_LINES]) or "there are none",
            )
        lock = _lock(apt, request.wishes, system)
    return Resolved(lock=lock)


def _update(apt: Apt, system: System) -> Iterator[str]:
    for source, why in apt.update(system):
        system.note(
            "The archive {uri} {suite} is not used: {reason}",
            warning=True,
            uri=source.uri,
            suite=source.suite,
            reason=why,
        )
        yield f"{source.uri} {source.suite}: {why}"


def _lock(apt: Apt, wishes: Sequence[str], system: System) -> PackagesLock:
    try:
        simulated = apt.run(system, "--simulate", "--", *wishes)
        listed = apt.run(system, "--print-uris", "--quiet=2", "--yes", "--", *wishes)
    except ToolError as error:
        raise SourceError(
            "The packages cannot be added: {reason}",
            hint="Those are the words of apt, which looked in the archives of the system. Compare "
            "with `apt-get install --simulate` there; the log has all it said.",
            reason=_reason(error.output),
        ) from error
    _check_nothing_goes(simulated)
    return lock_from(wishes, planned(simulated), files(listed))


def planned(text: str) -> list[_Planned]:
    """Return the lines of a simulation that say what dpkg does."""
    found = (_PLANNED.match(line) for line in text.splitlines())
    return [
        _Planned(
            action=_ACTIONS[match["what"]],
            name=match["name"],
            version=match["version"],
            architecture=match["architecture"],
            old=match["old"] or "",
        )
        for match in found
        if match
    ]


def files(text: str) -> dict[tuple[str, str, str], tuple[str, int, str]]:
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


def lock_from(
    wishes: Sequence[str],
    lines: Sequence[_Planned],
    found: dict[tuple[str, str, str], tuple[str, int, str]],
) -> PackagesLock:
    """Return the lock of a simulation and the files for it.

    Raises SourceError for a kernel and for a package without a usable file.
    """
    unpacked = [each for each in lines if each.action is Action.UNPACK]
    packages = tuple(sorted((_package(each, found) for each in unpacked), key=_order))
    places = {(each.name, each.version, each.architecture): at
              for at, each in enumerate(packages)}  # fmt: skip
    phases = []
    for action, group in groupby(lines, key=lambda each: each.action):
        try:
            numbers = tuple(places[each.file] for each in group)
        except KeyError as error:
            raise StepError(
                "apt would configure {name}, which is not among the packages", name=error.args[0][0]
            ) from error
        phases.append(Phase(action=action, packages=numbers))
    lock = PackagesLock(
        format=LOCK_FORMAT,
        wishes=tuple(sorted(set(wishes))),
        packages=packages,
        phases=tuple(phases),
    )
    try:
        check_lock(lock)
    except ValueError as error:
        raise StepError("What apt found makes no lock: {reason}", reason=error) from error
    return lock


def _package(
    line: _Planned, found: dict[tuple[str, str, str], tuple[str, int, str]]
) -> AddedPackage:
    if _KERNEL.fullmatch(line.name):
        raise SourceError(
            "A kernel cannot be added: {name}",
            hint="Install it in the system itself, and back it up again.",
            name=line.name,
        )
    if line.file not in found:
        raise SourceError(
            "No archive gives a SHA-256 for the file of {name} {version}",
            hint="A lock needs one. The archive is too old for that; take the package from another "
            "one.",
            name=line.name,
            version=line.version,
        )
    url, size, sha256 = found[line.file]
    return AddedPackage(
        name=line.name,
        version=line.version,
        architecture=line.architecture,
        sha256=sha256,
        size=size,
        url=url,
        replaces=line.old,
    )


def _order(package: AddedPackage) -> tuple[str, str]:
    return package.name, package.architecture


def _check_nothing_goes(simulated: str) -> None:
    gone = [match["name"] for line in simulated.splitlines() if (match := _REMOVED.match(line))]
    if gone:
        raise SourceError(
            "For the packages, others would have to go: {names}",
            hint="Nothing is removed from a system. Wish for other packages, or change the system "
            "itself and back it up again.",
            names=", ".join(gone),
        )


def _reason(output: Sequence[str]) -> str:
    """Return what apt says of unmet dependencies, or else its errors."""
    unmet = [line.strip() for line in output if re.match(r"\s+\S+ : |\s{3,}\S", line)]
    errors = [line.removeprefix("E: ") for line in output if line.startswith("E: ")]
    return clean("; ".join([*unmet[:_MOST_LINES], *errors[:_MOST_LINES]]) or "no reason", limit=600)
