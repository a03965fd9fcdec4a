"""Copies a system to the file systems of its new disk, or goes on with that."""

import os
import tempfile
from pathlib import Path
from typing import Final

from builder.basics.errors import HostError, StepError
from builder.basics.rsync_patterns import literal
from builder.border import paths
from builder.border.whole_systems import CopySystemRequest, SystemCopied, TargetDisk
from builder.inside.backup.copying import COPIED, ENTRIES, progress_of, statistics
from builder.inside.backup.system import check_identity, still_there
from builder.inside.onto_disk.looking import at, check_target, held
from builder.inside.onto_disk.marking import MARK, mark
from builder.inside.source.scan import SNAPSHOTS
from builder.inside.source.unfinished import MARK as UNFINISHED
from builder.inside.system.system import Sight, System
from builder.inside.system.tool_error import ToolError

_FULL: Final = ("No space left on device", "Disk quota exceeded")
# What the target has of its own; what is left out is not deleted either.
_OWN: Final = (f"/{SNAPSHOTS}", f"/{UNFINISHED}", "/boot/efi/*")
_TOPS: Final = (MARK, "lost+found")  # of each of its file systems


def copy_system(
    request: CopySystemRequest,
    *,
    system: System,
    source: Path = paths.SOURCE,
    target: Path = paths.TARGET,
) -> SystemCopied:
    """Copy it, and leave the mark. Raises HostError or StepError; then a next run can go on."""
    check_identity(request.target.folder, target)
    parts = held(request.target.parts)
    check_target(request.target, target)  # a while has passed since somebody looked
    for part in parts:
        mark(at(target, part), request.target.snapshot)
    with still_there(source), tempfile.TemporaryDirectory() as folder:
        rules = Path(folder) / "filters"
        rules.write_bytes(b"".join(os.fsencode(f"{each}\0") for each in _rules(request.target)))
        # What an interrupted run left is not only less, but also names that rsync gave for a time.
        more = ("--delete",) if request.continued else ()
        argv = (
            "rsync", "-aAXH", "--numeric-ids", "--sparse", "--modify-window=-1", "--stats",
            "--info=progress2", "--from0", f"--filter=merge {rules}", *more,
            f"{source}/", f"{target}/",
        )  # fmt: skip
        sight = Sight(
            reads=(source, rules),
            writes=tuple(at(target, each) for each in parts),
            keeps_owners=True,
        )
        try:
            output = system.run(argv, sight=sight, progress=progress_of(0))
        except ToolError as error:
            raise _explained(error) from error
    counts = statistics(output)
    return SystemCopied(entries=counts.get(ENTRIES, 0), files=counts.get(COPIED, 0))


def _rules(disk: TargetDisk) -> list[str]:
    """Return rsync's rules: what stays, above all the places where something is mounted."""
    tops = [literal(each.place.rstrip("/")) for each in held(disk.parts)]
    own = [*_OWN, *(f"{top}/{name}" for top in tops for name in _TOPS)]
    # A snapshot may lack the folders where something is mounted, and these cannot be deleted.
    places = [literal(each.place) for each in disk.parts if each.place != "/"]
    return [*(f"- {each}" for each in own), *(f"P {each}" for each in places)]


def _explained(error: ToolError) -> HostError | StepError:
    if any(words in line for line in error.output for words in _FULL):
        return HostError(
            "The target is full, so not the whole system was restored",
            hint="What is there does not start. Make the file system larger and run the same "
            "command again, which goes on; or start over with a larger disk.",
            command=error.command,
            output=error.output,
        )
    return StepError(
        "Not the whole system could be restored",
        hint="What is there does not start. The log names what failed. When that is mended, run "
        "the same command again, which goes on.",
        command=error.command,
        output=error.output,
    )
