"""The disks of the source machine: everything that mounts, unlocks or resumes from them."""

import re
from typing import Final

from builder.formats.recipe import LiveSettings
from builder.inside.rules.rule import Rule, Warned, add, expand, lines_of, put_lines
from builder.inside.tree.tree import Tree

_FSTAB: Final = b"""\
# The root of a live system is an overlay that live-boot sets up; it adds its own lines here.
# <file system>  <mount point>  <type>  <options>  <dump>  <pass>
"""

# dracut.cmdline(7), and the kernel's nfsroot.rst and netconsole.rst
_OWN_PARAMETERS: Final = re.compile(
    r"""(?<=[\s"'=])(?:resume|resume_offset|cryptdevice|root|rootflags|rd\.(?:luks|lvm|md|dm|iscsi|zfcp)"""
    r"""\.[\w.]+|ip|ifname|nameserver|hostname|bootdev|BOOTIF|vlan|bridge|bond|nfsroot|nfsaddrs|netroot|"""
    r"""iscsi_\w+|netconsole|systemd\.hostname|systemd\.machine_id)=[^\s"']+\s?"""
)
_INITRAMFS: Final = ("/etc/initramfs-tools/initramfs.conf", "/etc/initramfs-tools/conf.d/*")
_OWN_NETWORK: Final = re.compile(r"\s*(?:export\s+)?(?:IP\d?|DEVICE|NFSROOT)\s*=\s*[^\s#]")

_ARRAYS: Final = ("/etc/mdadm/mdadm.conf", "/etc/mdadm.conf")
_UNITS: Final = "/etc/systemd/system"
# systemd.mount(5): a device, a device by its name, a Windows share, an NFS export
_OWN_DISK: Final = re.compile(r"\s*What\s*=\s*(?:/dev/|(?:PART)?(?:UUID|LABEL)=|//|[^\s/]+:/)")


def _write_fstab(tree: Tree, _live: LiveSettings) -> tuple[Warned, ...]:
    add(tree, "/etc/fstab", _FSTAB)
    return ()


def _drop_mount_units(tree: Tree, _live: LiveSettings) -> tuple[Warned, ...]:
    for path in expand(tree, (f"{_UNITS}/*.mount", f"{_UNITS}/*.swap")):
        if not any(_OWN_DISK.match(line) for line in lines_of(tree, path) or ()):
            continue  # a tmpfs, or a link to a unit of the distribution
        name = path.rpartition("/")[2]
        automatic = f"{name.removesuffix('.mount')}.automount"
        for each in (name, automatic):
            wanted = (f"{_UNITS}/{each}", f"{_UNITS}/*.wants/{each}", f"{_UNITS}/*.requires/{each}")
            for found in expand(tree, wanted):
                tree.remove(found)
    return ()


def _drop_boot_parameters(tree: Tree, _live: LiveSettings) -> tuple[Warned, ...]:
    for path in expand(tree, ("/etc/default/grub", "/etc/default/grub.d/*.cfg")):
        lines = lines_of(tree, path)
        if lines is not None:
            put_lines(tree, path, [_without_own(line) for line in lines])
    for path in expand(tree, _INITRAMFS):
        lines = lines_of(tree, path)
        if lines is not None:
            put_lines(tree, path, [line for line in lines if not _OWN_NETWORK.match(line)])
    return ()


def _without_own(line: str) -> str:
    return _OWN_PARAMETERS.sub("", line) if line.startswith("GRUB_CMDLINE_LINUX") else line


def _drop_arrays(tree: Tree, _live: LiveSettings) -> tuple[Warned, ...]:
    """mdadm.conf(5): a line that starts with whitespace continues the previous one."""
    for path in _ARRAYS:
        lines = lines_of(tree, path)
        if lines is None:
            continue
        dropping, kept = False, list[str]()
        for line in lines:
            if not line.startswith((" ", "\t")):
                dropping = line.upper().startswith("ARRAY")
            kept += [] if dropping else [line]
        put_lines(tree, path, kept)
    return ()


