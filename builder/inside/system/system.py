"""The only access that steps have to processes and mounts.

Steps take a `System`; tests pass a recording one. `RealSystem` is in `real_system`.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """The paths that a tool sees besides this image; each must exist, and none be in `/usr`.

    With `keeps_owners` it may also make files of any owner and kind.
    """

    reads: tuple[Path, ...] = ()
    writes: tuple[Path, ...] = ()
    keeps_owners: bool = False


class System(Protocol):
    """What a step may do besides reading and writing its own files."""

    def run(
        self,
        argv: Sequence[str],
        *,
        root: Path | None = None,
        sight: Sight | None = None,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        success: Collection[int] = (0,),
        progress: Callable[[str], float | None] | None = None,
        logged: bool = True,
        quiet: float | None = None,
    ) -> str:
        """Run a tool to its end and return what it printed on standard output.

        `root` confines it to that tree (`builder.inside.system.enter`), and `sight` to that sight
        (`builder.inside.system.confine`) in a container that sees more than its one input. The
        environment is small and fixed (C.UTF-8, UTC, SOURCE_DATE_EPOCH …); `env` adds to it. Every
        line of output goes to the log unless `logged` is false; lines end at LF or CR, and a line
        for which `progress` returns a fraction (0.0 to 1.0) becomes a progress event instead, and
        is not returned. `quiet` is how many seconds it may print nothing, where that is known
        better than in the general limits.

        Raises ToolError, with the command and the last lines, for an exit code that is not in
        `success`, and for a tool that takes more than `builder.inside.system.tool_limits` allows.
        """
        ...

    def reading(self, argv: Sequence[str]) -> AbstractContextManager[BinaryIO]:
        """Run a tool while the body reads its standard output as bytes.

        The environment is that of `run`. After the body, ToolError is raised for an exit code
        other than 0; it replaces an EOFError of the body. Any other error in the body kills the
        tool. Reading raises ToolError for a tool that takes more than its limits; its output has
        none, and its silence counts only while the body waits for more.
        """
        ...

    def meanwhile(
        self,
        argv: Sequence[str],
        *,
        sight: Sight | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
    ) -> AbstractContextManager[None]:
        """Run a tool in the background of the body, to save time without affecting the result.

        After the body it gets SIGTERM and is waited for, or killed if it does not end. Its output
        then goes to the log, and its exit code does not matter. Sight and environment are as for
        `run`.
        """
        ...

    def mounted(
        self, source: str, target: Path, *, kind: str, options: Sequence[str] = ()
    ) -> AbstractContextManager[None]:
        """Mount on entry, unmount on exit (never lazily)."""
        ...

    def progress(self, fraction: float) -> None:
        """Report how much of the current step is done."""
        ...

    def log(self, text: str) -> None:
        """Write a line to the log alone."""
        ...

    def note(self, message: str, *, warning: bool = False, **values: object) -> None:
        """Tell the user something; `message` is a template of `builder.basics.texts`."""
        ...
