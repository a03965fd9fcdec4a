"""A small ISO that starts from sticks, and a kernel of files that knows some disks."""

import functools
import hashlib
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

ISO_SIZE = 7_706_624  # bytes: 15052 sectors
DISK_GUID = bytes.fromhex("67452301ab89ef4d8123456789abcdef")
# What xorriso 1.5.4 wrote for the options of the iso step: sectors 0 (from 446), 1, and 2.
_MBR = """
00000200ee160c0701000000cb3a0000 80000100000001000000000001000000
00000000000000000000000000000000 00000000000000000000000000000000
55aa
"""
_HEADER = """
4546492050415254000001005c000000e6a962fe000000000100000000000000
cb3a00000000000040000000000000008c3a00000000000067452301ab89ef4d
8123456789abcdef0200000000000000f800000080000000289bfc81
"""
_ENTRIES = """
a2a0d0ebe5b9334487c068b6b72699c767452301ab89ef4d8122456789abcdef
400000000000000033180000000000000100000000000010490053004f003900
3600360030000000000000000000000000000000000000000000000000000000
0000000000000000000000000000000000000000000000000000000000000000
28732ac11ff8d211ba4b00a0c93ec93b67452301ab89ef4d8121456789abcdef
3418000000000000333800000000000000000000000000004100700070006500
6e00640065006400320000000000000000000000000000000000000000000000
0000000000000000000000000000000000000000000000000000000000000000
a2a0d0ebe5b9334487c068b6b72699c767452301ab89ef4d8120456789abcdef
34380000000000008b3a00000000000001000000000000104700610070003100
0000000000000000000000000000000000000000000000000000000000000000
0000000000000000000000000000000000000000000000000000000000000000
"""
_DESCRIPTOR = 32768


def iso_bytes(*, preparer: str = "DISTROCLONE-BUILDER 0.1", table: bool = True) -> bytes:
    """Return an ISO with boot code, a GPT and a descriptor; the rest is noise."""
    content = bytearray(_noise())
    content[446:512] = bytes.fromhex(_MBR)
    content[512:_DESCRIPTOR] = bytes(_DESCRIPTOR - 512)
    if table:
        header, entries = bytes.fromhex(_HEADER), bytes.fromhex(_ENTRIES)
        content[512 : 512 + len(header)] = header
        content[1024 : 1024 + len(entries)] = entries
    descriptor = bytearray(b" " * 2048)
    descriptor[:7] = b"\x01CD001\x01"
    descriptor[40:72] = b"DEMO".ljust(32)
    descriptor[80:84] = (ISO_SIZE // 2048).to_bytes(4, "little")
    descriptor[446:574] = preparer.encode().ljust(128)
    descriptor[830:847] = b"2026010112345600\0"
    for at in (_DESCRIPTOR, 2 * _DESCRIPTOR):  # partition 1 begins 32 KiB behind the ISO
        content[at : at + 2048] = descriptor
    return bytes(content)


def patched(content: bytes, at: int, new: bytes) -> bytes:
    """Return `content` with other bytes at one place."""
    return content[:at] + new + content[at + len(new) :]


@functools.cache
def _noise() -> bytes:
    return random.Random(13).randbytes(ISO_SIZE)  # noqa: S311 - no secret


def make_iso(folder: Path, content: bytes | None = None, *, sums: bool = True) -> Path:
    """Write the ISO, and SHA256SUMS beside it."""
    path = folder / "Demo-1.iso"
    content = iso_bytes() if content is None else content
    path.write_bytes(content)
    if sums:
        digest = hashlib.sha256(content).hexdigest()
        (folder / "SHA256SUMS").write_text(f"{digest}  {path.name}\n")
    return path


class FakeKernel:
    """Folders like /sys and /proc."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "sys/dev/block").mkdir(parents=True)
        (root / "sys/block").mkdir(parents=True)
        (root / "proc/self").mkdir(parents=True)
        self.mounts: list[str] = []
        self.tell_mounts()
        (root / "proc/swaps").write_text("Filename\tType\tSize\tUsed\tPriority\n")

    def add(
        self,
        name: str,
        *,
        number: str = "8:16",
        above: str = "pci0000:00/usb1/1-2/1-2:1.0/host0/target0:0:0/0:0:0:0",
        sectors: int = 1 << 20,
        files: Mapping[str, str] | None = None,
        parts: Sequence[tuple[int, int, int]] = (),
    ) -> Path:
        """Add a disk: `parts` are the number, first sector and sectors of each partition."""
        folder = self.root / "sys/devices" / above / "block" / name
        folder.mkdir(parents=True)
        given = {
            "dev": number, "size": str(sectors), "ro": "0", "removable": "1",
            "queue/logical_block_size": "512", **(files or {}),
        }  # fmt: skip
        for key, text in given.items():
            self.write(folder / key, text)
        (self.root / f"sys/dev/block/{number}").symlink_to(folder)
        (self.root / "sys/block" / name).symlink_to(folder)
        major, minor = number.split(":")
        for position, start, size in parts:
            part = folder / f"{name}{position}"
            own = f"{major}:{int(minor) + position}"
            facts = {"partition": position, "start": start, "size": size, "dev": own}
            for key, value in facts.items():
                self.write(part / key, str(value))
            (self.root / f"sys/dev/block/{own}").symlink_to(part)
        return folder

    def write(self, path: Path, text: str) -> None:
        """Write one file of the kernel."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")

    def mount(
        self, number: str, where: str, *, source: str = "/dev/sdx1", kind: str = "ext4"
    ) -> None:
        """Mount something."""
        self.mounts.append(f"36 35 {number} / {where} rw,noatime shared:1 - {kind} {source} rw")
        self.tell_mounts()

    def tell_mounts(self) -> None:
        """Write the table of mounts."""
        lines = ["22 27 0:21 / /proc rw,relatime - proc proc rw", *self.mounts]
        (self.root / "proc/self/mountinfo").write_text("".join(f"{line}\n" for line in lines))
