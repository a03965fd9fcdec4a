"""Finds the packages that wishes need on a system, by asking its archives."""

import base64
import re
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from builder.basics.errors import SourceError
from builder.basics.printable import clean
from builder.border.added_packages import Resolved, ResolveRequest
from builder.formats.added_packages import PackagesLock
from builder.inside.added.apt import Apt
from builder.inside.added.simulation import check_removals, files, lock_from, planned
from builder.inside.debian.dpkg import parse_status
from builder.inside.system.system import System
from builder.inside.system.tool_error import ToolError

_MOST_LINES: Final = 6


def resolve(request: ResolveRequest, *, system: System) -> Resolved:
    """Return the lock for the wishes, and for what is to go.

    Raises SourceError, with the reason of apt, where they cannot be fulfilled or something else
    would have to go for them.
    """
    with tempfile.TemporaryDirectory() as folder:
        apt = Apt(data=request.data, folder=Path(folder))
        apt.prepare()
        if request.wishes:
            _update(apt, system)
        return Resolved(lock=_lock(apt, request, system))


def _update(apt: Apt, system: System) -> None:
    for text in apt.data.left_out:
        system.note("An archive of the system is not used: {archive}", archive=text)
    failed = list(_failed(apt, system))
    if len(failed) == len(apt.data.sources):
        raise SourceError(
            "None of the system's archives can be used: {reasons}",
            hint="Check the network of the engine's containers, and the sources of the system "
            "below /etc/apt. Without a network, give a lock with --packages-lock and the "
            "files with --packages-from.",
            reasons="; ".join(failed[:_MOST_LINES]) or "there are none",
        )


def _failed(apt: Apt, system: System) -> Iterator[str]:
    for verdict in apt.update(system):
        source, why = verdict.source, verdict.reason
        system.note(
            "The archive {uri} {suite} is past its date, and may lack what is newer: {reason}"
            if verdict.used
            else "The archive {uri} {suite} is not used: {reason}",
            warning=True,
            uri=source.uri,
            suite=source.suite,
            reason=why,
        )
        if not verdict.used:
            yield f"{source.uri} {source.suite}: {why}"


def _lock(apt: Apt, request: ResolveRequest, system: System) -> PackagesLock:
    # "NAME-" is a package that is to go: apt-get(8), install.
    words = (*request.wishes, *(f"{name}-" for name in request.removes))
    status = zlib.decompress(base64.b64decode(apt.data.status))
    there = [each.package for each in parse_status(status)]
    try:
        lines = planned(apt.run(system, "--simulate", "--", *words), there)
        check_removals(lines, request.removes)
        listed = apt.run(system, "--print-uris", "--quiet=2", "--yes", "--", *words)
    except ToolError as error:
        raise SourceError(
            "The packages cannot be added: {reason}",
            hint="Those are the words of apt, which looked in the archives of the system. Check "
            "the names, and compare with `apt-get install --simulate` there.",
            reason=_reason(error.output),
        ) from error
    return lock_from(request.wishes, request.removes, lines, files(listed))


def _reason(output: Sequence[str]) -> str:
    """Return what apt says of unmet dependencies, or else its errors."""
    unmet = [line.strip() for line in output if re.match(r"\s+\S+ : |\s{3,}\S", line)]
    errors = [line.removeprefix("E: ") for line in output if line.startswith("E: ")]
    return clean("; ".join([*unmet[:_MOST_LINES], *errors[:_MOST_LINES]]) or "no reason", limit=600)
