"""Lists what a snapshot of a cache has, in words for people."""

import stat
from collections.abc import Sequence
from datetime import tzinfo
from pathlib import Path
from typing import Final

from builder.basics.errors import UsageError
from builder.basics.printable import escaped
from builder.basics.sizes import readable_size
from builder.basics.texts import say
from builder.border import paths
from builder.border.backups import BrowseRequest, ListedEntry, Listing, StoredSnapshot
from builder.border.events import Note, OnEvent
from builder.border.jobs import BROWSE
from builder.border.labels import new_run
from builder.formats.inventory import EntryType
from builder.host.backup.retention import moment_of
from builder.host.backup.selecting import selected
from builder.host.backup.status import read_state
from builder.host.engine import Bind, ContainerSpec, Engine
from builder.host.image.builder_image import ensure_builder
from builder.host.source.local_zone import local_zone

MOST: Final = 10_000  # entries; more are counted
_TYPES: Final = {
    EntryType.DIRECTORY: stat.S_IFDIR, EntryType.FILE: stat.S_IFREG, EntryType.LINK: stat.S_IFLNK,
    EntryType.FIFO: stat.S_IFIFO, EntryType.SOCKET: stat.S_IFSOCK,
    EntryType.CHARACTER: stat.S_IFCHR, EntryType.BLOCK: stat.S_IFBLK,
}  # fmt: skip


def browse(
    cache: Path,
    selector: str,
    path: str,
    engine: Engine,
    *,
    pattern: str | None,
    since: str | None,
    on_event: OnEvent,
) -> tuple[StoredSnapshot, Listing]:
    """List what a snapshot has at `path`: a folder's names, or whatever `pattern` finds below it.

    With `since`, a selector, only what is not as in that snapshot. Raises what the job raises, and
    UsageError or SourceError for snapshots that are not there.
    """
    state = read_state(cache, engine, on_event=on_event)
    snapshot = selected(state.snapshots, selector, zone=local_zone())
    earlier = None if since is None else selected(state.snapshots, since, zone=local_zone())
    if earlier == snapshot:
        raise UsageError(
            "Both are snapshot {selector}",
            hint="Choose an earlier one with --changed-since; `distroclone-builder snapshots` "
            "lists them.",
            selector=snapshot.selector,
        )
    for each in (snapshot, earlier):
        if each is not None and not each.complete:
            message = "Snapshot {selector} is not complete: something may be missing in it"
            on_event(Note(level="warning", message=message, values={"selector": each.selector}))
    binds = [Bind(source=str(cache.resolve() / snapshot.path), target=paths.SOURCE)]
    if earlier is not None:
        binds.append(Bind(source=str(cache.resolve() / earlier.path), target=paths.EARLIER))
    spec = ContainerSpec(
        image=ensure_builder(engine, on_event=on_event).id,
        job=BROWSE,
        request=BrowseRequest(path=path, pattern=pattern, compared=earlier is not None, most=MOST),
        run=new_run(),
        binds=tuple(binds),
    )
    return snapshot, engine.run(spec, on_event)


def listing_text(listing: Listing, *, zone: tzinfo) -> str:
    """Return a line for each entry, as `ls -ln` has them, and what else there is to say."""
    lines = _aligned([_row(each, zone) for each in listing.entries])
    if not listing.count:
        lines.append(say("Nothing to list"))
    if rest := listing.count - len(listing.entries):
        lines.append(
            say("and {count} more: choose a folder further down, or give --find", count=rest)
        )
    return "\n".join(lines)


def _row(entry: ListedEntry, zone: tzinfo) -> tuple[str, ...]:
    name = escaped(entry.path)
    return (
        *(() if entry.change is None else (_changes()[entry.change],)),
        stat.filemode(_TYPES[entry.type] | entry.mode),
        f"{entry.uid}:{entry.gid}",
        readable_size(entry.size) if entry.type is EntryType.FILE else "-",
        f"{moment_of(entry.mtime, zone=zone):%Y-%m-%d %H:%M}",
        f"{name} -> {escaped(entry.target)}" if entry.target else name,
    )


def _changes() -> dict[str, str]:
    return {"added": say("added"), "changed": say("changed"), "deleted": say("deleted")}


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Return the rows as lines in columns; the last one is as wide as it is."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)][:-1]
    return [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]])
        for row in rows
    ]
