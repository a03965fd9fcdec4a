"""Probes what this container can do, for `distroclone-builder doctor`."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from builder.basics.errors import BuilderError
from builder.border import paths
from builder.border.requests import Abilities
from builder.inside.source.cache_image import make_loop_devices
from builder.inside.system.system import System
from builder.inside.tree.overlay import Overlay
from builder.inside.tree.survey import SourceTree, survey_tree

_SECTOR: Final = 512  # bytes; what a loop device has at least


def probe(system: System) -> Abilities:
    """Try everything that a build needs."""
    space = os.statvfs(paths.WORK)
    return Abilities(
        mount=_reason(_mount, system),
        chroot=_reason(_chroot, system),
        loop=_reason(_loop, system),
        overlay=_reason(_overlay, system),
        btrfs="btrfs" in Path("/proc/filesystems").read_text().split(),
        free=space.f_bavail * space.f_frsize,
    )


def _reason(trial: Callable[[System], None], system: System) -> str:
    try:
        trial(system)
    except BuilderError as error:
        return error.output[-1] if error.output else str(error)
    except OSError as error:
        return str(error)
    return ""


def _mount(system: System) -> None:
    with tempfile.TemporaryDirectory() as name, system.mounted("proc", Path(name), kind="proc"):
        pass


def _chroot(system: System) -> None:
    system.run(["true"], root=Path("/"))


def _overlay(system: System) -> None:
    with tempfile.TemporaryDirectory(dir=paths.WORK) as name:
        source, target = Path(name) / "source", Path(name) / "target"
        source.mkdir()
        target.mkdir()
        (source / "left-out").touch()
        tree = SourceTree(root=source, rules=("- /left-out",))
        overlay = Overlay(
            tree=tree, survey=survey_tree(tree), target=target, layer=Path(name) / "layer"
        )
        with overlay.mounted(system):
            pass


def _loop(system: System) -> None:
    """Attach a file: a container may have every node, and not be allowed to open them."""
    make_loop_devices()
    with tempfile.NamedTemporaryFile(dir=paths.WORK) as file:
        file.truncate(_SECTOR)
        device = system.run(["losetup", "--find", "--show", "--read-only", file.name]).strip()
        system.run(["losetup", "--detach", device])
