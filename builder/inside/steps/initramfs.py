"""Makes a new initramfs for every kernel of the copy, with the copy's own initramfs-tools.

Of the building machine, little more than the time is visible there
(`builder.inside.system.neutral_machine`).
"""

import json
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from builder.basics.codec import to_data
from builder.basics.errors import StepError
from builder.basics.printable import clean
from builder.border.privacy import Finding
from builder.border.step_names import StepName
from builder.formats.changes import Change, ChangedPath
from builder.inside.blocks.kept_initramfs import KeptInitramfs
from builder.inside.rules.rule import add
from builder.inside.search.guard import Guard
from builder.inside.system.system import System
from builder.inside.tree import footprint
from builder.inside.tree.sealed import sealed
from builder.inside.tree.tree import Tree

RULE: Final = "initramfs"  # by which its changes are known
_CONF: Final = "/etc/initramfs-tools/conf.d/zz-distroclone-builder"
# Modules for any machine, and no swap space to resume from. mkinitramfs of Debian 12 and of
# Ubuntu 24.04 (initramfs-tools 0.142) has no options for this.
_CONF_TEXT: Final = b"MODULES=most\nRESUME=none\n"
_LIVE_SCRIPTS: Final = ("scripts/live", "usr/bin/live-boot")

# Up to this many bytes of modules and firmware, which is nearly all that mkinitramfs copies, its
# temporary files are kept in memory: the container has 1.5 GiB.
_MOST_IN_MEMORY: Final = 512 << 20
_COMPRESSED: Final = (".xz", ".zst", ".gz")  # initramfs-tools 0.142 decompresses them
_UNPACKED: Final = 5.5  # times the size: modules of Debian 13, as xz

