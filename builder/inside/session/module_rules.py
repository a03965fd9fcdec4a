"""A live system may load whatever its medium and its root need, whatever the system forbids itself.

Hardening guides have squashfs, overlay or usb-storage switched off, and machines have settings for
their own disks: modprobe.d(5). Such lines are left out of the live layer's copy of their file; all
others stay.
"""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Final

from builder.basics.printable import clean
from builder.formats.recipe import LiveSettings
from builder.inside.rules.rule import Rule, Warned, put_lines
from builder.inside.tree.tree import Tree

_FOLDERS: Final = (
    "/etc/modprobe.d", "/usr/local/lib/modprobe.d", "/usr/lib/modprobe.d", "/lib/modprobe.d",
)  # fmt: skip
_LARGEST: Final = 1 << 20  # bytes of a file
_SHOWN: Final = 300  # characters of a message

# File systems: of the medium, of a stick with the ISO in a file, and of the root.
_FILE_SYSTEMS: Final = (
    "btrfs", "exfat", "ext2", "ext3", "ext4", "fat", "fuse", "iso9660", "isofs", "msdos", "ntfs3",
    "overlay", "squashfs", "tmpfs", "udf", "vfat", "xfs",
)  # fmt: skip
# By kmod's names: `-` is `_`. What they depend on is loaded without regard to most of these rules.
_MODULES: Final = (
    *_FILE_SYSTEMS,
    "ahci", "ata_generic", "ata_piix", "cdrom", "crc32c", "crc32c_generic", "crc32c_intel",
    "dm_mod", "dm_verity", "efivarfs", "ehci_hcd", "ehci_pci", "hid", "hid_generic", "hv_storvsc",
    "hv_vmbus", "jbd2", "libahci", "libata", "libcrc32c", "loop", "mbcache", "mmc_block",
    "mmc_core", "mptbase", "mptspi", "nls_ascii", "nls_cp437", "nls_iso8859_1", "nls_utf8", "nvme",
    "nvme_core", "ohci_hcd", "ohci_pci", "pata_acpi", "scsi_common", "scsi_mod", "sd_mod", "sdhci",
    "sdhci_acpi", "sdhci_pci", "sg", "sr_mod", "uas", "uhci_hcd", "usb_common", "usb_storage",
    "usbcore", "usbhid", "virtio", "virtio_blk", "virtio_mmio", "virtio_net", "virtio_pci",
    "virtio_ring", "virtio_scsi", "vmd", "vmw_pvscsi", "xhci_hcd", "xhci_pci", "zstd_decompress",
)  # fmt: skip
_NAMES: Final = frozenset((*_MODULES, *(f"fs_{name}" for name in _FILE_SYSTEMS)))
# These take devices away from the drivers that a medium needs.
_TAKERS: Final = frozenset(("vfio_pci", "pci_stub", "xen_pciback"))
_NOTHING: Final = ("off", "null", "none")


def allow(tree: Tree, _live: LiveSettings) -> tuple[Warned, ...]:
    """Take such lines out of every file; return those that were, to be told."""
    told: list[Warned] = []
    seen: set[str] = set()
    for folder in _FOLDERS:
        for path in tree.glob(folder, "*.conf"):
            real = tree.inner(tree.resolve(path))
            if tree.is_file(path) and real not in seen:
                seen.add(real)
                told += _allow_in(tree, path)
    return tuple(told)


def _allow_in(tree: Tree, path: str) -> Iterator[Warned]:
    content = tree.read_bytes(path, limit=_LARGEST).decode("utf-8", errors="surrogateescape")
    lines = _logical_lines(content)
    dropped = [line for line in lines if is_in_the_way(line)]
    if dropped:
        put_lines(tree, path, [line for line in lines if not is_in_the_way(line)])
        shown = "; ".join(" ".join(clean(line.replace("\\\n", " ")).split()) for line in dropped)
        yield Warned(
            message="The live system may need modules that {path} switches off or changes, so it "
            "does without these lines: {lines}",
            values=(("path", path), ("lines", shown[:_SHOWN])),
        )


def is_in_the_way(line: str) -> bool:
    """Whether a line of modprobe.d, with its continuations, may keep a live system from starting.

    Commands may do anything, so no such line of a needed module is taken.
    """
    match line.replace("\\\n", "").split():
        case ["blacklist", name, *_]:
            return _plain(name) in _MODULES
        case ["install", pattern, *_]:
            return _names_needed(pattern)
        case ["softdep", pattern, *others]:  # one that cannot be loaded does no harm
            return _names_needed(pattern) and any(_plain(name) in _TAKERS for name in others)
        case ["options", pattern, *_]:
            return _names_needed(pattern) or _plain(pattern) in _TAKERS
        case ["alias", pattern, target, *_]:
            of_a_device = ":" in pattern and target in _NOTHING
            return of_a_device or (_names_needed(pattern) and _plain(target) not in _MODULES)
        case _:
            return False


def _names_needed(pattern: str) -> bool:
    plain = _plain(pattern)
    return any(fnmatchcase(name, plain) for name in _NAMES)


def _plain(name: str) -> str:
    return name.replace("-", "_")


def _logical_lines(content: str) -> list[str]:
    """Return the lines with their ends; one that ends with a backslash goes on in the next."""
    lines: list[str] = []
    for line in re.findall(r"[^\n]*\n|[^\n]+", content):
        if lines and lines[-1].endswith("\\\n"):
            lines[-1] += line
        else:
            lines.append(line)
    return lines


RULES: Final = (
    Rule(
        name="live-modules",
        reason="a live system may load the modules that its medium and its root need, whatever "
        "modprobe.d says",
        edits=tuple(f"{folder}/*.conf" for folder in _FOLDERS),
        edit=allow,
    ),
)
