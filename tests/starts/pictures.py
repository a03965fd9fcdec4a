"""Pictures of what people see when they start the demo, kept in `docs/starts/`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.boot.machine import asked
from tests.boot.picture import When
from tests.starts.page import RESULTS
from tests.starts.running import FIRMWARE, SECONDS, Laboratory
from tests.starts.way import Content, Machine
from tests.support.probing import run_module

MENU: Final = ("home",)  # the first entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture of a machine that starts a CD. Without keys, the boot menu is not waited for."""

    name: str
    content: Content
    machine: Machine
    keys: Sequence[str] = MENU
    when: When = When.REST
    text: str = ""  # typed once the live system is up

    @property
    def file(self) -> str:
        """Its name in the folder of pictures."""
        return f"{self.name}.png"


PICTURES: Final = (
    Picture(name="menu-bios", content=Content.PLAIN, machine=Machine.BIOS),
    Picture(name="menu-uefi", content=Content.PLAIN, machine=Machine.UEFI),
    Picture(name="menu-german", content=Content.GERMAN, machine=Machine.UEFI),
    Picture(
        name="safe-graphics",
        content=Content.PLAIN,
        machine=Machine.BIOS,
        keys=("home", "down", "ret"),
        text="cat /proc/cmdline\n",
    ),
    Picture(
        name="to-memory",
        content=Content.PLAIN,
        machine=Machine.UEFI,
        keys=("home", "down", "down", "ret"),
        text="findmnt /run/live/medium\n",
    ),
    Picture(
        name="damaged-medium",
        content=Content.DAMAGED,
        machine=Machine.BIOS,
        keys=("home", "down", "down", "down", "down", "ret"),
    ),
    Picture(
        name="memory-test",
        content=Content.PLAIN,
        machine=Machine.UEFI,
        keys=("home", "down", "down", "down", "down", "down", "ret"),
        when=When.SOON,
    ),
    Picture(
        name="refused-kernel",
        content=Content.UNSIGNED_KERNEL,
        machine=Machine.SECURE,
        keys=("home", "ret"),
    ),
    Picture(name="refused-grub", content=Content.UNSIGNED_GRUB, machine=Machine.SECURE, keys=()),
    Picture(name="refused-medium", content=Content.UNSIGNED, machine=Machine.SECURE, keys=()),
)


def take(picture: Picture, laboratory: Laboratory, folder: Path = RESULTS) -> Path:
    """Take a picture; return its file."""
    media = laboratory.media
    with laboratory.alone():
        medium = media.made(picture.content)
    argument = asked(
        [(medium.name, "cd")],
        firmware=FIRMWARE[picture.machine],
        secure_boot=picture.machine is Machine.SECURE,
        processors=1,
        seconds=SECONDS,
    )
    words = (argument, picture.file, picture.when, picture.text, *picture.keys)
    run_module(
        media.client,
        media.boot_test_image,
        media.folder,
        "tests.boot.picture",
        *words,
        may_write=True,
    )
    taken = media.folder / picture.file
    target = folder / picture.file
    target.write_bytes(taken.read_bytes())
    taken.unlink()
    return target
