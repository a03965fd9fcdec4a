"""The entries of the boot menu, chosen by keys, and what the machine then says of itself."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Protocol

import docker
import pytest

from builder.border.boot_test import Firmware
from builder.formats.recipe import BootEntry, BootSettings
from builder.host.build.session import Outcome
from builder.host.engine import Engine
from builder.host.image.boot_test_image import ensure_boot_test_image
from tests.boot.machine import asked
from tests.boot.menu_choice import choice
from tests.conftest import ignore, report
from tests.support.probing import run_module

pytestmark = [pytest.mark.boot, pytest.mark.full]

_COMMAND_LINE: Final = "BOOT_IMAGE="  # as GRUB begins what it gives to a kernel
_ROOT: Final = "sudo -i"  # first, and once: sudo swallows what is typed while a program runs in it
_SAY_COMMAND_LINE: Final = "cp /proc/cmdline /dev/ttyS0"
_SAY_MOUNTS: Final = "cp /proc/mounts /dev/ttyS0"
# Every file of the medium, read again from where it is now.
_READ_MEDIUM: Final = ("cd /run/live/medium", "sha256sum -c sha256sum.txt | tee /dev/ttyS0")
_WHOLE: Final = ("Verification successfull, rebooting",)  # live-boot's spelling
_DAMAGED: Final = (
    "BOOT FAILED!",
    "Verification failed, tty8 for more information",
    "./live/filesystem.squashfs: FAILED",  # on tty8
)
_TESTING: Final = ("Memtest86+ v", "Status: Testing", "Errors: 0")
_SECONDS: Final = 600
_EVERY_FIRMWARE: Final = list(Firmware)
_UEFI: Final = [Firmware.UEFI, Firmware.UEFI32]


class Chosen(Protocol):
    """Chooses an entry; returns what `tests/boot/menu_choice.py` tells."""

    def __call__(
        self, entry: BootEntry, firmware: Firmware, *, medium: str = "live.iso", **wanted: Any
    ) -> dict[str, Any]: ...


@pytest.fixture(scope="module")
def place(demo_build: Outcome, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the demo's ISO."""
    folder = tmp_path_factory.mktemp("menu")
    os.link(demo_build.folder / demo_build.iso.name, folder / "live.iso")
    return folder


@pytest.fixture
def chosen(client: docker.DockerClient, engine: Engine, place: Path) -> Chosen:
    """Starts a machine with a CD, and chooses an entry of its menu."""
    image = ensure_boot_test_image(engine, on_event=ignore)

    def choose(
        entry: BootEntry, firmware: Firmware, *, medium: str = "live.iso", **wanted: Any
    ) -> dict[str, Any]:
        what = choice(BootSettings().entries.index(entry), **wanted)
        machine = asked([(medium, "cd")], firmware=firmware, seconds=_SECONDS)
        words = ("tests.boot.menu_choice", machine, what)
        output = run_module(client, image, place, *words, may_write=True)
        told: dict[str, Any] = json.loads(output)
        report(f"menu entry {entry} on {firmware}: {told['seconds']:.0f} s")
        assert told["failed"] == "", (told["failed"], told["lines"][-20:])
        return told

    return choose


@pytest.fixture(scope="module")
def damaged(client: docker.DockerClient, engine: Engine, place: Path) -> Iterator[str]:
    """The name of a copy with one changed byte in its system."""
    image = ensure_boot_test_image(engine, on_event=ignore)
    words = ("tests.starts.inside.spoil", "damaged", "live.iso", "damaged.iso")
    run_module(client, image, place, *words, may_write=True)
    yield "damaged.iso"
    (place / "damaged.iso").unlink()


def parameters(told: dict[str, Any]) -> list[str]:
    """Return the kernel parameters that a live system was started with, and told of itself."""
    seen = told["sighting"]
    assert seen is not None, told["lines"][-20:]
    assert (seen["meaning"], seen["line"].startswith(_COMMAND_LINE)) == ("ok", True), seen
    words: list[str] = seen["line"].split()
    return words


@pytest.mark.parametrize("firmware", [Firmware.BIOS, Firmware.UEFI])
def test_safe_graphics_starts_without_the_drivers_of_graphics_cards(
    chosen: Chosen, firmware: Firmware
) -> None:
    told = chosen(BootEntry.SAFE, firmware, typed=[_ROOT, _SAY_COMMAND_LINE], until=_COMMAND_LINE)
    assert "nomodeset" in parameters(told)


def test_persistence_without_a_partition_for_it_starts_as_live(chosen: Chosen) -> None:
    lines = [_ROOT, _SAY_MOUNTS, _SAY_COMMAND_LINE]
    told = chosen(BootEntry.PERSISTENCE, Firmware.BIOS, typed=lines, until=_COMMAND_LINE)
    assert "persistence" in parameters(told)
    assert any(" /run/live/medium iso9660 " in line for line in told["lines"])
    assert not any("/run/live/persistence/" in line and " rw," in line for line in told["lines"])


def test_in_memory_the_medium_can_be_taken_out_and_everything_is_there(chosen: Chosen) -> None:
    lines = [_ROOT, *_READ_MEDIUM, _SAY_MOUNTS, _SAY_COMMAND_LINE]
    told = chosen(BootEntry.TORAM, Firmware.UEFI, takes_out=True, typed=lines, until=_COMMAND_LINE)
    assert "toram" in parameters(told)
    assert any(" /run/live/medium tmpfs " in line for line in told["lines"])
    assert not any("iso9660" in line for line in told["lines"])
    read = [line for line in told["lines"] if line.startswith("./")]
    assert "./live/filesystem.squashfs: OK" in read
    # live-boot does not copy hidden folders; nothing needs them once the system runs.
    assert {line.split("/")[1] for line in read if not line.endswith(": OK")} == {".disk"}


@pytest.mark.parametrize("firmware", [Firmware.BIOS, Firmware.UEFI])
def test_the_check_of_a_whole_medium_says_so_and_restarts(
    chosen: Chosen, firmware: Firmware
) -> None:
    told = chosen(BootEntry.CHECK, firmware, shows=_WHOLE, goes_on=True)
    assert told["shown"] == list(_WHOLE)
    assert (told["sighting"], told["exit_code"]) == (None, 0)


@pytest.mark.parametrize("firmware", [Firmware.BIOS, Firmware.UEFI])
def test_the_check_of_a_damaged_medium_says_which_file_it_is(
    chosen: Chosen, damaged: str, firmware: Firmware
) -> None:
    told = chosen(BootEntry.CHECK, firmware, medium=damaged, shows=_DAMAGED)
    assert sorted(told["shown"]) == sorted(_DAMAGED)
    assert told["sighting"] is None


@pytest.mark.parametrize("firmware", _EVERY_FIRMWARE)
def test_the_memory_test_runs(chosen: Chosen, firmware: Firmware) -> None:
    told = chosen(BootEntry.MEMTEST, firmware, shows=_TESTING)
    assert sorted(told["shown"]) == sorted(_TESTING)
    assert told["sighting"] is None


@pytest.mark.parametrize("firmware", _UEFI)
def test_the_settings_of_the_firmware_come_after_a_restart(
    chosen: Chosen, firmware: Firmware
) -> None:
    told = chosen(BootEntry.FIRMWARE, firmware, goes_on=True, setup=True)
    assert told["sighting"] is not None, told["lines"][-20:]
    assert told["sighting"]["meaning"] == "ok"
    assert "Boot Maintenance Manager" in told["sighting"]["line"]
