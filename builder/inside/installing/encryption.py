"""Encryption of the root: LUKS2, which the initramfs of the system unlocks by a passphrase.

Sources: cryptsetup-luksFormat(8), cryptsetup-open(8), crypttab(5); for what an initramfs needs,
/usr/share/doc/cryptsetup-initramfs/README.initramfs.gz of Debian.
"""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from builder.basics.errors import StepError
from builder.inside.installing.machine import Machine, undone
from builder.inside.tree.tree import Tree

_MEMORY: Final = Path("/proc/meminfo")
_SHARE: Final = 4  # of the machine's memory, as a fraction: an initramfs has to find it free
_LEAST_KIB, _MOST_KIB = 32 << 10, 1 << 20  # what LUKS2 allows at least here, and its own default


def mapping(uuid: str) -> str:
    """Return the name in /dev/mapper of the unlocked partition with this UUID."""
    return f"luks-{uuid}"


@contextlib.contextmanager
def unlocked(partition: str, uuid: str, *, passphrase: str, machine: Machine) -> Iterator[str]:
    """Encrypt a partition, and unlock it while the body runs, which gets the device."""
    key = ["--batch-mode", "--key-file", "-"]
    memory = ["--pbkdf", "argon2id", "--pbkdf-memory", str(_memory_kib(machine))]
    machine.run(
        ["cryptsetup", "luksFormat", "--type", "luks2", *key, *memory, "--uuid", uuid, partition],
        stdin=passphrase,
    )
    # The system's tools look for it there, once udev has seen what is on the partition.
    machine.wait_for(f"/dev/disk/by-uuid/{uuid}")
    name = mapping(uuid)
    machine.run(["cryptsetup", "open", *key, partition, name], stdin=passphrase)
    with undone(machine, ["cryptsetup", "close", name]):
        device = f"/dev/mapper/{name}"
        machine.wait_for(device)
        yield device


def check_unlocking(tree: Tree, image: str, *, uuid: str, machine: Machine) -> None:
    """Raise StepError for an initramfs that does not unlock the partition with this UUID."""
    # Not in /tmp, which is in memory: unpacked, it has some hundred megabytes.
    folder = Path(tempfile.mkdtemp(prefix="initramfs-", dir=tree.resolve("/var")))
    try:
        place = tree.inner(folder)
        machine.run(["unmkinitramfs", image, f"{place}/content"], root=tree.root)
        tables = [each for each in folder.rglob("cryptroot/crypttab") if each.is_file()]
        has_table = any(uuid in each.read_text("utf-8", "replace") for each in tables)
        has_tool = any(each.is_file() for each in folder.rglob("sbin/cryptsetup"))
    finally:
        shutil.rmtree(folder)
    if not (has_table and has_tool):
        raise StepError(
            "The initramfs {image} would not unlock the disk",
            hint="The installed system would not start. See in the log what update-initramfs said.",
            image=image,
        )


def _memory_kib(machine: Machine) -> int:
    """Return how much memory it may take to try a passphrase.

    cryptsetup takes half of this machine's at most, which may be more than an initramfs, unpacked
    in memory, leaves free.
    """
    text = machine.read(_MEMORY).decode("ascii", "replace")
    total = next(
        (line.split()[1] for line in text.splitlines() if line.startswith("MemTotal:")), "0"
    )
    return min(max(int(total) // _SHARE, _LEAST_KIB), _MOST_KIB)
