"""The system that is copied: its image on the medium, and what has to be known of it before."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from builder.basics.errors import StepError, UsageError
from builder.formats.answers import FileSystem
from builder.inside.debian.kernel_modules import can_load
from builder.inside.debian.kernels import find_kernels
from builder.inside.installing.faults import copying_fault, medium_fault
from builder.inside.installing.machine import Machine
from builder.inside.medium.identity import SHA256_SUMS
from builder.inside.tree.tree import Tree

_PROBLEM_OF_TOOLS: Final = "The system cannot make an initramfs: it has neither {tools}"
INITRAMFS_TOOLS: Final = "/usr/sbin/update-initramfs"
DRACUT: Final = "/usr/bin/dracut"
MENU_MAKER: Final = "/usr/sbin/update-grub"
# The first one's hook unlocks. Of GRUB no particular package: each of them has this.
_FOR_ENCRYPTION: Final = (
    (INITRAMFS_TOOLS, "initramfs-tools"),
    ("/usr/share/initramfs-tools/hooks/cryptroot", "cryptsetup-initramfs"),
    ("/sbin/cryptsetup", "cryptsetup-bin"),
    (MENU_MAKER, "grub-efi-amd64"),
)
# What checks and repairs a file system, and the package that has it.
_REPAIRS: Final = {
    FileSystem.EXT4: ("/sbin/fsck.ext4", "e2fsprogs"),
    FileSystem.BTRFS: ("/bin/btrfs", "btrfs-progs"),
    FileSystem.XFS: ("/sbin/xfs_repair", "xfsprogs"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Clone:
    """A system: its squashfs, and the same mounted, as live-boot has it."""

    image: Path
    root: Path

    @property
    def tree(self) -> Tree:
        """Its files, to read."""
        return Tree(self.root)

    @property
    def kernels(self) -> tuple[str, ...]:
        """The versions of its kernels that have an image and modules, newest first."""
        found = find_kernels(self.tree)
        return tuple(each for each in found.images if each in found.modules)

    @property
    def has_home(self) -> bool:
        """Whether /home is a folder of its own, and no link."""
        return self.tree.is_dir("/home") and self.tree.link_target("/home") is None

    def size(self, machine: Machine) -> int:
        """Return how many bytes its files take on a disk. Raises StepError for a pulled medium."""
        command = ["du", "--summarize", "--block-size=1", "--one-file-system", str(self.root)]
        try:
            words = machine.run(command)
        except StepError as error:
            raise medium_fault() from error
        return int(words.split()[0])

    def check(self) -> None:
        """Raise UsageError where it cannot be installed."""
        tree = self.tree
        if not self.kernels:
            raise UsageError(
                "The system has no kernel that a disk could start",
                hint="Install a kernel in the source system, then build the ISO again.",
            )
        if tree.link_target("/boot") is not None:
            raise UsageError(
                "/boot of the system is a link; it has to be a folder",
                hint="Make it one in the source system, then build the ISO again.",
            )
        if not any(map(tree.is_file, (INITRAMFS_TOOLS, DRACUT))):
            raise UsageError(
                _PROBLEM_OF_TOOLS,
                hint="Install initramfs-tools in the source system, then build the ISO again.",
                tools="initramfs-tools nor dracut",
            )

    def check_image(self, machine: Machine) -> None:
        """Raise StepError where the image is not what was built: nothing in it would tell."""
        medium = self.image.parent.parent
        try:
            lines = (medium / SHA256_SUMS).read_text("utf-8").splitlines()
        except OSError:
            lines = []
        words = [line.split() for line in lines]
        name = f"./{self.image.relative_to(medium)}"
        wanted = next((each[0] for each in words if each[1:] == [name]), None)
        if wanted is None:
            machine.note("The medium has no sum of the system, so the copy is not compared with it")
            return
        try:
            said = machine.run(["sha256sum", str(self.image)])
        except StepError as error:
            raise medium_fault() from error
        if said.split()[:1] != [wanted]:
            raise medium_fault()

    def check_file_system(self, kind: FileSystem) -> None:
        """Raise UsageError where one of its kernels could not mount such a root."""
        if kind is not FileSystem.EXT4:  # which no kernel of a distribution lacks
            self._check_module(kind.value, kind.value)

    def check_encryption(self) -> None:
        """Raise UsageError where it could not be started from an encrypted root."""
        tree = self.tree
        for path, package in _FOR_ENCRYPTION:
            if not tree.is_file(path):
                raise UsageError(
                    "The system cannot be encrypted: it lacks {package}",
                    hint="Install {package} in the source system, or build the ISO with "
                    "`--install {package}`. Or install without encryption.",
                    package=package,
                )
        self._check_module("dm_crypt", "LUKS")

    def _check_module(self, name: str, kind: str) -> None:
        for kernel in self.kernels:
            if not can_load(self.tree, kernel, name):
                raise UsageError(
                    "The kernel {kernel} of the system cannot open {kind}: it lacks {module}",
                    hint="Choose another file system, without encryption.",
                    kernel=kernel,
                    kind=kind,
                    module=name,
                )

    def missing_repair(self, kind: FileSystem) -> str | None:
        """Return the package without which it cannot repair such a root; None if it has it."""
        program, package = _REPAIRS[kind]
        return None if self.tree.is_file(program) else package

    def check_name(self, user: str) -> None:
        """Raise UsageError where it has such a user or group already."""
        for path in ("/etc/passwd", "/etc/group"):
            text = self.tree.read_text(path)
            if any(line.startswith(f"{user}:") for line in text.split("\n")):
                raise UsageError(
                    'The user cannot be called "{user}": {path} of the system has that name',
                    hint="Choose another name.",
                    user=user,
                    path=path,
                )


def unpack(clone: Clone, target: Path, machine: Machine) -> None:
    """Copy the system to the empty file systems at `target`, with all that the image keeps."""
    try:
        machine.run(["unsquashfs", "-f", "-n", "-q", "-d", str(target), str(clone.image)])
    except StepError as error:
        raise copying_fault(error) from error
