"""Puts kernels, boot menu and boot images into the ISO tree; one menu for BIOS and UEFI.

An initramfs on the medium is the one that was made plus a small archive with the medium's id, which
makes live-boot reject every other medium.
"""

import json
import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import BinaryIO, ClassVar, Final

from builder.basics.codec import to_data
from builder.basics.errors import StepError
from builder.border.step_names import StepName
from builder.formats.boot_chain import BootChain, Loader
from builder.formats.recipe import BootEntry, Installer, Recipe
from builder.formats.system_facts import SystemFacts
from builder.inside.debian.kernels import kernel_image
from builder.inside.debian.own_locale import own_locale
from builder.inside.medium import boot_images
from builder.inside.medium import identity as medium
from builder.inside.medium.grub_menu import (
    Menu,
    render_early_config,
    render_partition_config,
)
from builder.inside.medium.initrd_extra import gap_after, newc_archive
from builder.inside.medium.menu_words import words_in
from builder.inside.secure_boot.chain import Kernel, choose_chain
from builder.inside.secure_boot.supplies import supplies_of
from builder.inside.stack.bundle import BUNDLE, Bundle
from builder.inside.system.digests import CHUNK, Summing, digest_file, summing_file
from builder.inside.system.system import Sight, System
from builder.inside.tree.tree import Tree

