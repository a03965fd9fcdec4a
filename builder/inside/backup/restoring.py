"""Copies files out of a snapshot, with all that a backup kept of them, into an empty folder.

The paths are found in the snapshot's own tree: a link in it never leads out of it.
"""

import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from builder.basics.errors import SourceError, StepError, UsageError
from builder.basics.printable import clean, short
from builder.border import paths
from builder.border.backups import Restored, RestoreRequest
from builder.inside.backup.copying import COPIED, ENTRIES, progress_of, statistics
from builder.inside.backup.powers import powerful_paths
from builder.inside.backup.system import check_identity, still_there
from builder.inside.linux.mounts import filesystem_at
from builder.inside.source.scan import SNAPSHOTS, WITHOUT_OWNERS
from builder.inside.source.unfinished import MARK
from builder.inside.system.system import Sight, System
from builder.inside.system.tool_error import ToolError
from builder.inside.tree.tree import Tree

_MOST_NAMED: Final = 20
_WILDCARDS: Final = frozenset("*?[")
_FULL: Final = ("No space left on device", "Disk quota exceeded")


def restore(
    request: RestoreRequest,
    *,
    system: System,
    source: Path = paths.SOURCE,
    target: Path = paths.RESTORED,
) -> Restored:
    """Copy what the request names. Raises UsageError, SourceError or StepError."""
    check_identity(request.folder, target)
    _check_target(target)
    found = found_paths(Tree(source), request.paths)
    with still_there(source):
        count, named = _powers(source, found, system=system)
        done = _copy(found, source=source, target=target, system=system)
    return replace(done, powerful=count, powerful_paths=named)


def _powers(source: Path, found: tuple[str, ...], *, system: System) -> tuple[int, tuple[str, ...]]:
    """Say before they are there which files give rights: it may be somebody else's snapshot."""
    powerful = [*powerful_paths(source, found)]
    named = tuple(map(clean, powerful[:_MOST_NAMED]))
    if powerful:
        system.note(
            "{count} of the files run with rights of their own or are devices, for example {paths}",
            warning=bool(found),  # in a whole system some always are
            count=len(powerful),
            paths=", ".join(named[:5]),
        )
    return len(powerful), named


def found_paths(tree: Tree, wanted: Sequence[str]) -> tuple[str, ...]:
    """Return the real paths in the tree, relative to its top; none for no wishes: all of it.

    Raises SourceError for a wish that nothing fulfils.
    """
    found: dict[str, None] = {}
    for path in wanted:
        here = [*_matching(tree, path)]
        if not here:
            raise SourceError(
                "{path} is not in the snapshot",
                hint="Paths begin at the root of the system, e.g. /etc/fstab or '/etc/ssh/*'; "
                "`distroclone-builder browse` finds them.",
                path=short(path),
            )
        found |= dict.fromkeys(here)
    return () if "" in found else tuple(found)


def _matching(tree: Tree, wanted: str) -> Iterator[str]:
    folders = [""]
    *above, last = [part for part in wanted.split("/") if part not in ("", ".")] or [""]
    for part in above:
        folders = [f"{folder}/{name}" for folder in folders for name in _names(tree, folder, part)]
    for folder in folders:
        for name in _names(tree, folder, last):
            try:
                real = tree.locate(f"{folder}/{name}")
            except OSError:  # a loop of links
                continue
            if os.path.lexists(real):
                yield tree.inner(real).strip("/")


def _names(tree: Tree, folder: str, part: str) -> list[str]:
    """Return the names in a folder that a part of a path means; it may be a name with a star."""
    if not _WILDCARDS & set(part):
        return [part]
    try:
        if os.path.lexists(tree.locate(f"{folder}/{part}")):
            return [part]
    except OSError:  # a loop of links
        return []
    return [name for name in tree.listdir(folder or "/") if fnmatchcase(name, part)]


def _check_target(target: Path) -> None:
    if (kind := filesystem_at(target)) in WITHOUT_OWNERS:
        raise UsageError(
            "A {filesystem} file system does not keep owners, modes and links",
            hint="Choose a folder on ext4, xfs or btrfs with --to.",
            filesystem=kind,
        )
    if any(target.iterdir()):
        raise UsageError(
            "The folder for what is restored is not empty, so nothing was written",
            hint="Give a new or empty folder with --to, and move from there what you need.",
        )


def _copy(found: tuple[str, ...], *, source: Path, target: Path, system: System) -> Restored:
    with tempfile.TemporaryDirectory() as folder:
        names = Path(folder) / "names"
        # With "/", as rsync takes a name that begins with "#" or ";" for a comment; and not with
        # "./", which would give the folder itself, the user's own, the rights of the system's root.
        names.write_bytes(b"".join(b"/" + os.fsencode(each) + b"\0" for each in found))
        some = ("--recursive", "--from0", f"--files-from={names}") if found else ()
        argv = (
            "rsync", "-aAXH", "--numeric-ids", "--sparse", "--one-file-system",
            "--modify-window=-1", "--stats", "--info=progress2", f"--filter=- /{SNAPSHOTS}",
            f"--filter=- /{MARK}", *some, f"{source}/", f"{target}/",
        )  # fmt: skip
        sight = Sight(reads=(source, names), writes=(target,), keeps_owners=True)
        try:
            output = system.run(argv, sight=sight, progress=progress_of(0))
        except ToolError as error:
            raise _explained(error) from error
    counts = statistics(output)
    return Restored(
        entries=counts.get(ENTRIES, 0),
        files=counts.get(COPIED, 0),
        powerful=0,
        powerful_paths=(),
    )


def _explained(error: ToolError) -> StepError:
    full = any(words in line for line in error.output for words in _FULL)
    return StepError(
        "The disk is full, so not everything was restored"
        if full
        else "Not everything could be restored",
        hint="What is in the folder is incomplete: empty it before you try again. The log says "
        "what failed.",
        command=error.command,
        output=error.output,
    )
