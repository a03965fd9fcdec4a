"""What this container may do, found out by trying; for `distroclone-builder doctor`."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from builder.errors import BuilderError
from builder.inside.cache_image import free_loop_device
from builder.inside.system import System


def probe(system: System) -> Mapping[str, Any]:
    """Try each thing that a build needs; a reason for what fails, "" for what works."""
    trials: Mapping[str, Callable[[System], None]] = {
        "mount": _mounts,
        "chroot": _chroots,
        "loop": _loops,
    }
    return {name: _reason(trial, system) for name, trial in trials.items()}


def _reason(trial: Callable[[System], None], system: System) -> str:
    try:
        trial(system)
    except (BuilderError, OSError) as error:
        output = getattr(error, "output", ())
        return output[-1] if output else str(error)
    return ""


def _mounts(system: System) -> None:
    with tempfile.TemporaryDirectory() as name, system.mounted("proc", Path(name), kind="proc"):
        pass


def _chroots(system: System) -> None:
    system.run(["true"], root=Path("/"))


def _loops(_system: System) -> None:
    free_loop_device()