# Devices that every program may expect: Linux' Documentation/admin-guide/devices.txt
_DEVICES: Final = (
    ("null", 1, 3),
    ("zero", 1, 5),
    ("full", 1, 7),
    ("random", 1, 8),
    ("urandom", 1, 9),
    ("tty", 5, 0),
)
_LINKS: Final = (
    ("fd", "/proc/self/fd"),
    ("stdin", "fd/0"),
    ("stdout", "fd/1"),
    ("stderr", "fd/2"),
)
# `builder.inside.system.enter` covers the first two with those of a machine of our own.
_MOUNTS: Final = (  # kind, where, options
    ("proc", "/proc", ("ro", "nosuid", "nodev", "noexec")),
    ("tmpfs", "/sys", ("ro", "nosuid", "nodev", "noexec")),
    ("tmpfs", "/dev", ("mode=0755", "nosuid")),
    ("tmpfs", "/tmp", ("mode=1777", "nosuid", "nodev")),  # noqa: S108 - inside the tree
    ("tmpfs", "/run", ("mode=0755", "nosuid", "nodev")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class InitramfsStep:
    """Makes /boot/initrd.img-VERSION in the tree at `root` for each of `kernels`.

    Or takes them from `kept`, if an earlier build stored them for exactly this system. While they
    are being made, `meanwhile` runs; afterwards `guard` looks at them. No later step runs a program
    of the tree, so the tree is read-only from then on, until `mounts` closes. `journal` becomes a
    JSON list of what that changed in the tree, as that of the step `configure`.
    """

    name: ClassVar[StepName] = StepName.INITRAMFS
    needs: ClassVar[tuple[str, ...]] = ("mount", "umount")
    neutral: ClassVar[tuple[str, ...]] = ("kept", "meanwhile", "guard", "mounts", "journal")

    root: Path
    kernels: tuple[str, ...]
    source_date_epoch: int
    mounts: ExitStack
    journal: Path
    kept: KeptInitramfs | None = None
    guard: Guard | None = None
    meanwhile: Callable[[System], AbstractContextManager[object]] = nullcontext

    def argv(self, kernel: str, *, compressor: str) -> tuple[str, ...]:
        """Return the command that is run in the chroot.

        Not update-initramfs: live-tools diverts it to one that refuses to work.
        """
        image = image_path(kernel)
        return ("mkinitramfs", "-c", compressor, "-o", image, kernel)

    def run(self, system: System) -> None:
        """Make and check them. Raises StepError for one that cannot boot a live system."""
        tree = Tree(self.root, clock=self.source_date_epoch)
        if not tree.is_file("/usr/sbin/mkinitramfs"):
            message = "The package initramfs-tools is not installed in the system"
            hint = "Install live-boot-initramfs-tools in the source system, then make a new backup."
            raise StepError(message, hint=hint)
        found = self._restore(tree, system)
        if found is None:
            found = self._make_and_keep(tree, system)
        if self.guard is not None:
            self.guard.judge(found, system)
            self.guard.finish(system)

    def _restore(self, tree: Tree, system: System) -> tuple[Finding, ...] | None:
        """Take kept ones, and return what is private in them; None without any."""
        there = {path: os.path.lexists(tree.locate(path)) for path in self._paths}
        restored = None if self.kept is None else self.kept.restore(tree, self._paths)
        if restored is None:
            return None
        system.note("The initramfs is reused: an earlier build made it from the very same system")
        self._seal(system)
        images = (
            (Change.CHANGED if there[path] else Change.ADDED, tree.inner(tree.locate(path)))
            for path in self._paths
        )
        self._journalled([*images, *((Change.CHANGED, path) for path in restored.touched)])
        return restored.findings

    def _journalled(self, changes: Iterable[tuple[Change, str]]) -> None:
        rows = sorted(changes, key=lambda each: os.fsencode(each[1]))
        made = [ChangedPath(path=path, change=change, rule=RULE) for change, path in rows]
        text = json.dumps(to_data(made), indent=1, ensure_ascii=True)
        self.journal.write_text(f"{text}\n", encoding="ascii")

    def _seal(self, system: System) -> None:
        os.utime(self.root, (self.source_date_epoch, self.source_date_epoch))
        self.mounts.enter_context(sealed(self.root, system))

    @property
    def _paths(self) -> tuple[str, ...]:
        return tuple(image_path(kernel) for kernel in self.kernels)

    def _make_all(self, tree: Tree, system: System) -> None:
        compressor = "zstd" if tree.exists("/usr/bin/zstd") else "gzip"
        with self.meanwhile(system), inhabited(tree, system), _configured(tree):
            for done, kernel in enumerate(self.kernels):
                self._make(kernel, system, tree, compressor=compressor)
                self._check(kernel, system, fraction=(done + 1) / len(self.kernels))

    def _make_and_keep(self, tree: Tree, system: System) -> tuple[Finding, ...]:
        """Make them, offer them to `kept`, and return what is private in them."""
        root = os.fsencode(tree.root)
        before = footprint.entries(root)
        self._make_all(tree, system)
        after = footprint.entries(root)
        self._seal(system)  # what is searched now is what will be packed
        images = [(kernel, tree.locate(image_path(kernel))) for kernel in self.kernels]
        changes = tuple(footprint.changes(before, after))
        self._journalled((change, os.fsdecode(path) or "/") for change, path in changes)
        changed = [path for change, path in changes if change is not Change.REMOVED]
        found = self.guard.initramfs(images, changed) if self.guard is not None else ()
        if self.kept is not None:
            self._offer(tree, before, after, found, system)
        return found

    def _offer(
        self,
        tree: Tree,
        before: footprint.Entries,
        after: footprint.Entries,
        found: tuple[Finding, ...],
        system: System,
    ) -> None:
        assert self.kept is not None
        made = [os.fsencode(tree.inner(tree.locate(path))) for path in self._paths]
        try:
            touched = footprint.touched(before, after, made=made)
        except ValueError as path:
            system.note(
                "The initramfs is not cached, because making it changed {path}",
                path=clean(str(path)),
            )
        else:
            self.kept.offer(tree, self._paths, touched=touched, findings=found)

    def _make(self, kernel: str, system: System, tree: Tree, *, compressor: str) -> None:
        tree.remove(image_path(kernel))
        command = self.argv(kernel, compressor=compressor)
        environment = {"SOURCE_DATE_EPOCH": str(self._clock(tree, kernel))}
        if _size_of_parts(tree, kernel) <= _MOST_IN_MEMORY:
            environment["TMPDIR"] = "/tmp"  # noqa: S108 - inside the tree, and ours
        system.run(command, root=self.root, env=environment)
        if not tree.is_file(image_path(kernel)):
            message = "mkinitramfs made no initramfs for kernel {kernel}"
            raise StepError(message, kernel=kernel, command=command)

    def _clock(self, tree: Tree, kernel: str) -> int:
        """Return the date in the initramfs: that of the kernel, but not after that of the ISO.

        So its blocks are the same in all snapshots with the same parts.
        """
        made = int(tree.resolve(f"/boot/vmlinuz-{kernel}").stat().st_mtime)
        return max(0, min(made, self.source_date_epoch))

    def _check(self, kernel: str, system: System, *, fraction: float) -> None:
        # Thousands of names would clutter the log.
        command = ("lsinitramfs", image_path(kernel))
        listing = system.run(command, root=self.root, logged=False)
        system.progress(fraction)
        names = {line.strip().removeprefix("./") for line in listing.splitlines()}
        for wanted in _LIVE_SCRIPTS:
            if wanted not in names:
                message = "The initramfs for kernel {kernel} has no {wanted}: it cannot boot live"
                hint = (
                    "Install live-boot-initramfs-tools in the source system, "
                    "then make a new backup."
                )
                raise StepError(message, hint=hint, kernel=kernel, wanted=wanted, command=command)


def image_path(kernel: str) -> str:
    """Return the path of a kernel's initramfs inside the tree."""
    return f"/boot/initrd.img-{kernel}"


def _size_of_parts(tree: Tree, kernel: str) -> float:
    """Return the approximate uncompressed size of modules and firmware in bytes."""
    total = 0.0
    waiting = [
        os.fspath(tree.resolve(directory))
        for directory in (f"/lib/modules/{kernel}", "/lib/firmware")
        if tree.is_dir(directory)
    ]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                elif entry.is_file(follow_symlinks=False):
                    size = entry.stat(follow_symlinks=False).st_size
                    total += size * _UNPACKED if entry.name.endswith(_COMPRESSED) else size
    return total


@contextmanager
def inhabited(tree: Tree, system: System) -> Iterator[None]:
    """Mount in the tree what a chroot needs of a running system; unmount it at the end."""
    with ExitStack() as stack:
        for kind, path, options in _MOUNTS:
            target = _mount_point(tree, path)
            stack.enter_context(system.mounted(kind, target, kind=kind, options=options))
            if path == "/dev":
                _make_devices(target)
        yield


def _mount_point(tree: Tree, path: str) -> Path:
    """Return a real directory: mounting on a symlink could affect something outside the tree."""
    real = tree.locate(path)
    with suppress(FileNotFoundError):
        if stat.S_ISDIR(real.lstat().st_mode):
            return real
        tree.remove(path)
    real.mkdir()
    return real


def _make_devices(directory: Path) -> None:
    for name, major, minor in _DEVICES:
        device = directory / name
        os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(major, minor))
        device.chmod(0o666)
    for name, target in _LINKS:
        (directory / name).symlink_to(target)
    for name in ("pts", "shm"):
        (directory / name).mkdir()


@contextmanager
def _configured(tree: Tree) -> Iterator[None]:
    add(tree, _CONF, _CONF_TEXT)
    try:
        yield
    finally:
        tree.remove(_CONF)
