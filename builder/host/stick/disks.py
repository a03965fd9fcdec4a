"""What the kernel says of a disk: what it is, what is on it, and who uses it.

Sources: the kernel's Documentation/ABI/stable/sysfs-block (sizes are in sectors of 512 bytes,
whatever the disk's own are) and filesystems/proc.rst (mountinfo). Everything is read below a root,
which is another one in tests only.
"""

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from builder.basics.printable import short
from builder.host.stick.guid_table import Span

ROOT: Final = Path("/")
_SECTOR: Final = 512  # bytes
_ON_USB: Final = re.compile(r"/usb[0-9]+/")
_ESCAPED: Final = re.compile(r"\\([0-7]{3})")
_CD: Final = "5"  # SCSI's type of a device, TYPE_ROM
_SD_CARD: Final = "SD"
_LONGEST: Final = 100  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """Something that uses a disk."""

    part: str  # the disk's name, or that of a partition: "sdb1"
    how: str  # "mounted", "swap" or "holder"
    where: str  # the mount point, or the name of the holder: "" for swap


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """A block device as the kernel has it."""

    name: str  # "sdb"
    size: int  # bytes; 0 for a reader without a card
    sector_size: int  # bytes
    whole: str  # the name of the disk that it is a partition of; "" for a disk
    read_only: bool
    removable: bool  # by the kernel's word, on USB, or an SD card
    bus: str  # "USB", "SD", or ""
    is_cd: bool
    model: str
    serial: str
    parts: tuple[tuple[str, Span], ...]
    uses: tuple[Use, ...]


def read_disk(number: tuple[int, int], *, root: Path = ROOT) -> Disk | None:
    """Return what is known of the block device with this major and minor number."""
    folder = root / f"sys/dev/block/{number[0]}:{number[1]}"
    if not folder.exists():
        return None
    folder = folder.resolve()
    parts = tuple(_parts(folder))
    bus = _bus(folder)
    return Disk(
        name=folder.name,
        size=_number(folder / "size") * _SECTOR,
        sector_size=_number(folder / "queue/logical_block_size") or _SECTOR,
        whole=folder.parent.name if (folder / "partition").exists() else "",
        read_only=_number(folder / "ro") != 0,
        removable=_number(folder / "removable") != 0 or bus != "",
        bus=bus,
        is_cd=_text(folder / "device/type") == _CD,
        model=" ".join(filter(None, (_text(folder / "device" / each) for each in _MODEL))),
        serial=_serial(folder, root),
        parts=parts,
        uses=tuple(_uses(folder, tuple(name for name, _span in parts), root)),
    )


_MODEL: Final = ("vendor", "model", "name")


def attached_to(path: Path, *, root: Path = ROOT) -> str:
    """Return the name of the loop device that a file is attached to; "" for none."""
    for entry in sorted((root / "sys/block").glob("loop*/loop/backing_file")):
        if _text(entry).removesuffix(" (deleted)") == os.fspath(path):
            return entry.parent.parent.name
    return ""


def _bus(folder: Path) -> str:
    if _ON_USB.search(folder.as_posix()):
        return "USB"
    return "SD" if _text(folder / "device/type") == _SD_CARD else ""


def _parts(folder: Path) -> Iterator[tuple[str, Span]]:
    found = [each.parent for each in folder.glob("*/partition")]
    for each in sorted(found, key=lambda part: _number(part / "partition")):
        start, size = _number(each / "start"), _number(each / "size")
        yield each.name, Span(start=start * _SECTOR, size=size * _SECTOR)


def _serial(folder: Path, root: Path) -> str:
    """Return the serial number of the nearest device above that has one."""
    top = root.resolve() / "sys"
    for each in (folder / "device", *folder.parents):
        if each == top:
            break
        if serial := _text(each / "serial"):
            return serial
    return ""


def _uses(folder: Path, parts: tuple[str, ...], root: Path) -> Iterator[Use]:
    names = {_text(folder / "dev"): folder.name}
    names |= {_text(folder / part / "dev"): part for part in parts}
    yield from _mounts(names, root)
    for line in _text(root / "proc/swaps", longest=1 << 16).splitlines()[1:]:
        part = line.split()[0].removeprefix("/dev/") if line.split() else ""
        if part in names.values():
            yield Use(part=part, how="swap", where="")
    for part in names.values():
        place = folder if part == folder.name else folder / part
        for holder in sorted((place / "holders").glob("*")):
            shown = _text(root / "sys/block" / holder.name / "dm/name") or holder.name
            yield Use(part=part, how="holder", where=shown)


def _mounts(names: dict[str, str], root: Path) -> Iterator[Use]:
    """Yield the mounts of this disk.

    btrfs and others have device numbers of their own; then the source names the device.
    """
    # Not `splitlines`: the kernel escapes no more than spaces, tabs, backslashes and newlines.
    for line in _text(root / "proc/self/mountinfo", longest=1 << 24).split("\n"):
        fields, _separator, rest = line.partition(" - ")
        words, others = fields.split(" "), rest.split(" ")
        if len(words) < 5 or len(others) < 2:
            continue
        source = others[1].removeprefix("/dev/")
        part = names.get(words[2]) or (source if source in names.values() else "")
        if part:
            yield Use(part=part, how="mounted", where=short(_unescaped(words[4])))


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 8)), text)


def _number(path: Path) -> int:
    text = _text(path)
    return int(text) if text.isdecimal() else 0


def _text(path: Path, *, longest: int = 0) -> str:
    """Return the text of a file of the kernel; "" where there is none."""
    with contextlib.suppress(OSError):
        text = path.read_bytes().decode("utf-8", "replace")
        return text if longest else short(text.strip(), longest=_LONGEST)
    return ""
