"""An installation, phase by phase: from the checks, before which nothing is written, to the log."""

import contextlib
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from builder.basics.errors import UsageError
from builder.formats.answers import Answers, FileSystem, Place
from builder.inside.debian.facts import read_os_release
from builder.inside.installing.beside import look_beside
from builder.inside.installing.clone import Clone, unpack
from builder.inside.installing.disks import Disk, choose_disk, find_disks
from builder.inside.installing.faults import explained, read_from_medium
from builder.inside.installing.machine import Machine, has_secure_boot, is_test_machine
from builder.inside.installing.mounting import make_swap, mounted_esp, mounted_root
from builder.inside.installing.report import add_console, add_report
from builder.inside.installing.settings import make_account, make_keys, write_settings
from builder.inside.installing.starting import (
    has_signed_grub,
    inhabited,
    install_boot_loader,
    make_initramfs,
)
from builder.inside.installing.volumes import (
    Layout,
    Room,
    Volumes,
    added_volumes,
    made_volumes,
    needed_room,
    needed_size,
)
from builder.inside.tree.tree import Tree

_KEPT_LOG: Final = "/var/log/distroclone-install.log"


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """What is installed, as answered; `target` is an empty folder, `log` the file of the log.

    `file_system` is what the root becomes where the answers do not say it.
    """

    clone: Clone
    answers: Answers
    file_system: FileSystem
    target: Path
    log: Path

    def run(self, machine: Machine) -> Disk:
        """Install, and return the disk. Raises any of our errors; the log is on the disk then, too.

        When this returns, all of it is on the disk, and the disk is free.
        """
        machine.note("[1/7] Checking the disk and the system")
        with read_from_medium(self.clone.image):
            (disk, room), kernels = self._checked(machine), self.clone.kernels
        machine.note("[2/7] Making partitions and file systems on {disk}", disk=disk)
        with (
            explained(disk.path),
            self._made_volumes(disk, room, machine) as volumes,
            mounted_root(volumes, self.target, machine),
            self._log_kept(),
        ):
            machine.note("[3/7] Copying the system")
            unpack(self.clone, self.target, machine)
            with mounted_esp(volumes, self.target, machine):
                self._make_own(volumes, kernels, machine)
        os.sync()
        return disk

    @property
    def _layout(self) -> Layout:
        return Layout(
            file_system=self.answers.file_system or self.file_system,
            encrypted=self.answers.passphrase is not None,
            swap_mib=self.answers.swap_mib,
            has_home=self.clone.has_home,
        )

    def _made_volumes(
        self, disk: Disk, room: Room | None, machine: Machine
    ) -> contextlib.AbstractContextManager[Volumes]:
        passphrase = self.answers.passphrase or ""
        if room is None:
            return made_volumes(disk, self._layout, machine, passphrase=passphrase)
        return added_volumes(disk, room, self._layout, machine, passphrase=passphrase)

    def _checked(self, machine: Machine) -> tuple[Disk, Room | None]:
        """Return the disk, and where on it if another system stays there.

        Of all that can be known to fail later, nothing will.
        """
        self.clone.check()
        self.clone.check_name(self.answers.user.name)
        if has_secure_boot(machine) and not has_signed_grub(self.clone.tree):
            raise UsageError(
                "Secure Boot is on, and the system has no loaders that it would start",
                hint="Switch Secure Boot off in the firmware's settings, or build the ISO again "
                "with --install shim-signed --install grub-efi-amd64-signed.",
            )
        self.clone.check_file_system(self._layout.file_system)
        if self._layout.encrypted:
            self.clone.check_encryption()
        missing = self.clone.missing_repair(self._layout.file_system)
        if missing is not None:
            machine.note(
                "The system cannot check or repair {kind} before {package} is installed in it",
                kind=self._layout.file_system,
                package=missing,
            )
        found = self._place(machine)
        self.clone.check_image(machine)  # the last, since it takes longest
        return found

    def _place(self, machine: Machine) -> tuple[Disk, Room | None]:
        size, disks = self.clone.size(machine), find_disks(machine)
        if self.answers.place is Place.WHOLE:
            needed = needed_size(size, self._layout)
            return choose_disk(disks, self.answers.disk, needed=needed), None
        needed = needed_room(size, self._layout)
        disk = choose_disk(disks, self.answers.disk, needed=needed, erased=False)
        name = (read_os_release(self.clone.tree) or {}).get("ID", "linux")
        return disk, look_beside(disk, name, needed=needed, place=self.target, machine=machine)

    def _make_own(self, volumes: Volumes, kernels: Sequence[str], machine: Machine) -> None:
        """Make of the copy a system of its own."""
        tree = Tree(self.target, clock=int(time.time()))
        with inhabited(tree, volumes.start, machine):
            machine.note("[4/7] Writing the settings")
            make_swap(volumes, self.target, machine)
            write_settings(tree, self.answers, volumes, machine)
            make_keys(tree, machine)
            machine.note("[5/7] Making the account")
            make_account(tree, self.answers, machine)
            machine.note("[6/7] Making an initramfs for each kernel")
            make_initramfs(tree, kernels, volumes.start, machine)
            machine.note("[7/7] Installing the boot loader")
            if volumes.locked is not None and is_test_machine(machine):
                add_console(tree)
            install_boot_loader(tree, volumes.start, machine)
        if is_test_machine(machine):
            add_report(tree, self.answers, volumes)

    @contextlib.contextmanager
    def _log_kept(self) -> Iterator[None]:
        """Copy the log to the disk after the body, whether it succeeds or not."""
        try:
            yield
        finally:
            with contextlib.suppress(OSError):  # it would hide what went wrong
                real = Tree(self.target).resolve(_KEPT_LOG)
                real.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(self.log, real)
                real.chmod(0o600)
