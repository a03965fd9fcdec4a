"""A system that has changed since its backup, and what a rollback makes of it."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from builder.border.whole_systems import RollbackRequest, RolledBack
from builder.inside.onto_disk.rolling_back import roll_back
from builder.inside.system.real_system import RealSystem
from builder.inside.system.system import System
from tests.support.backed_up import Volume
from tests.support.hard_tree import make_hard_tree
from tests.support.killed_backup import request_for
from tests.support.trees import make_kernel, put

KEPT = {
    "etc/fstab": "UUID=1 / ext4 defaults 0 1\nUUID=3 /data ext4 nofail 0 2\n",
    "etc/crypttab": "data UUID=5 /etc/keys/data.key luks\n",
    "etc/keys/data.key": "the new key",
    "etc/ssh/ssh_host_ed25519_key": "today's",
    "boot/grub/i386-pc/normal.mod": "fits what is in front of the partitions",
    "home/alice/letter": "newer",
    "var/log/syslog": "today",
}
HOSTILE = ("new\nline", " blanks ", "--dashes", "star*[a]?", "back\\#012slash", "\udce9", "#hash")
FILTERS = ("- /proc/*", "- /home/*", "- /root/*", "- /var/log/*", "- /.distroclone-builder-*")


MANY = 150  # files of a kind: somebody has to be in time to see a step at work


def furnish(root: Path) -> None:
    """Add what a rollback has to do with, before the backup."""
    make_hard_tree(root / "opt/hard")
    for number in range(MANY):
        put(root, f"srv/added/{number}", "old")
        put(root, f"srv/changed/{number}", "old")
    for name in KEPT:
        put(root, name, "as it was backed up")
    put(root, "etc/fstab", "UUID=1 / ext4 defaults 0 1\n")
    put(root, "etc/machine-id", f"{1:032x}\n")
    put(root, "boot/grub/grub.cfg", "old menu")
    put(root, "etc/changed", "old")
    put(root, "etc/same-size-and-second", "old")
    put(root, "usr/lib/libold.so.1.2.2", "library")
    (root / "usr/lib/libold.so.1").symlink_to("libold.so.1.2.2")
    put(root, "srv/was-file", "file")
    put(root, "srv/was-folder/inner/file", "folder")


def change(root: Path) -> None:
    """Change it as upgrades, people and accidents do."""
    for number in range(MANY):
        (root / f"srv/added/{number}").unlink()
        put(root, f"srv/changed/{number}", "newer")
        put(root, f"srv/deleted/{number}", "new")
    for name, text in KEPT.items():
        put(root, name, text)
    put(root, "etc/changed", "new and longer")
    old = (root / "etc/same-size-and-second").stat()
    put(root, "etc/same-size-and-second", "new")
    os.utime(root / "etc/same-size-and-second", ns=(0, old.st_mtime_ns + 1))
    (root / "usr/lib/libold.so.1").unlink()
    (root / "usr/lib/libold.so.1").symlink_to("libold.so.1.2.3")
    (root / "usr/lib/libold.so.1.2.2").rename(root / "usr/lib/libold.so.1.2.3")
    (root / "srv/was-file").unlink()
    put(root, "srv/was-file/now/a-folder", "folder")
    for each in ("file", "", ".."):
        path = root / "srv/was-folder/inner" / each
        path.unlink() if path.is_file() else path.resolve().rmdir()
    (root / "srv/was-folder").symlink_to("/etc")
    make_kernel(root, "9.9.9-new")
    put(root, "boot/grub/grub.cfg", "new menu")
    for name in HOSTILE:
        put(root, f"opt/new/{name}/{name}", "new")
        (root / "opt/hard" / name).unlink(missing_ok=True)
    (root / "usr/bin/dash").chmod(0o4755)


class Killing(RealSystem):
    """Its tool is killed when something can be seen, as all of a container is."""

    def __init__(self, root: Path, seen: Callable[[Path], bool]) -> None:
        super().__init__(lambda _event: None)
        self._root, self._seen = root, seen

    def run(self, argv: Sequence[str], **more: Any) -> str:
        """See `System.run`."""
        over = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(over,))
        watcher.start()
        try:
            return super().run(argv, **more)
        finally:
            over.set()
            watcher.join()

    def _watch(self, over: threading.Event) -> None:
        while not over.wait(0.0005):
            if self._seen(self._root):
                for each in Path("/proc").glob("[0-9]*/cmdline"):
                    with contextlib.suppress(OSError):
                        words = each.read_bytes().split(b"\0")
                        if words[0] == b"rsync" and os.fsencode(f"{self._root}/") in words:
                            os.kill(int(each.parent.name), signal.SIGKILL)


def rollback_request(root: Path, **more: object) -> RollbackRequest:
    """Return the request to roll the system at `root` back."""
    values: dict[str, object] = {
        "target": request_for(root).system, "snapshot": "uuid-1", "asked": "latest",
        "filters": FILTERS, "parts": (), "others": (), "homes": False, "keeps_boot": False,
        "kernel": "",
    }  # fmt: skip
    return RollbackRequest(**(values | more))  # type: ignore[arg-type]


def rolled_back(volume: Volume, *, system: System | None = None, **more: object) -> RolledBack:
    """Roll the volume's system back to its first snapshot, in this process."""
    return roll_back(
        rollback_request(volume.source, **more),
        system=system or RealSystem(lambda _event: None),
        source=volume.rootfs / ".snapshots/1/snapshot",
        target=volume.source,
    )