def _reset_initiator(tree: Tree, _live: LiveSettings) -> tuple[Warned, ...]:
    if tree.exists("/etc/iscsi/initiatorname.iscsi"):
        add(tree, "/etc/iscsi/initiatorname.iscsi", b"GenerateName=yes\n", mode=0o600)
    return ()


RULES: Final = (
    Rule(
        name="fstab",
        reason="names missing disks: the boot would wait for them",
        edits=("/etc/fstab",),
        removes=("/etc/fstab.d/*.fstab", "/etc/fstab-", "/etc/fstab~", "/etc/fstab.bak*",
                 "/etc/fstab.old*", "/etc/fstab.orig*", "/etc/fstab.sav*"),
        edit=_write_fstab,
    ),
    Rule(
        name="mount-units",
        reason="like fstab: units of disks and shares, and the links that enable them",
        edits=(f"{_UNITS}/*.mount", f"{_UNITS}/*.swap", f"{_UNITS}/*.automount",
               f"{_UNITS}/*.wants/*", f"{_UNITS}/*.requires/*"),
        edit=_drop_mount_units,
    ),
    Rule(
        name="disk-encryption",
        reason="names the source's encrypted disks, and may contain their keys",
        empties=("/etc/crypttab",),
        removes=("/etc/cryptsetup-keys.d/*", "/etc/cryptsetup-initramfs/*.key",
                 "/etc/keys/*", "/etc/luks-keys/*", "/crypto_keyfile.bin",
                 "/boot/crypto_keyfile.bin"),
    ),
    Rule(
        name="resume-device",
        reason="the boot would wait for the swap space, the disks and the network of the source "
        "machine",
        removes=("/etc/initramfs-tools/conf.d/resume",),
        edits=("/etc/default/grub", "/etc/default/grub.d/*.cfg", *_INITRAMFS),
        edit=_drop_boot_parameters,
    ),
    Rule(
        name="boot-loader-state",
        reason="names the source's disks; the ISO has its own boot menu",
        removes=("/boot/grub/grub.cfg", "/boot/grub/grubenv", "/boot/grub/device.map",
                 "/boot/loader/*", "/etc/kernel/cmdline", "/etc/kernel/entry-token"),
    ),
    Rule(
        name="old-initramfs",
        reason="made for the source machine, and may contain the keys of its disks; every kernel "
        "gets a new one",
        removes=("/boot/initrd.img-*", "/boot/initrd-*", "/boot/initramfs-*"),
    ),
    Rule(
        name="volume-groups",
        reason="descriptions of the source's disks",
        removes=("/etc/lvm/archive/*", "/etc/lvm/backup/*", "/etc/lvm/devices/*",
                 "/etc/zfs/zpool.cache", "/etc/hostid", "/etc/multipath/wwids",
                 "/etc/multipath/bindings", "/etc/nvme/hostid", "/etc/nvme/hostnqn"),
        edits=_ARRAYS,
        edit=_drop_arrays,
    ),
    Rule(
        name="iscsi-initiator",
        reason="the source's name in its storage network; the service makes a new one",
        edits=("/etc/iscsi/initiatorname.iscsi",),
        edit=_reset_initiator,
    ),
    Rule(
        name="hardware-clock",
        reason="the drift of the source machine's clock",
        removes=("/etc/adjtime",),
    ),
    Rule(
        name="device-names",
        reason="names given to the source's own network cards, drives and their states",
        removes=("/etc/udev/rules.d/70-persistent-net.rules",
                 "/etc/udev/rules.d/70-persistent-cd.rules",
                 "/etc/systemd/network/*.link",
                 "/var/lib/systemd/rfkill/*", "/var/lib/systemd/backlight/*",
                 "/var/lib/alsa/asound.state"),
    ),
)  # fmt: skip
