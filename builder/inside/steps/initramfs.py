"""Makes an initramfs for every kernel of the copy, with live-boot, in a scratch root.

Of the building machine, little more than the time is visible there
(`builder.inside.system.neutral_machine`).
"""

import json
import os
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from builder.basics.codec import to_data
from builder.basics.errors import StepError
from builder.border.privacy import Finding
from builder.border.step_names import StepName
from builder.formats.recipe import LiveSettings
from builder.inside.blocks.kept_initramfs import KeptInitramfs
from builder.inside.debian.kernels import kernel_image
from builder.inside.layers.inhabited import inhabited
from builder.inside.layers.scratch import Scratch
from builder.inside.search.guard import Guard
from builder.inside.session import module_rules
from builder.inside.stack.bundle import BUNDLE, Bundle
from builder.inside.stack.hooks import failed_hooks
from builder.inside.stack.putting import needed, put_stack
from builder.inside.stack.settings import compressor, neutralise
from builder.inside.system.system import System
from builder.inside.tree.tree import Tree

_LIVE_SCRIPTS: Final = ("scripts/live", "usr/bin/live-boot")

# Up to this many bytes of modules and firmware, which is nearly all that mkinitramfs copies, its
# temporary files are kept in memory: the container has 1.5 GiB.
_MOST_IN_MEMORY: Final = 512 << 20
_COMPRESSED: Final = (".xz", ".zst", ".gz")  # initramfs-tools 0.142 decompresses them
_UNPACKED: Final = 5.5  # times the size: modules of Debian 13, as xz


@dataclass(frozen=True, slots=True, kw_only=True)
class InitramfsStep:
    """Makes an initramfs for each of `kernels` of the tree at `root`, in the folder `target`.

    Each file is named after the version. `stack` becomes a JSON list of {"name", "version",
    "architecture"}: the packages of this image whose files are in them.

    Or takes them from `kept`, if an earlier build stored them for exactly this system. They are
    made in a scratch root, so nothing that a program of the tree does gets into the system. While
    they are being made, `meanwhile` runs; afterwards `guard` looks at them.
    """

    name: ClassVar[StepName] = StepName.INITRAMFS
    needs: ClassVar[tuple[str, ...]] = ("mount", "rsync", "umount")
    neutral: ClassVar[tuple[str, ...]] = (
        "scratch", "stack", "bundle", "kept", "meanwhile", "guard",
    )  # fmt: skip

    root: Path
    scratch: Scratch
    target: Path
    stack: Path
    kernels: tuple[str, ...]
    source_date_epoch: int
    bundle: Bundle = BUNDLE
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
        self.target.mkdir()
        self._list_stack()
        found = self.kept.restore(self._images) if self.kept is not None else None
        if found is None:
            found = self._make_and_keep(system)
        else:
            message = "The initramfs is reused: an earlier build made it from the very same system"
            system.note(message)
        if self.guard is not None:
            self.guard.judge(found, system)
            self.guard.finish(system)

    def _list_stack(self) -> None:
        """Say what comes from the builder image; an initramfs that was kept has the same."""
        rows = [each.package for each in needed(Tree(self.root), self.bundle) if each.shipped]
        text = json.dumps(to_data(rows), indent=1, ensure_ascii=True)
        self.stack.write_text(f"{text}\n", encoding="ascii")

    @property
    def _images(self) -> tuple[Path, ...]:
        return tuple(self.target / kernel for kernel in self.kernels)

    def _make_and_keep(self, system: System) -> tuple[Finding, ...]:
        """Make them, offer them to `kept`, and return what is private in them."""
        with self.meanwhile(system), self.scratch.opened(system) as root:
            self._make_all(Tree(root, clock=self.source_date_epoch), system)
        images = tuple(zip(self.kernels, self._images, strict=True))
        found = self.guard.initramfs(images, system) if self.guard is not None else ()
        if self.kept is not None:
            self.kept.offer(self._images, findings=found)
        return found

    def _make_all(self, tree: Tree, system: System) -> None:
        self._prepare(tree, system)
        with inhabited(tree, system):
            for done, kernel in enumerate(self.kernels):
                self._make(kernel, system, tree, compressor=compressor(tree, kernel))
                self._check(kernel, system, tree, fraction=(done + 1) / len(self.kernels))
        for hook in failed_hooks(tree):
            system.note("The initramfs is made without {hook}, whose hook failed", hook=hook)
        for kernel, image in zip(self.kernels, self._images, strict=True):
            _take(tree, image_path(kernel), image)

    def _prepare(self, tree: Tree, system: System) -> None:
        """Put the live stack into the tree, and neutral settings; raises StepError."""
        try:
            put = put_stack(tree, self.bundle)
            module_rules.allow(tree, LiveSettings())  # which tells it for the live layer
            told = neutralise(tree)
        except OSError as error:
            message = "The parts of a live system cannot be put into the copy: {problem}"
            hint = "Repair that path in the source system: Debian has something else there."
            raise StepError(message, hint=hint, problem=error) from error
        names = ", ".join(f"{each.package.name} {each.package.version}" for each in put)
        system.log(f"From the builder image: {names}")
        for warned in told:
            system.note(warned.message, warning=False, **dict(warned.values))

    def _make(self, kernel: str, system: System, tree: Tree, *, compressor: str) -> None:
        tree.remove(image_path(kernel))
        command = self.argv(kernel, compressor=compressor)
        environment = {"SOURCE_DATE_EPOCH": str(self._clock(tree, kernel))}
        if _size_of_parts(tree, kernel) <= _MOST_IN_MEMORY:
            environment["TMPDIR"] = "/tmp"  # noqa: S108 - inside the tree, and ours
        system.run(command, root=tree.root, env=environment)
        if not tree.is_file(image_path(kernel)):
            message = "mkinitramfs made no initramfs for kernel {kernel}"
            raise StepError(message, kernel=kernel, command=command)

    def _clock(self, tree: Tree, kernel: str) -> int:
        """Return the date in the initramfs: that of the kernel, but not after that of the ISO.

        So its blocks are the same in all snapshots with the same parts.
        """
        image = kernel_image(tree, kernel)
        if image is None:
            return self.source_date_epoch
        made = int(tree.resolve(image).stat().st_mtime)
        return max(0, min(made, self.source_date_epoch))

    def _check(self, kernel: str, system: System, tree: Tree, *, fraction: float) -> None:
        # Thousands of names would clutter the log.
        command = ("lsinitramfs", image_path(kernel))
        listing = system.run(command, root=tree.root, logged=False)
        system.progress(fraction)
        names = {line.strip().removeprefix("./") for line in listing.splitlines()}
        for wanted in _LIVE_SCRIPTS:
            if wanted not in names:
                message = "The initramfs for kernel {kernel} has no {wanted}: it cannot boot live"
                hint = "See in the log what mkinitramfs said."
                raise StepError(message, hint=hint, kernel=kernel, wanted=wanted, command=command)


def _take(tree: Tree, path: str, target: Path) -> None:
    """Copy a file out of the tree, to nobody's but root's."""
    with tree.open(path) as source, target.open("xb") as copy:
        os.fchmod(copy.fileno(), 0o600)
        shutil.copyfileobj(source, copy)


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
