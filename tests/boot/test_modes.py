"""Live systems that keep what is changed, and that another GRUB starts from a file."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from builder.formats.identities import ImageIdentity
from builder.host.build.session import Outcome, build
from builder.host.config.build_config import Overrides, load_config
from builder.host.engine import Engine
from builder.host.image.boot_test_image import ensure_boot_test_image
from tests.boot.machine import asked
from tests.boot.persistence import lost, make_persistence
from tests.conftest import ignore, report
from tests.support.containers import known_as
from tests.support.probing import run_module

pytestmark = [pytest.mark.boot, pytest.mark.full]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A folder whose large files are gone afterwards."""
    yield tmp_path
    for path in tmp_path.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


Boot = Callable[[str, str], dict[str, Any]]


@pytest.fixture
def boot(client: docker.DockerClient, engine: Engine, place: Path) -> Boot:
    """Boots the CD and the disk of two names; returns what `tests/boot/machine.py` tells."""
    image = ensure_boot_test_image(engine, on_event=ignore)

    def booted(cd: str, disk: str) -> dict[str, Any]:
        machine = asked([(cd, "cd"), (disk, "disk")])
        output = run_module(client, image, place, "tests.boot.machine", machine, may_write=True)
        told: dict[str, Any] = json.loads(output)
        report(f"{cd} with {disk}: {told['seconds']:.0f} s")
        return told

    return booted


@pytest.fixture
def persistent(engine: Engine, builder_image: ImageIdentity, demo_cache: Path, place: Path) -> Path:
    """An ISO whose default entry keeps what is changed."""
    settings = place / "build.yaml"
    settings.write_text("version: 1\nboot: {entries: [persistence, live], timeout_seconds: 1}\n")
    config = load_config(settings, Overrides(cache_image=demo_cache, output=place / "iso"))
    outcome = build(config, engine, on_event=ignore)
    return outcome.folder / outcome.iso.name


def test_what_is_changed_survives_a_shutdown_and_a_power_cut(
    persistent: Path, boot: Boot, place: Path
) -> None:
    os.link(persistent, place / "live.iso")
    make_persistence(place / "persistence.img", place / "folder")
    boots = [boot("live.iso", "persistence.img") for _ in range(3)]
    assert lost(boots) == "", boots[0]["lines"][-20:]


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
    assert_up(boot("grub.iso", "stick.img"))


def assert_up(told: dict[str, Any]) -> None:
    """Whether the live system reported that it is as it should be."""
    assert told["sighting"] is not None, told["lines"][-20:]
    assert told["sighting"]["meaning"] == "ok", told["sighting"]
