"""Puts kernels, boot menu and boot images into the ISO tree; one menu for BIOS and UEFI.

The initramfs on the medium is the system's own plus one small archive with the medium's id, by
which live-boot refuses every other medium. The installed copy in the squashfs stays as it was.
"""

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import ClassVar, Final

from builder.errors import StepError
from builder.inside import boot_images, medium
from builder.inside.digests import digest_file
from builder.inside.grub_menu import render_early_config, render_menu
from builder.inside.initrd_extra import gap_after, newc_archive
from builder.inside.system import System
from builder.inside.tree import Tree
from builder.plan import Recipe, SystemFacts

_FONT: Final = Path("/usr/share/grub/unicode.pf2")  # grub-common
_VERSION: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+~_-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class BootStep:
    """Fills `iso_tree` with what boots, and makes `partition`, the EFI system partition.

    The squashfs must be in `iso_tree` already: the medium's id depends on it. `parts` is a folder
    for what is needed on the way.
    """

    name: ClassVar[str] = "boot"
    needs: ClassVar[tuple[str, ...]] = ("grub-mkimage", "mkfs.fat", "mmd", "mcopy")

    root: Path
    iso_tree: Path
    parts: Path
    partition: Path
    system: SystemFacts
    recipe: Recipe
    source_date_epoch: int

    def run(self, system: System) -> None:
        """Do it. Raises StepError when a kernel or its initramfs is not there."""
        self.parts.mkdir(parents=True, exist_ok=True)
        self._copy_kernels()
        system.progress(0.3)
        identity = self._identify()
        system.progress(0.6)
        self._add_id_to_initrds(identity)
        self._write_menu(identity)
        self._make_images(system, identity)
        system.progress(1.0)

    def _copy_kernels(self) -> None:
        if not self.system.kernels:
            raise StepError("The system has no kernel that could boot")
        tree = Tree(self.root)
        for version in self.system.kernels:
            if not _VERSION.fullmatch(version):
                raise StepError('"{version}" is no kernel version', version=ascii(version))
            self._copy(tree, f"/boot/vmlinuz-{version}", medium.kernel_path(version))
            self._copy(tree, f"/boot/initrd.img-{version}", medium.initrd_path(version))

    def _copy(self, tree: Tree, path: str, name: str) -> None:
        target = self._place(name)
        if not tree.is_file(path):
            raise StepError(
                "{path} is no file in the configured system",
                hint="Each kernel needs its vmlinuz and its initrd.img in /boot.",
                path=path,
            )
        with tree.open(path) as source, target.open("wb") as copy:
            shutil.copyfileobj(source, copy, 1 << 20)
        if not target.stat().st_size:
            raise StepError("{path} is empty in the configured system", path=path)

    def _identify(self) -> medium.MediumId:
        names = [medium.SQUASHFS]
        for version in self.system.kernels:
            names += [medium.kernel_path(version), medium.initrd_path(version)]
        parts = {name: digest_file(self.iso_tree / name) for name in names}
        identity = medium.medium_id(parts=parts, recipe=self.recipe)
        medium.write_medium_id(self.iso_tree, identity)
        return identity

    def _add_id_to_initrds(self, identity: medium.MediumId) -> None:
        content = {medium.LIVE_UUID_IN_INITRD: f"{identity.text}\n".encode()}
        archive = newc_archive(content, mtime=self.source_date_epoch)
        for version in self.system.kernels:
            initrd = self.iso_tree / medium.initrd_path(version)
            with initrd.open("ab") as stream:
                stream.write(gap_after(stream.tell()) + archive)

    def _write_menu(self, identity: medium.MediumId) -> None:
        self._early_config.write_text(render_early_config(identity), encoding="ascii")
        menu = render_menu(self.system, self.recipe.boot)
        self._place(medium.GRUB_CONFIG).write_text(menu, encoding="utf-8")
        shutil.copyfile(_FONT, self._place(medium.GRUB_FONT))

    def _make_images(self, system: System, identity: medium.MediumId) -> None:
        bios = self._place(medium.BIOS_IMAGE)
        loader = self._place(medium.UEFI_LOADER)
        system.run(boot_images.bios_image_argv(config=self._early_config, target=bios))
        system.run(boot_images.uefi_image_argv(config=self._early_config, target=loader))
        os.utime(loader, (self.source_date_epoch, self.source_date_epoch))
        self.partition.unlink(missing_ok=True)
        with self.partition.open("wb") as stream:
            stream.truncate(boot_images.partition_size([loader.stat().st_size]))
        files = [(loader, PurePosixPath(medium.UEFI_LOADER))]
        for argv in boot_images.partition_argvs(self.partition, identity=identity, files=files):
            system.run(argv)

    @property
    def _early_config(self) -> Path:
        return self.parts / "early.cfg"

    def _place(self, name: str) -> Path:
        target = self.iso_tree / name
        target.parent.mkdir(parents=True, exist_ok=True)
        return target
