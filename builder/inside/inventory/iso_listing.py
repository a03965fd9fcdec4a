"""Lists what an ISO holds: the system, what only a live session has above it, and what boots."""

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from builder.border.iso_contents import BootFile
from builder.formats.inventory import Entry, EntryType, Row
from builder.inside.inventory.boot_files import boot_file, is_boot_file
from builder.inside.inventory.squashfs_listing import squashfs_rows
from builder.inside.iso.iso_report import Extent
from builder.inside.iso.read_iso import files_of, readable
from builder.inside.medium import identity as medium
from builder.inside.system.system import System


@dataclass(frozen=True, slots=True, kw_only=True)
class IsoRows:
    """The contents of an ISO."""

    system: list[Row]
    live: list[Row] | None  # what the live layer changes; None where the ISO has none
    boots: tuple[BootFile, ...]  # kernels and initramfs, sorted by path


def iso_rows(iso: Path, *, system: System) -> IsoRows:
    """List what is in `iso`. Raises VerificationError when it cannot be read."""
    files = files_of(iso, system=system)
    with readable():
        paths = sorted({each.path for each in files if is_boot_file(each.path)})
        boots = tuple(_boot_file(iso, files, path) for path in paths)
        below = _rows(iso, files, medium.SQUASHFS, system=system)
        if not any(each.path == medium.LIVE_SQUASHFS for each in files):
            return IsoRows(system=below, live=None, boots=boots)
        above = _rows(iso, files, medium.LIVE_SQUASHFS, system=system)
    return IsoRows(system=below, live=changed_rows(below, above), boots=boots)


def changed_rows(below: Iterable[Row], above: Iterable[Row]) -> list[Row]:
    """Return the rows of a layer without the directories that are only there to hold others."""
    there = {
        each.path: _attributes(each)
        for each in below
        if isinstance(each, Entry) and each.type is EntryType.DIRECTORY
    }
    return [
        each
        for each in above
        if isinstance(each, Entry)
        and not (each.type is EntryType.DIRECTORY and there.get(each.path) == _attributes(each))
    ]


def _attributes(entry: Entry) -> tuple[object, ...]:
    return entry.mode, entry.uid, entry.gid, entry.capability


def _boot_file(iso: Path, files: Sequence[Extent], path: str) -> BootFile:
    with _named(path):
        return boot_file(iso, _whole(files, path))


def _rows(iso: Path, files: Sequence[Extent], name: str, *, system: System) -> list[Row]:
    with _named(name):
        return squashfs_rows(iso, _whole(files, name).start, system=system)


@contextlib.contextmanager
def _named(name: str) -> Iterator[None]:
    """Say in which file of the ISO something is wrong."""
    try:
        yield
    except (ValueError, EOFError) as error:
        message = f"{name}: {str(error) or 'it is truncated'}"
        raise ValueError(message) from error


def _whole(files: Sequence[Extent], path: str) -> Extent:
    """Return where a file of the ISO is; one over 4 GiB has several extents."""
    parts = [extent for extent in files if extent.path == path]
    if not parts:
        message = "it is not there"
        raise ValueError(message)
    if any(a.start + a.size != b.start for a, b in pairwise(parts)):
        message = "it is fragmented"
        raise ValueError(message)
    return Extent(path=path, start=parts[0].start, size=sum(each.size for each in parts))
