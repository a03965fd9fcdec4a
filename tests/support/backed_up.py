"""A btrfs with room for a cache, and a system that is backed up to it in this process."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from builder.border.backups import BackedUp, CacheState
from builder.inside.backup.backing_up import backup
from builder.inside.backup.stored import cache_state
from builder.inside.system.real_system import RealSystem
from tests.support import killed_backup
from tests.support.caches import mounted_btrfs
from tests.support.command_line import wait_until
from tests.support.faithful import Facts, facts
from tests.support.killed_backup import request_for
from tests.support.trees import make_system, put

OURS = (b".snapshots", b".distroclone-builder-unfinished")


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """A btrfs with room for a cache, and a system to back up."""

    mount: Path
    base: Path
    source: Path

    @property
    def rootfs(self) -> Path:
        """The cache's tree."""
        return self.base / ".rootfs_cache"

    def backup(self, *, new: bool = False, adopt: bool = False) -> BackedUp:
        """Back the system up in this process."""
        request = replace(request_for(self.source, new=new), adopt=adopt)
        system = RealSystem(lambda _event: None)
        return backup(request, system=system, source=self.source, base=self.base)

    def snapshot(self, number: object) -> Facts:
        """Return what is in a snapshot."""
        return facts(self.rootfs / f".snapshots/{number}/snapshot", without=OURS)

    def state(self) -> CacheState:
        """Return the cache's state."""
        return cache_state(self.base)

    def left(self) -> list[str]:
        """Return what nobody but an interrupted backup leaves."""
        return sorted(
            each.name
            for folder in (self.base, self.rootfs, self.rootfs / ".snapshots")
            for each in folder.iterdir()
            if "distroclone-builder" in each.name
        )


@contextmanager
def backed_volume(folder: Path) -> Iterator[Volume]:
    """Make one with a small system, whose folder is made in `folder`."""
    source = make_system(folder / "system")
    put(source, "etc/state", "first")
    with mounted_btrfs(256 << 20) as mount:
        base = mount / "debian_backup"
        base.mkdir()
        yield Volume(mount=mount, base=base, source=source)


def killed(volume: Volume, point: str) -> None:
    """Have a backup or a deletion killed there."""
    # Not as the first process of its namespace, which cannot kill itself.
    alone = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
    words = (*alone, "sh", "-c", '"$@"; exit $?', "sh")
    script = (sys.executable, killed_backup.__file__, point, volume.base, volume.source)
    with subprocess.Popen([*words, *map(str, script)], stderr=subprocess.PIPE) as process:
        if point == killed_backup.COPYING:
            wait_until((volume.rootfs / "etc/state-2").exists)
            process.kill()
        _out, err = process.communicate()
    assert process.returncode != 0, point
    assert b"Traceback" not in err, err.decode()
