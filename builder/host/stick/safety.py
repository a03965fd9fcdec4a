"""Whether a disk may be erased: every reason against it, one by one."""

from collections.abc import Sequence
from typing import Final

from builder.basics.errors import BuilderError, HostError, UsageError
from builder.host.stick.disks import Disk, Use
from builder.host.stick.guid_table import SECTOR

# What nobody wants to write over, even where it is removable; the last three are live systems'.
_SYSTEM: Final = frozenset({
    "/", "/boot", "/boot/efi", "/efi", "/usr", "/var", "/home", "/nix",
    "/run/live/medium", "/run/initramfs/live", "/cdrom",
})  # fmt: skip


def check_disk(disk: Disk, *, allow_fixed: bool) -> None:
    """Raise UsageError for what is no stick, HostError for one that cannot be written now."""
    reason = refusal(disk, allow_fixed=allow_fixed)
    if reason is not None:
        raise reason


def refusal(disk: Disk, *, allow_fixed: bool) -> BuilderError | None:
    """Return why this disk is not written to; None where nothing is in the way."""
    return _wrong_kind(disk) or _in_use(disk) or _not_ready(disk) or _fixed(disk, allow=allow_fixed)


def _wrong_kind(disk: Disk) -> BuilderError | None:
    if disk.whole:
        return UsageError(
            "{name} is a partition, and a stick is written as a whole",
            hint="If all of {whole} may be erased, give /dev/{whole}.",
            name=disk.name,
            whole=disk.whole,
        )
    if disk.is_cd:
        return UsageError(
            "{name} is a CD or DVD drive",
            hint="Burn the ISO with a program for discs, or give the device of a USB stick.",
            name=disk.name,
        )
    return None


def _in_use(disk: Disk) -> BuilderError | None:
    mounts = [each for each in disk.uses if each.how == "mounted"]
    system = [each for each in mounts if each.where in _SYSTEM]
    if system:
        return UsageError(
            "The running system is on {name}: {part} is mounted at {where}",
            hint="Look at `lsblk` which disk is the stick.",
            name=disk.name,
            part=system[0].part,
            where=system[0].where,
        )
    if mounts:
        return HostError(
            "{name} is mounted: {mounts}",
            hint="If it is the right disk, unmount it first: `umount {parts}`.",
            name=disk.name,
            mounts=", ".join(f"{each.part} ({each.where})" for each in mounts),
            parts=" ".join(f"/dev/{each}" for each in _parts(mounts)),
        )
    if swaps := [each for each in disk.uses if each.how == "swap"]:
        return HostError(
            "The system swaps to {part}, which is on {name}",
            hint="If it is the right disk, switch that off first: `swapoff /dev/{part}`.",
            name=disk.name,
            part=swaps[0].part,
        )
    if holders := [each for each in disk.uses if each.how == "holder"]:
        return HostError(
            "{part}, which is on {name}, is part of {holder}: LUKS, LVM, RAID or the like",
            hint="If it is the right disk, close that first (cryptsetup close, vgchange -an, "
            "mdadm --stop).",
            name=disk.name,
            part=holders[0].part,
            holder=holders[0].where,
        )
    return None


def _parts(uses: Sequence[Use]) -> list[str]:
    return list(dict.fromkeys(each.part for each in uses))


def _not_ready(disk: Disk) -> BuilderError | None:
    if disk.size == 0:
        return HostError(
            "There is no medium in {name}",
            hint="Put one in, or give another device; `lsblk` shows which ones there are.",
            name=disk.name,
        )
    if disk.read_only:
        return HostError(
            "{name} is write-protected",
            hint="Some sticks and cards have a switch for that. Without one, it is worn out: "
            "take another.",
            name=disk.name,
        )
    if disk.sector_size != SECTOR:
        return UsageError(
            "{name} has sectors of {size} bytes, and ISOs start only from disks with 512",
            hint="Take another stick.",
            name=disk.name,
            size=disk.sector_size,
        )
    return None


def _fixed(disk: Disk, *, allow: bool) -> BuilderError | None:
    if disk.removable or allow:
        return None
    return UsageError(
        "{name} is a fixed disk: the kernel calls it neither removable, nor is it on USB",
        hint="Look at `lsblk` which disk is the stick. If you mean this one, add "
        "--allow-fixed-disk.",
        name=disk.name,
    )
