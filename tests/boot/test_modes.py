"""Live systems that keep what is changed, and that another GRUB starts from a file."""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import docker
import pytest

from builder.border.boot_test import Firmware
from builder.formats.identities import ImageIdentity
from builder.host.build.session import Outcome, build
from builder.host.config.build_config import Overrides, load_config
from builder.host.engine import Engine
from builder.host.image.boot_test_image import ensure_boot_test_image
from tests.boot.machine import asked
from tests.boot.persistence import (
    attached,
    lost,
    make_persistence,
    persistence_on,
    plant_on_stick,
)
from tests.conftest import ignore, report
from tests.support.caches import command
from tests.support.command_line import run
from tests.support.containers import known_as
from tests.support.probing import run_module

pytestmark = [pytest.mark.boot, pytest.mark.full]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A folder whose large files are gone afterwards."""
    yield tmp_path
    for path in tmp_path.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


Drives = Sequence[tuple[str, str]]
Boot = Callable[[Drives, Firmware], dict[str, Any]]


@pytest.fixture
def boot(client: docker.DockerClient, engine: Engine, place: Path) -> Boot:
    """Boots a machine with some drives; returns what `tests/boot/machine.py` tells."""
    image = ensure_boot_test_image(engine, on_event=ignore)

    def booted(drives: Drives, firmware: Firmware) -> dict[str, Any]:
        machine = asked(drives, firmware=firmware)
        output = run_module(client, image, place, "tests.boot.machine", machine, may_write=True)
        told: dict[str, Any] = json.loads(output)
        names = " with ".join(name for name, _where in drives)
        report(f"{names} on {firmware}: {told['seconds']:.0f} s")
        return told

    return booted


@pytest.fixture(scope="module")
def persistent(
    engine: Engine,
    builder_image: ImageIdentity,
    demo_cache: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """An ISO whose default entry keeps what is changed."""
    folder = tmp_path_factory.mktemp("persistent")
    settings = folder / "build.yaml"
    settings.write_text("version: 1\nboot: {entries: [persistence, live], timeout_seconds: 1}\n")
    config = load_config(settings, Overrides(cache_image=demo_cache, output=folder / "iso"))
    outcome = build(config, engine, on_event=ignore)
    return outcome.folder / outcome.iso.name


def test_what_is_changed_survives_a_shutdown_and_a_power_cut(
    persistent: Path, boot: Boot, place: Path
) -> None:
    os.link(persistent, place / "live.iso")
    make_persistence(place / "persistence.img", place / "folder")
    drives = [("live.iso", "cd"), ("persistence.img", "disk")]
    boots = [boot(drives, Firmware.BIOS) for _ in range(3)]
    assert lost(boots) == "", boots[0]["lines"][-20:]


def test_a_stick_with_persistence_keeps_it_on_bios_and_uefi(
    persistent: Path, boot: Boot, place: Path
) -> None:
    stick = place / "stick.img"
    ended = run("stick", persistent, stick, "--size", "8G", "--persistence", "rest")
    assert ended.code == 0, ended.errors
    span = persistence_on(stick)
    assert span.size == ended.data["persistence"] > 6 << 30
    plant_on_stick(stick, place / "mount")
    boots = [
        boot([("stick.img", "stick")], firmware)
        for firmware in (Firmware.BIOS, Firmware.UEFI, Firmware.BIOS)
    ]
    assert lost(boots) == "", boots[0]["lines"][-20:]
    (place / "mount").mkdir()
    with attached(stick, span) as device:
        command("mount", device, place / "mount")  # the kernel replays the journal
        command("umount", place / "mount")
        command("e2fsck", "-f", "-n", device)


def test_another_grub_starts_the_iso_from_a_file(
    client: docker.DockerClient,
    builder_image: ImageIdentity,
    demo_build: Outcome,
    boot: Boot,
    place: Path,
) -> None:
    shutil.copyfile(demo_build.folder / demo_build.iso.name, place / "live.iso")
    run_module(
        client,
        known_as(client, builder_image),
        place,
        "tests.boot.make_grub_stick",
        "live.iso",
        may_write=True,
    )
    assert_up(boot([("grub.iso", "cd"), ("stick.img", "disk")], Firmware.BIOS))


def assert_up(told: dict[str, Any]) -> None:
    """Whether the live system reported that it is as it should be."""
    assert told["sighting"] is not None, told["lines"][-20:]
    assert told["sighting"]["meaning"] == "ok", told["sighting"]
