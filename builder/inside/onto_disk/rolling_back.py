"""Makes a system what a snapshot of it is, in an order in which it can start at any moment.

1. What is missing is added: nothing that the system uses is touched, and earlier kernels come back.
2. What differs is copied beside its place first, all of it; then it gets its place, name by name,
   in seconds; only then goes what the snapshot does not have. Content is on the disk before the
   name is.
3. What an earlier run left, or the running system has changed meanwhile, is put in order.

Whatever ends it early, a mark at the top says so, and the same command goes on.
"""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from builder.basics.errors import HostError, StepError
from builder.basics.rsync_patterns import literal
from builder.border import paths
from builder.border.whole_systems import RollbackRequest, RolledBack
from builder.formats.rollback_mark import Goal, put_mark, take_mark
from builder.inside.backup.copying import COPIED, DELETED, progress_of, statistics
from builder.inside.backup.system import still_there
from builder.inside.linux.flushing import flush
from builder.inside.onto_disk.looking_back import check
from builder.inside.onto_disk.package_lock import held_packages
from builder.inside.onto_disk.protecting import rules
from builder.inside.onto_disk.syncing import PARTIAL, sync
from builder.inside.system.system import System
from builder.inside.system.tool_error import ToolError
from builder.inside.tree.tree import Tree

_FULL: Final = ("No space left on device", "Disk quota exceeded")
_TOLD: Final = ("--stats", "--info=progress2")
_ADDING: Final = (*_TOLD, "--ignore-existing")
# --fsync: the content of a file is on the disk before the file gets its name.
_CHANGING: Final = (*_TOLD, "--delay-updates", "--delete-delay", "--fsync")
_SETTLING: Final = (*_TOLD, "--delete")


def roll_back(
    request: RollbackRequest,
    *,
    system: System,
    source: Path = paths.SOURCE,
    target: Path = paths.TARGET,
) -> RolledBack:
    """Do it. Raises what `check` raises before anything is written; HostError, StepError later."""
    check(request, source=source, target=target)
    counts: dict[str, int] = {}
    with held_packages(target), still_there(source):
        put_mark(target, Goal(snapshot=request.snapshot, asked=request.asked))
        kept = rules(Tree(source), Tree(target), request)
        later = tuple(f"- {literal(each)}" for each in _not_folders_now(source, target))
        passes = ((_ADDING, (0,), later), (_CHANGING, (0, PARTIAL), ()), (_SETTLING, (0,), ()))
        for number, (more, success, not_yet) in enumerate(passes):
            try:
                output = sync(
                    source, target, (*not_yet, *kept), more, system=system,
                    progress=_share(number, len(passes)), success=success, parts=request.parts,
                )  # fmt: skip
            except ToolError as error:
                raise _explained(error) from error
            for each in ("", *request.parts):
                flush(target / each)
            for name, count in statistics(output).items():
                counts[name] = counts.get(name, 0) + count
    take_mark(target)
    return RolledBack(copied=counts.get(COPIED, 0), deleted=counts.get(DELETED, 0))


def _share(number: int, count: int) -> Callable[[str], float | None]:
    """Return what reads the progress of all passes from a line of one."""
    read = progress_of(0)

    def shared(line: str) -> float | None:
        fraction = read(line)
        return None if fraction is None else (number + fraction) / count

    return shared


def _not_folders_now(source: Path, target: Path) -> Iterator[str]:
    """Yield the folders of the snapshot in whose place the system has something else.

    With --ignore-existing, rsync would leave a link there, and follow it.
    """
    tops, waiting = (os.fsencode(source), os.fsencode(target)), [b""]
    while waiting:
        folder = waiting.pop()
        for entry in os.scandir(tops[0] + (folder or b"/")):
            path = folder + b"/" + entry.name
            if not entry.is_dir(follow_symlinks=False):
                continue
            try:
                mode = os.lstat(tops[1] + path).st_mode
            except FileNotFoundError:
                continue
            if stat.S_ISDIR(mode):
                waiting.append(path)
            else:
                yield os.fsdecode(path)


def _explained(error: ToolError) -> HostError | StepError:
    if any(words in line for line in error.output for words in _FULL):
        return HostError(
            "The system's disk is full, so it was not rolled back completely",
            hint="Free space there, in /home or /var/log for example, and run the same command "
            "again, which goes on.",
            command=error.command,
            output=error.output,
        )
    return StepError(
        "The system was not rolled back completely",
        hint="The log names what failed. When that is mended, run the same command again, which "
        "goes on. Do not start the machine anew before.",
        command=error.command,
        output=error.output,
    )
