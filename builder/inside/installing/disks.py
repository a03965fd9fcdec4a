"""The disks of the machine, and the one that an answer file names.

Sources: lsblk(8) with --json, proc(5) for mountinfo and swaps, sysfs for holders.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from builder.basics.errors import UsageError
from builder.basics.printable import clean
from builder.formats.answers import DiskName
from builder.inside.installing.machine import Machine

_COLUMNS: Final = "PATH,TYPE,SIZE,MODEL,SERIAL,WWN,RO,MAJ:MIN,FSTYPE,LABEL,UUID"
_IDS: Final = Path("/dev/disk/by-id")
_MOUNTS: Final = Path("/proc/1/mountinfo")  # of the live system; our own root hides some
_SWAPS: Final = Path("/proc/swaps")
# Of libblkid's names, those of parts of a whole; a file system on one device is nobody else's.
_MEMBER: Final = re.compile(r"_member$|^(bcache|ceph_bluestore|drbd|oracleasm|stratis|vdo)$")
_MAY_BE_LARGE: Final = ("bcachefs", "btrfs")
_SHARED: Final = "part of something that may be on other disks as well"


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """A disk: its device, what it is called, and by what it is used right now."""

    path: str  # "/dev/sda"
    size: int  # bytes
    model: str = ""
    serial: str = ""
    wwn: str = ""
    ids: tuple[str, ...] = ()  # names in /dev/disk/by-id
    read_only: bool = False
    uses: tuple[str, ...] = ()  # devices on it that are mounted, swapped to, or below others
    contents: tuple[str, ...] = ()  # what is on it: "ext4 home", "crypto_LUKS"
    members: tuple[str, ...] = ()  # kinds on it that other disks may be part of: "LVM2_member"

    def partition(self, number: int) -> str:
        """Return the device of one of its partitions: "/dev/sda1", "/dev/nvme0n1p1"."""
        return f"{self.path}{'p' if self.path[-1].isdigit() else ''}{number}"

    def is_called(self, name: DiskName) -> bool:
        """Whether all of a name is this disk's."""
        return (
            name.serial in (None, self.serial)
            and name.wwn in (None, self.wwn)
            and name.model in (None, self.model)
            and name.size in (None, self.size)
            and name.path in (None, self.path)
            and (name.id is None or name.id in self.ids)
        )

    def __str__(self) -> str:
        """Return it as people are told of it, with what an answer file can name."""
        words = [self.path, self.model, f"{self.size} bytes"]
        words += [f"serial {self.serial}"] if self.serial else []
        words += [f"wwn {self.wwn}"] if self.wwn else []
        words += [f"with {', '.join(self.contents)}"] if self.contents else []
        words += [_SHARED] if self.members else []
        return ", ".join(filter(None, words))


@dataclass(frozen=True, slots=True, kw_only=True)
class InUse:
    """What the running system uses: device numbers ("8:1") and devices ("/dev/sda1")."""

    devices: frozenset[str]
    has_zfs: bool = False  # whose devices the kernel names nowhere
    file_systems: frozenset[str] = frozenset()  # UUIDs of those that may be on several devices

    def names(self, node: Mapping[str, Any]) -> bool:
        """Whether a device of lsblk's is in use."""
        return (
            bool(self.devices & {node.get("maj:min"), node.get("path")})
            or (self.has_zfs and node.get("fstype") == "zfs_member")
            or node.get("uuid") in self.file_systems
        )

    def with_others(self, nodes: Sequence[Mapping[str, Any]]) -> "InUse":
        """Return it with the UUIDs of what is mounted: of a btrfs, only one device is named."""
        found = {
            node["uuid"]
            for node in _all(nodes)
            if node.get("fstype") == "btrfs" and node.get("uuid") and self.names(node)
        }
        return replace(self, file_systems=frozenset(found))


def find_disks(machine: Machine) -> tuple[Disk, ...]:
    """Return the disks of this machine, in the order of their devices."""
    text = machine.run(["lsblk", "--json", "--bytes", "--tree", "--output", _COLUMNS])
    mounts, swaps = (machine.read(each).decode("utf-8", "replace") for each in (_MOUNTS, _SWAPS))
    used = in_use(mounts, swaps)
    return parse_disks(text, used=used, ids=_ids(_IDS))


def in_use(mounts: str, swaps: str) -> InUse:
    """Return what is mounted or swapped to, from mountinfo and swaps."""
    found = set()
    for line in mounts.splitlines():
        fields, _, rest = line.partition(" - ")
        found |= {*fields.split(" ")[2:3], *rest.split(" ")[1:2]}
    found |= {line.split()[0] for line in swaps.splitlines()[1:] if line.split()}
    return InUse(devices=frozenset(found), has_zfs=" - zfs " in mounts)


