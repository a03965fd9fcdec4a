"""The one door from a step to processes and mounts.

Steps take a `System`; tests give them a recording one. `RealSystem` lives in `real_system`.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, Protocol


class System(Protocol):
    """What a step may do to the world besides reading and writing files of its own."""

    def run(
        self,
        argv: Sequence[str],
        *,
        root: Path | None = None,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        success: Collection[int] = (0,),
        progress: Callable[[str], float | None] | None = None,
    ) -> str:
        """Run a tool to its end and return what it printed on standard output.

        `root` makes that tree all it can see and reach (`builder.inside.system.enter`). The
        environment is small and fixed (C.UTF-8, UTC, SOURCE_DATE_EPOCH …); `env` adds to it. Every
        line of output goes to the log; lines end at LF or CR, and a line for which `progress`
        returns a fraction (0.0 to 1.0) becomes a progress event instead of a log line. Raises
        ToolError with the command and the last lines for an exit code not in `success`.
        """
        ...

    def reading(self, argv: Sequence[str]) -> AbstractContextManager[BinaryIO]:
        """Run a tool while the body reads what it prints on standard output, as bytes.

        The environment is that of `run`. When the body is left, ToolError is raised for an exit
        code other than 0; it takes the place of an EOFError of the body. Any other error in the
        body ends the tool.
        """
        ...

    def meanwhile(
        self, argv: Sequence[str], *, env: Mapping[str, str] | None = None
    ) -> AbstractContextManager[None]:
        """Run a tool beside the body, for what saves time and decides nothing.

        It gets SIGTERM when the body is left, and its end is waited for. Its output goes to the
        log then, and how it ends does not matter. The environment is that of `run`.
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

    def note(self, message: str, *, warning: bool = False, **values: object) -> None:
        """Tell the user something; `message` is a template of `builder.basics.texts`."""
        ...
