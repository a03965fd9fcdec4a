"""Finds the answer file on what is plugged into the machine."""

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from builder.basics.errors import StepError, UsageError
from builder.basics.regular import read_start
from builder.formats.answers import LARGEST, NAME, too_large
from builder.inside.installing.machine import Machine

# Mounting one of these to read writes nothing to it; a journal would be replayed.
_KINDS: Final = ("vfat", "iso9660")
_OPTIONS: Final = ("ro", "nosuid", "nodev", "noexec")


def find_answers(place: Path, machine: Machine) -> bytes | None:
    """Return the answer file that is at the top of some file system; None if there is none.

    The file systems are mounted at `place`, to read. Raises UsageError where two have one.
    """
    found: list[tuple[str, bytes]] = []
    text = machine.run(["lsblk", "--json", "--tree", "--output", "PATH,FSTYPE"])
    for device, kind in _file_systems(json.loads(text)["blockdevices"]):
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(machine.mounted(device, place, kind=kind, options=_OPTIONS))
            except StepError:
                # A stick with the ISO cannot be mounted as a whole while its partition is.
                machine.note(
                    "{device} is not looked at for answers: it is in use or damaged", device=device
                )
                continue
            file = place / NAME
            if file.is_file() and not file.is_symlink():
                content, whole = read_start(file, limit=LARGEST)
                if not whole:
                    raise too_large()
                found.append((device, content))
    if len(found) > 1:
        raise UsageError(
            "There are {count} answer files: on {devices}",
            hint="Take out all but one of them.",
            count=len(found),
            devices=", ".join(device for device, _content in found),
        )
    return found[0][1] if found else None


def _file_systems(nodes: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for node in nodes:
        inner = node.get("children", ())
        # A stick that an ISO was written to is one as a whole, and has partitions besides.
        if node["fstype"] in _KINDS:
            yield node["path"], node["fstype"]
        yield from _file_systems(inner)
