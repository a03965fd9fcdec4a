"""The system that is copied: its image on the medium, and what has to be known of it before."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from builder.basics.errors import UsageError
from builder.inside.debian.kernels import find_kernels
from builder.inside.installing.machine import Machine
from builder.inside.tree.tree import Tree

_PROBLEM_OF_TOOLS: Final = "The system cannot make an initramfs: it has neither {tools}"
INITRAMFS_TOOLS: Final = "/usr/sbin/update-initramfs"
DRACUT: Final = "/usr/bin/dracut"


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

    def size(self, machine: Machine) -> int:
        """Return how many bytes its files take on a disk."""
        words = machine.run(
            ["du", "--summarize", "--block-size=1", "--one-file-system", str(self.root)]
        )
        return int(words.split()[0])

    def check(self) -> None:
        """Raise UsageError where it cannot be installed."""
        tree = self.tree
        if not self.kernels:
            raise UsageError("The system has no kernel that a disk could start")
        if not any(map(tree.is_file, (INITRAMFS_TOOLS, DRACUT))):
            raise UsageError(
                _PROBLEM_OF_TOOLS,
                hint="Install initramfs-tools in the source system, then build the ISO again.",
                tools="initramfs-tools nor dracut",
            )

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
    """Copy the system to the empty file system at `target`, with all that the image keeps."""
    machine.run(["unsquashfs", "-f", "-n", "-q", "-d", str(target), str(clone.image)])
