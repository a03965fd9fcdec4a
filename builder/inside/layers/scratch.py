"""A scratch root: the staged tree, open for changes that must never get into the system.

An overlay on the tree takes no time and no space; a copy works everywhere. For the mount options
see the kernel's Documentation/filesystems/overlayfs.rst.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from builder.basics.errors import StepError
from builder.border.plan import Staging
from builder.inside.output.room import check_room
from builder.inside.system.system import Sight, System
from builder.inside.system.tool_error import ToolError

# What is made in it never depends on which files were hard links, or on renamed directories.
_OPTIONS: Final = ("index=off", "redirect_dir=off", "metacopy=off")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scratch:
    """A writable view, at `target`, of the sealed tree at `root`.

    An overlay writes to the directory `layer`. `staging` says how the tree itself was to be staged:
    who asked for a copy gets one here as well. `size` returns the bytes of the tree's files. None
    of the paths may contain special characters of mount options: `:`, `,`, `\\`.
    """

    root: Path
    target: Path
    layer: Path
    staging: Staging
    size: Callable[[], int]

    @contextmanager
    def opened(self, system: System) -> Iterator[Path]:
        """Make it look like the tree, and yield its path; what is changed in it is lost at the end.

        Raises HostError where there is no space for a copy, and StepError.
        """
        self.target.mkdir(exist_ok=True)
        with ExitStack() as stack:
            if self.staging is Staging.RSYNC or not self._overlaid(system, stack):
                self._copy(system)
            yield self.target

    def _overlaid(self, system: System, stack: ExitStack) -> bool:
        upper, work = self.layer / "upper", self.layer / "work"
        options = (f"lowerdir={self.root}", f"upperdir={upper}", f"workdir={work}", *_OPTIONS)
        shutil.rmtree(self.layer, ignore_errors=True)
        try:
            for directory in (work, upper):
                directory.mkdir(parents=True)
            _copy_attributes(upper, self.root)
            stack.enter_context(
                system.mounted("overlay", self.target, kind="overlay", options=options)
            )
        except (StepError, OSError) as reason:
            # For example a source that is an overlay itself: the kernel stacks two, and no more.
            system.note("An overlay on the staged system is not possible, so it is copied")
            system.log(str(reason))
            return False
        return True

    def _copy(self, system: System) -> None:
        check_room(self.target, self.size())
        argv = (
            "rsync", "-aAXH", "--numeric-ids", "--sparse", "--delete",
            f"{self.root}/", f"{self.target}/",
        )  # fmt: skip
        sight = Sight(reads=(self.root,), writes=(self.target,), keeps_owners=True)
        try:
            system.run(argv, sight=sight)
        except ToolError as error:
            message = "The system cannot be copied for what only the live system gets"
            raise StepError(message, command=error.command, output=error.output) from error


def _copy_attributes(place: Path, original: Path) -> None:
    status = original.lstat()
    os.chown(place, status.st_uid, status.st_gid)
    place.chmod(status.st_mode & 0o7777)
    os.utime(place, ns=(status.st_atime_ns, status.st_mtime_ns))