def parse_disks(text: str, *, used: InUse, ids: Mapping[str, tuple[str, ...]]) -> tuple[Disk, ...]:
    """Return the disks that lsblk lists; `ids` are the names of devices in /dev/disk/by-id."""
    nodes = json.loads(text)["blockdevices"]
    used = used.with_others(nodes)
    several = _on_several(nodes)
    return tuple(
        Disk(
            path=node["path"],
            size=int(node["size"]),
            model=_text(node["model"]),
            serial=_text(node["serial"]),
            wwn=_text(node["wwn"]),
            ids=ids.get(node["path"], ()),
            read_only=bool(node["ro"]),
            uses=tuple(sorted(set(_uses(node, used)))),
            contents=tuple(
                " ".join(filter(None, (_text(each["fstype"]), _text(each.get("label")))))
                for each in _all([node])
                if each.get("fstype")
            ),
            members=tuple(
                sorted(
                    {
                        _text(each["fstype"])
                        for each in _all([node])
                        if _MEMBER.search(each.get("fstype") or "") or each.get("uuid") in several
                    }
                )
            ),
        )
        for node in nodes
        if node["type"] == "disk"
    )


def choose_disk(disks: Sequence[Disk], name: DiskName, *, needed: int, erased: bool = True) -> Disk:
    """Return the one disk that is called so and has `needed` bytes; it may be going to be erased.

    Raises UsageError where there is none or more than one, where it is in use, read-only or too
    small, or holds what it may not: nothing was written then.
    """
    listed = "; ".join(str(each) for each in disks) or "none"
    called = [each for each in disks if each.is_called(name)]
    if not called:
        raise UsageError(
            "No disk of this machine is the one that the answer file names",
            hint="Connect it, or name another one in the answer file. This machine has: {disks}.",
            disks=listed,
        )
    if len(called) > 1:
        raise UsageError(
            "{count} disks of this machine are what the answer file names",
            hint="Name the disk by its serial, wwn or id. This machine has: {disks}.",
            count=len(called),
            disks=listed,
        )
    (disk,) = called
    if disk.read_only:
        raise UsageError(
            "{disk} cannot be written to",
            hint="Some sticks and cards have a switch for that. Otherwise name another disk.",
            disk=disk.path,
        )
    if disk.uses:
        raise UsageError(
            "{disk} is in use: {uses}",
            hint="Nothing was written. If it is the medium of this very system, or still needed, "
            "name another disk. Otherwise release it in the live system: `umount` or `swapoff`, "
            "`vgchange -an` for a volume group, `mdadm --stop` for an array, `cryptsetup close` "
            "for what was unlocked, `zpool export` for a pool.",
            disk=disk.path,
            uses=", ".join(disk.uses),
        )
    missing = [each for each in disk.members if erased and each not in name.holds]
    if missing:
        raise UsageError(
            "{disk} is part of something that may be on other disks as well: {holds}",
            hint="Nothing was written. What is on all of these disks may be lost with this one. If "
            "it is no longer needed, add `holds: {holds}` below `disk:` in the answer file; "
            "otherwise name another disk.",
            disk=disk,
            holds=", ".join(disk.members),
        )
    if disk.size < needed:
        raise UsageError(
            "{disk} has {size} bytes; the system needs {needed}",
            hint="Nothing was written. Name a larger disk, or a smaller swap file.",
            disk=disk.path,
            size=disk.size,
            needed=needed,
        )
    return disk


def _uses(node: Mapping[str, Any], used: InUse) -> Iterator[str]:
    """Yield the devices at and below a node that are in use; whatever is above a partition is."""
    if used.names(node) or node["type"] not in ("disk", "part"):
        yield node["path"]
    for child in node.get("children", ()):
        yield from _uses(child, used)


def _all(nodes: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield devices and all that is above them."""
    for node in nodes:
        yield node
        yield from _all(node.get("children", ()))


def _on_several(nodes: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    """Return the UUIDs of the file systems that are on more than one disk."""
    disks: dict[str, set[str]] = {}
    for node in nodes:
        for each in _all([node]):
            if each.get("fstype") in _MAY_BE_LARGE and each.get("uuid"):
                disks.setdefault(each["uuid"], set()).add(node["path"])
    return frozenset(uuid for uuid, paths in disks.items() if len(paths) > 1)


def _ids(folder: Path) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for link in sorted(folder.iterdir()) if folder.is_dir() else ():
        device = str(link.resolve())
        found[device] = (*found.get(device, ()), link.name)
    return found


def _text(value: str | None) -> str:
    return clean((value or "").strip())
