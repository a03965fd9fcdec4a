"""The start paths that are tried."""

from typing import Final

from builder.inside.boot_test.serial_console import BAD_KERNEL, BAD_LOADER
from tests.starts.way import Content, Drive, Machine, Place, Way, cd, usb

_NO_BOOT_CODE: Final = "a BIOS starts boot code, which is not copied with the files"
_BOTH: Final = (Machine.BIOS, Machine.UEFI)
_SECURE: Final = (Machine.SECURE,)
_KERNEL: Final = {Machine.SECURE: tuple(sign.text for sign in BAD_KERNEL)}

WAYS: Final = (
    Way(name="cd", title="CD", drives=(cd(Content.PLAIN),)),
    Way(name="stick", title="USB stick written with dd", drives=(usb(Content.PLAIN),)),
    Way(
        name="stick-command",
        title="USB stick of 2 GiB written by `stick`",
        drives=(usb(Content.STICK),),
    ),
    Way(
        name="stick-persistence",
        title="the same with `--persistence`: shut down once, power cut twice, nothing lost",
        drives=(Drive(content=Content.STICK_KEPT, place=Place.STICK),),
        machines=_BOTH,
        boots=3,
    ),
    Way(
        name="file",
        title="file on a FAT32 stick with another GRUB, by its `loopback.cfg`",
        drives=(usb(Content.GRUB_STICK),),
    ),
    Way(
        name="copied-mbr",
        title="files copied onto a FAT32 stick, partition table of a PC (MBR)",
        drives=(usb(Content.COPIED_MBR),),
        machines=(Machine.UEFI, Machine.SECURE, Machine.UEFI32),
        impossible=_NO_BOOT_CODE,
    ),
    Way(
        name="copied-gpt",
        title="files copied onto a FAT32 stick, GPT",
        drives=(usb(Content.COPIED_GPT),),
        machines=(Machine.UEFI, Machine.SECURE, Machine.UEFI32),
        impossible=_NO_BOOT_CODE,
    ),
    Way(
        name="two-sticks",
        title="two sticks with different ISOs: the one that the firmware starts",
        drives=(usb(Content.OTHER), usb(Content.PLAIN)),
        user="other",
    ),
    Way(
        name="stick-and-cd",
        title="a stick and a CD with different ISOs: the stick, which the firmware starts",
        drives=(usb(Content.PLAIN), cd(Content.OTHER)),
    ),
    Way(
        name="cd-and-stick",
        title="the same, where the firmware starts the CD",
        drives=(cd(Content.OTHER), usb(Content.PLAIN)),
        user="other",
    ),
    Way(
        name="large-cd",
        title="CD, ISO with a file over 4 GiB",
        drives=(cd(Content.LARGE),),
        machines=_BOTH,
    ),
    Way(
        name="large-stick",
        title="USB stick, ISO with a file over 4 GiB",
        drives=(usb(Content.LARGE),),
        machines=_BOTH,
    ),
    Way(
        name="persistence",
        title="CD with persistence: shut down once, power cut twice, nothing lost",
        drives=(cd(Content.KEPT), Drive(content=Content.PERSISTENCE, place=Place.DISK)),
        machines=_BOTH,
        boots=3,
    ),
    Way(
        name="unsigned",
        title="CD, ISO of a system whose kernel nobody signed",
        drives=(cd(Content.UNSIGNED),),
        refused={Machine.SECURE: ("Access Denied",)},  # by the firmware: no loader is signed
    ),
    Way(
        name="unsigned-kernel",
        title="CD, signed loaders, and a kernel whose signature was taken away",
        drives=(cd(Content.UNSIGNED_KERNEL),),
        machines=_SECURE,
        refused=_KERNEL,
    ),
    Way(
        name="changed-kernel",
        title="CD, a kernel of which one byte was changed",
        drives=(cd(Content.CHANGED_KERNEL),),
        machines=_SECURE,
        refused=_KERNEL,
    ),
    Way(
        name="unsigned-grub",
        title="CD, a GRUB without its signature",
        drives=(cd(Content.UNSIGNED_GRUB),),
        machines=_SECURE,
        refused={Machine.SECURE: (BAD_LOADER.text,)},
    ),
)
