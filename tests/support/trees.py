"""Tiny root filesystem trees and caches, just enough of a system to be admitted."""

import os
from pathlib import Path

KERNEL = "6.12.48+deb13-amd64"
PACKAGES = ("dpkg", "libc6", "systemd")
# A start of a kernel's image: the x86 boot protocol, with a 64-bit entry point.
IMAGE = bytes(0x202) + b"HdrS" + bytes(0x30) + b"\x7f\x00" + b"kernel"
MODULES = (
    "fs/squashfs/squashfs", "fs/overlayfs/overlay", "fs/isofs/isofs", "drivers/block/loop",
    "drivers/scsi/sr_mod", "drivers/scsi/sd_mod", "drivers/usb/storage/usb-storage",
)  # fmt: skip
ELF_AMD64 = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\x00\x3e\x00" + bytes(44)
ELF_ARM64 = ELF_AMD64[:18] + b"\xb7\x00" + ELF_AMD64[20:]
OS_RELEASE = """\
PRETTY_NAME="Debian GNU/Linux 13 (trixie)"
NAME="Debian GNU/Linux"
VERSION_ID="13"
ID=debian
"""
META = 'META_DATE="2026-06-17 14:30:05"\nMETA_DISTRO="SysLinuxOS"\nMETA_SIZE="8.2G"\n'


def put(root: Path, path: str, content: bytes | str = b"") -> Path:
    """Write one file below `root`, its parents included."""
    place = root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content.encode() if isinstance(content, str) else content)
    return place


def status(packages: tuple[str, ...] = PACKAGES, architecture: str = "amd64") -> str:
    """Return a var/lib/dpkg/status with `packages` installed."""
    return "\n".join(
        f"Package: {name}\nStatus: install ok installed\nArchitecture: {architecture}\n"
        f"Description: words\n Status: this line is text\n"
        for name in packages
    )


def make_system(root: Path) -> Path:
    """Make a complete tiny system at `root`, with /bin and /lib merged into /usr."""
    root.mkdir(parents=True, exist_ok=True)
    put(root, "usr/bin/dash", ELF_AMD64)
    (root / "usr/bin/sh").symlink_to("dash")
    (root / "bin").symlink_to("usr/bin")
    (root / "lib").symlink_to("usr/lib")
    put(root, "usr/sbin/modprobe", ELF_AMD64)
    put(root, "usr/lib/systemd/systemd-udevd", ELF_AMD64)
    put(root, "usr/lib/systemd/systemd", ELF_AMD64)
    (root / "usr/sbin/init").symlink_to("/lib/systemd/systemd")
    (root / "sbin").symlink_to("usr/sbin")
    put(root, "usr/lib/os-release", OS_RELEASE)
    (root / "etc").mkdir()
    (root / "etc/os-release").symlink_to("../usr/lib/os-release")
    make_kernel(root, KERNEL)
    put(root, "var/lib/dpkg/status", status())
    return root


def make_kernel(root: Path, version: str, *, modules: tuple[str, ...] = MODULES) -> None:
    """Add a kernel with `modules`, which lie as Debian 13 has them."""
    put(root, f"boot/vmlinuz-{version}", IMAGE)
    folder = f"usr/lib/modules/{version}"
    for module in modules:
        put(root, f"{folder}/kernel/{module}.ko.xz", "module")
    put(root, f"{folder}/modules.dep", "".join(f"kernel/{each}.ko.xz:\n" for each in modules))


def make_cache(base: Path) -> Path:
    """Make a plain-directory cache at `base`."""
    make_system(base / ".rootfs_cache")
    put(base, ".backup_meta", META)
    return base


def too_long(root: Path) -> None:
    """Make directories below `root` whose paths no system call takes, for want of length."""
    here = os.open(root, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("d" * 250, dir_fd=here)
        below = os.open("d" * 250, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
