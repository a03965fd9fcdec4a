"""Stages the tree that is changed and packed: an overlay on the source, or a copy of it.

Both are the source without what must never be in an ISO, and result in the same bytes. The overlay
takes no time and no space; the copy works everywhere.
"""

import contextlib
import json
import os
import re
import stat
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from builder.basics.codec import to_data
from builder.basics.errors import HostError, StepError
from builder.basics.printable import clean
from builder.border.plan import Staging
from builder.border.step_names import StepName
from builder.inside.linux import acl
from builder.inside.output.room import check_room
from builder.inside.selection.notes import left_out_notes, stayed_notes
from builder.inside.selection.report import left_out_report, stayed_report
from builder.inside.system.system import Sight, System
from builder.inside.system.tool_error import ToolError
from builder.inside.tree.overlay import NoOverlayError, Overlay
from builder.inside.tree.survey import SourceTree, Survey, changed

# `--info=progress2`:   1,234,567  12%   10.00MB/s    0:00:00 (xfr#5, to-chk=95/123)
_PROGRESS: Final = re.compile(r"^\s*[\d,.]+[KMGTP]?\s+(\d{1,3})%\s+\S+/s\s")
_CLOCK: Final = 2.0  # seconds by which the times of a file system may be behind ours
_LISTING: Final = re.compile(r"^\s*\d+ files\.\.\.$")  # of `--info=flist2`
_QUIET: Final = 900.0  # seconds; rsync tells of each hundred files, and of each second of a file


@dataclass(frozen=True, slots=True, kw_only=True)
class StageStep:
    """Stages a writable `tree` at `target`, which must be new or empty.

    An overlay writes to the directory `layer`, which must be new, and stays mounted until `mounts`
    closes. A copy hands the rules to rsync in the new file `filters`: the log must not name what is
    left out, and a command line has an end. `survey` waits for the survey of the tree; `reserve` is
    the space that a copy must leave free, as a fraction of the tree's size. `left_out` becomes a
    JSON list of what was left out, with the fields of `LeftOut`; it names what is private.
    """

    name: ClassVar[StepName] = StepName.STAGE
    needs: ClassVar[tuple[str, ...]] = ("mount", "rsync", "umount")
    neutral: ClassVar[tuple[str, ...]] = (
        "survey", "layer", "filters", "left_out", "reserve", "staging", "mounts",
    )  # fmt: skip

    tree: SourceTree
    survey: Callable[[], Survey]
    target: Path
    layer: Path
    filters: Path
    left_out: Path
    reserve: float
    staging: Staging
    mounts: ExitStack

    def argv(self) -> tuple[str, ...]:
        """Return the command that copies."""
        return (
            "rsync", "-aAXH", "--numeric-ids", "--sparse",
            # Without reading the whole file list first, the percentage would start at 100 and fall.
            "--info=progress2,flist2", "--no-inc-recursive",
            "--from0", f"--filter=merge {self.filters}",
            f"{self.tree.root}/", f"{self.target}/",
        )  # fmt: skip

    def write_filters(self) -> None:
        """Write the rules for rsync."""
        self.filters.write_bytes(b"".join(os.fsencode(rule) + b"\0" for rule in self.tree.rules))

    def run(self, system: System) -> None:
        """Mount the overlay, or copy.

        Raises HostError when a required overlay is not possible, and when there is no space for a
        copy; StepError also when files change or disappear: the copy would be inconsistent.
        """
        survey = self.survey()
        self._stage(system, survey)
        self._report(system, survey)

    def _stage(self, system: System, survey: Survey) -> None:
        self.target.mkdir(exist_ok=True)
        if self.staging is Staging.RSYNC:
            system.note("The system is copied with rsync, as requested")
            self._copy(system, survey)
            return
        overlay = Overlay(tree=self.tree, survey=survey, target=self.target, layer=self.layer)
        try:
            self.mounts.enter_context(overlay.mounted(system))
        except NoOverlayError as reason:
            if self.staging is Staging.OVERLAY:
                raise HostError(
                    reason.message,
                    hint="An overlay is not possible then. Build with `--staging auto`, which "
                    "copies the system instead.",
                    temporary=False,
                    **reason.values,
                ) from reason
            system.note("The system is copied with rsync: an overlay is not possible here")
            system.note(reason.message, warning=False, **reason.values)
            self._copy(system, survey)
        else:
            system.note("The system is not copied: an overlay on the source takes all changes")

    def _report(self, system: System, survey: Survey) -> None:
        found = left_out_report(self.tree, survey)
        text = json.dumps(to_data(found), indent=1, ensure_ascii=True)
        self.left_out.write_text(f"{text}\n", encoding="ascii")
        for note in (*left_out_notes(found), *stayed_notes(stayed_report(self.tree, survey))):
            system.note(note.message, warning=False, **dict(note.values))

    def _copy(self, system: System, survey: Survey) -> None:
        check_room(self.target, survey.size * (1 + self.reserve))
        self.write_filters()
        began = time.time()
        try:
            sight = Sight(
                reads=(self.tree.root, self.filters), writes=(self.target,), keeps_owners=True
            )
            system.run(self.argv(), sight=sight, progress=rsync_progress, quiet=_QUIET)
        except ToolError as error:
            # rsync waits without end for somebody to write to it.
            if (pipe := _new_pipe(self.tree, survey, since=began)) is not None:
                raise changed(clean(os.fsdecode(pipe))) from error
            raise _explained(error) from error
        target = os.fsencode(self.target)
        for path in survey.with_acl:
            acl.fold(target + path)
        for path in survey.stubs:
            os.utime(target + path, (0, 0), follow_symlinks=False)


def rsync_progress(line: str) -> float | None:
    """Return the fraction in a line of `--info=progress2,flist2`; None for any other line."""
    if _LISTING.match(line):
        return 0.0
    match = _PROGRESS.match(line)
    return min(int(match[1]), 100) / 100 if match else None


def _new_pipe(tree: SourceTree, survey: Survey, *, since: float) -> bytes | None:
    """Return a path of `survey` that became a named pipe at or after `since`; None without one."""
    top = os.fsencode(tree.root)
    for path in survey.paths:
        with contextlib.suppress(OSError):
            status = os.lstat(top + path)
            if stat.S_ISFIFO(status.st_mode) and status.st_ctime >= since - _CLOCK:
                return path
    return None


def _explained(error: ToolError) -> StepError:
    """Explain an exit code of rsync; rsync(1), "EXIT VALUES"."""
    if any("No space left on device" in line for line in error.output):
        message = "There is not enough space to copy the system"
        hint = (
            "Free space where the engine keeps its volumes; "
            "`distroclone-builder doctor` shows where."
        )
    elif error.code == 24:
        message = "The source changed while it was being copied: files disappeared"
        hint = "Wait for the running backup or deletion to finish, then build again."
    elif error.code == 23:
        message = "Some files of the source could not be copied"
        hint = (
            "The log names them. If something writes to the source, stop that, then build again; "
            "otherwise they may be damaged: check the disk."
        )
    else:
        return error
    return StepError(message, hint=hint, command=error.command, output=error.output)