_FONT: Final = Path("/usr/share/grub/unicode.pf2")  # grub-common
_VERSION: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+~_-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class BootStep:
    """Fills `iso_tree` with what boots, and makes `partition`, the EFI system partition.

    Every squashfs must already be in `iso_tree`: the medium's id depends on them. `layer` is what
    the live system has above `root`. Each initramfs lies in `initramfs`. `parts` is a directory for
    intermediate files. `sums` gets the digests of the large files, so that later steps need not
    read them again: a JSON object of path on the medium to {sha256, md5}. `chain` gets what
    firmware starts, as manifests say it. `signed` has the builder image's signed loaders, of the
    packages in `lock`.
    """

    name: ClassVar[StepName] = StepName.BOOT
    needs: ClassVar[tuple[str, ...]] = ("grub-mkimage", "mkfs.fat", "mmd", "mcopy", "sbverify")
    neutral: ClassVar[tuple[str, ...]] = ("bundle", "parts")

    root: Path
    layer: Path
    initramfs: Path
    iso_tree: Path
    parts: Path
    partition: Path
    sums: Path
    chain: Path
    signed: Path
    lock: Path
    system: SystemFacts
    recipe: Recipe
    source_date_epoch: int
    bundle: Bundle = BUNDLE

    def run(self, system: System) -> None:
        """Do it. Raises StepError when a kernel or its initramfs is missing."""
        self.parts.mkdir(parents=True, exist_ok=True)
        large = self._copy_kernels()
        system.progress(0.3)
        for name in medium.IMAGES + ((medium.INSTALLER,) if self._installs else ()):
            large[name] = summing_file(self.iso_tree / name)
        identity = self._identify(large)
        system.progress(0.6)
        self._add_id_to_initrds(identity, large)
        sums = {name: to_data(each.sums) for name, each in large.items()}
        self.sums.write_text(json.dumps(sums), encoding="utf-8")
        self._write_menu(identity)
        self._write_memtest()
        self._write_layers()
        self._make_images(system, identity)
        system.progress(1.0)

    def _copy_kernels(self) -> dict[str, Summing]:
        if not self.system.kernels:
            raise StepError("The system has no bootable kernel")
        tree = Tree(self.root)
        copied: dict[str, Summing] = {}
        for version in self.system.kernels:
            if not _VERSION.fullmatch(version):
                raise StepError("Invalid kernel version: {version}", version=ascii(version))
            name = medium.kernel_path(version)
            with _opened(tree, version) as kernel:
                copied[name] = self._copy(kernel, name)
            name = medium.initrd_path(version)
            with (self.initramfs / version).open("rb") as image:
                copied[name] = self._copy(image, name)
        return copied

    def _copy(self, source: BinaryIO, name: str) -> Summing:
        target, summing = self._place(name), Summing()
        with target.open("wb") as copy:
            while chunk := source.read(CHUNK):
                copy.write(chunk)
                summing.update(chunk)
        if not target.stat().st_size:
            raise StepError("{path} would be empty on the medium", path=name)
        return summing

    def _identify(self, large: Mapping[str, Summing]) -> medium.MediumId:
        parts = {name: summing.digest for name, summing in large.items()}
        identity = medium.medium_id(parts=parts, recipe=self.recipe)
        medium.write_medium_id(self.iso_tree, identity)
        return identity

    def _add_id_to_initrds(self, identity: medium.MediumId, large: Mapping[str, Summing]) -> None:
        content = {medium.LIVE_UUID_IN_INITRD: f"{identity.text}\n".encode()}
        archive = newc_archive(content, mtime=self.source_date_epoch)
        for version in self.system.kernels:
            name = medium.initrd_path(version)
            with (self.iso_tree / name).open("ab") as stream:
                extra = gap_after(stream.tell()) + archive
                stream.write(extra)
            large[name].update(extra)

    def _write_menu(self, identity: medium.MediumId) -> None:
        self._early_config.write_text(render_early_config(identity), encoding="ascii")
        locale = self.recipe.live.locale or own_locale(Tree(self.root))
        menu = Menu(
            facts=self.system,
            boot=self.recipe.boot,
            words=words_in(locale),
            installs=self._installs,
        )
        self._place(medium.GRUB_CONFIG).write_text(menu.render(), encoding="utf-8")
        loopback = menu.render_loopback()
        self._place(medium.LOOPBACK_CONFIG).write_text(loopback, encoding="utf-8")
        shutil.copyfile(_FONT, self._place(medium.GRUB_FONT))

    def _write_memtest(self) -> None:
        if BootEntry.MEMTEST in self.recipe.boot.entries:
            for place in (medium.MEMTEST_BIOS, medium.MEMTEST_UEFI, medium.MEMTEST_UEFI32):
                data = self.bundle.file("memtest86+", f"/{place}").data
                self._place(place).write_bytes(data)

    def _write_layers(self) -> None:
        text = "".join(f"{PurePosixPath(name).name}\n" for name in medium.IMAGES)
        self._place(medium.LAYERS).write_text(text, encoding="ascii")

    def _make_images(self, system: System, identity: medium.MediumId) -> None:
        bios = self._place(medium.BIOS_IMAGE)
        self._make_image(system, boot_images.bios_image_argv, bios)
        chain = self._put_loaders(system)
        self.chain.write_text(json.dumps(to_data(chain)), encoding="utf-8")
        files = [(self.iso_tree / each.path, PurePosixPath(each.path)) for each in chain.loaders]
        if chain.vendor is not None:
            config = self.parts / "partition.cfg"
            config.write_text(render_partition_config(identity), encoding="ascii")
            files.append((config, PurePosixPath(medium.GRUB_CONFIG)))
        for file, _place in files:
            os.utime(file, (self.source_date_epoch, self.source_date_epoch))
        self.partition.unlink(missing_ok=True)
        with self.partition.open("wb") as stream:
            sizes = [file.stat().st_size for file, _place in files]
            stream.truncate(boot_images.partition_size(sizes))
        sight = Sight(reads=tuple(file for file, _place in files), writes=(self.partition,))
        for argv in boot_images.partition_argvs(self.partition, identity=identity, files=files):
            system.run(argv, sight=sight)

    def _put_loaders(self, system: System) -> BootChain:
        """Put what UEFI starts into `iso_tree`, and return what it is."""
        chain = self._put_chain(system)
        small = self._made_loader(system, boot_images.uefi32_image_argv, medium.UEFI32_LOADER)
        return replace(chain, loaders=(*chain.loaders, small))

    def _put_chain(self, system: System) -> BootChain:
        chain, folder = choose_chain(
            system,
            supplies_of(self.root, layer=self.layer, signed=self.signed, lock=self.lock),
            kernels=[
                Kernel(version=each, image=self.iso_tree / medium.kernel_path(each))
                for each in self.system.kernels
            ],
            folder=self.parts / "loaders",
        )
        if folder is not None:
            for each in chain.loaders:
                shutil.copyfile(folder / each.path, self._place(each.path))
            return chain
        made = self._made_loader(system, boot_images.uefi_image_argv, medium.UEFI_LOADER)
        return replace(chain, loaders=(made,))

    def _made_loader(self, system: System, argv: Callable[..., list[str]], name: str) -> Loader:
        image = self._place(name)
        self._make_image(system, argv, image)
        return Loader(path=name, sha256=digest_file(image).sha256, signers=(), sbat={})

    def _make_image(self, system: System, argv: Callable[..., list[str]], image: Path) -> None:
        sight = Sight(reads=(self._early_config,), writes=(image.parent,))
        system.run(argv(config=self._early_config, target=image), sight=sight)

    @property
    def _installs(self) -> bool:
        return self.recipe.installer is not Installer.NONE

    @property
    def _early_config(self) -> Path:
        return self.parts / "early.cfg"

    def _place(self, name: str) -> Path:
        target = self.iso_tree / name
        target.parent.mkdir(parents=True, exist_ok=True)
        return target


def _opened(tree: Tree, version: str) -> BinaryIO:
    path = kernel_image(tree, version)
    if path is None:
        raise StepError(
            "The kernel {version} has no usable image in the configured system", version=version
        )
    return tree.open(path)
