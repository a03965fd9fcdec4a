"""The machine of the installer's engine, inside a container: its devices are those of one disk."""

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from builder.basics.errors import StepError
from builder.inside.system.system import System

_ENVIRONMENT: Final = {"DEBIAN_FRONTEND": "noninteractive"}
_NONE: Final = "none"  # mount(8): no kind, for a bind


class JobMachine:
    """Implements `Machine` of `builder.inside.installing.machine`."""

    def __init__(self, system: System) -> None:
        self._system = system

    def run(self, argv: Sequence[str], *, root: Path | None = None, stdin: str = "") -> str:
        """See `Machine.run`. In the tree `root`, a program has all rights of the container."""
        command = list(argv) if root is None else ["chroot", os.fspath(root), *argv]
        return self._system.run(command, env=_ENVIRONMENT, stdin=stdin.encode())

    def mounted(
        self, source: str, target: Path, *, kind: str = "", options: Sequence[str] = ()
    ) -> AbstractContextManager[None]:
        """See `Machine.mounted`."""
        return self._system.mounted(source, target, kind=kind or _NONE, options=options)

    def read(self, path: Path) -> bytes:
        """See `Machine.read`."""
        try:
            return path.read_bytes()
        except OSError:
            return b""

    def wait_for(self, device: str) -> None:
        """See `Machine.wait_for`; a container has its devices from the start."""
        if not Path(device).is_block_device():
            raise StepError(
                "The device {device} is not there",
                hint="Is the disk still connected? Then run the same command again.",
                device=device,
            )

    def note(self, message: str, **values: object) -> None:
        """See `Machine.note`."""
        self._system.note(message, warning=False, **values)
