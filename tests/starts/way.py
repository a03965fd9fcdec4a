"""What a start path is: data, from which `tests/starts/running.py` makes machines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final


class Machine(StrEnum):
    """The firmware of a machine, and whether it enforces Secure Boot."""

    BIOS = "bios"
    UEFI = "uefi"
    SECURE = "secure"  # UEFI that enforces it, with Microsoft's keys
    UEFI32 = "uefi32"


ALL = tuple(Machine)


class Content(StrEnum):
    """What is on a drive."""

    PLAIN = "plain.iso"  # the demo, as it is built by default
    OTHER = "other.iso"  # the demo with another live user
    KEPT = "kept.iso"  # its default entry keeps what is changed
    GERMAN = "german.iso"  # the demo in another language
    LARGE = "large.iso"  # more than 4 GiB in one file
    UNSIGNED = "unsigned.iso"  # built from a system whose kernels have no signature
    STICK = "stick.img"  # `PLAIN`, by the command `stick`
    STICK_KEPT = "stick-kept.img"  # `KEPT`, by `stick --persistence`; it counts boots
    GRUB_STICK = "grub-stick.img"  # with another GRUB, and `PLAIN` as a file
    COPIED_MBR = "copied-mbr.img"  # the files of `PLAIN` on a FAT32, with a partition table of a PC
    COPIED_GPT = "copied-gpt.img"  # the same with a GPT
    UNSIGNED_KERNEL = "unsigned-kernel.iso"  # `PLAIN` without its kernels' signatures
    CHANGED_KERNEL = "changed-kernel.iso"
    UNSIGNED_GRUB = "unsigned-grub.iso"
    DAMAGED = "damaged.iso"  # `PLAIN` with a changed byte in its system
    PERSISTENCE = "persistence.img"  # a partition that keeps changes, and counts boots


class Place(StrEnum):
    """How a drive is attached."""

    CD = "cd"
    USB = "usb"
    STICK = "stick"  # a USB stick that the live system writes to
    DISK = "disk"  # one that it writes to


WRITTEN: Final = (Place.STICK, Place.DISK)  # here each machine has a file of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Drive:
    """A drive of a machine."""

    content: Content
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A start path. The firmware starts the first drive."""

    name: str
    title: str  # for docs/booting.md
    drives: Sequence[Drive]
    machines: Sequence[Machine] = ALL
    user: str = "user"  # of the live system that must come up
    # On these machines it must not come up, and one of the words is said instead.
    refused: Mapping[Machine, Sequence[str]] = field(default_factory=dict)
    boots: int = 1  # one after the other, with the same drives
    impossible: str = ""  # of the other machines: why


def cd(content: Content) -> Drive:
    """Return a CD."""
    return Drive(content=content, place=Place.CD)


def usb(content: Content) -> Drive:
    """Return a USB stick."""
    return Drive(content=content, place=Place.USB)
