"""An installation from a USB stick on a machine with two disks that is cut off."""

import json
from pathlib import Path
from typing import Any

import docker
import pytest

from builder.host.engine import Engine
from builder.host.image.boot_test_image import ensure_boot_test_image
from tests.conftest import ignore, report
from tests.support.probing import run_module

pytestmark = [pytest.mark.boot, pytest.mark.full]


def cut_off(client: docker.DockerClient, engine: Engine, place: Path, *words: str) -> Any:
    image = ensure_boot_test_image(engine, on_event=ignore)
    return json.loads(
        run_module(client, image, place, "tests.boot.cut_off", *words, may_write=False)
    )


def test_after_a_power_cut_in_the_copy_it_installs_again_and_starts(
    client: docker.DockerClient, engine: Engine, place: Path
) -> None:
    told = cut_off(client, engine, place, "power", "3")
    assert told["cut"]["line"].startswith("[3/7]"), told["lines"]
    assert told["after"][1] == told["end"][1] == told["before"][1]
    assert told["after"][0] != told["before"][0]
    assert told["again"]["line"].startswith("distroclone-builder install: ok"), told["lines"]
    assert " hostname=installed " in told["started"]["line"], told["lines"]
    report(
        f"installed after a power cut: {told['again']['seconds']:.0f} s, started in "
        f"{told['started']['seconds']:.0f} s"
    )


def test_a_medium_that_is_pulled_out_is_told_before_any_disk_is_written_to(
    client: docker.DockerClient, engine: Engine, place: Path
) -> None:
    told = cut_off(client, engine, place, "pulled", "1")
    assert told["ended"]["line"].endswith("failed The medium cannot be read"), told["lines"]
    assert told["end"] == told["before"]
    report(f"told that the medium was pulled: {told['ended']['seconds']:.0f} s after power-on")
