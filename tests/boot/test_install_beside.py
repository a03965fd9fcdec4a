"""An installation beside another system, which starts afterwards as before."""

import json
from pathlib import Path

import docker
import pytest

from builder.formats.identities import ImageIdentity
from builder.host.engine import Engine
from builder.host.image.boot_test_image import ensure_boot_test_image
from tests.conftest import ignore, report
from tests.support.containers import known_as
from tests.support.probing import run_module

pytestmark = [pytest.mark.boot, pytest.mark.full]


def test_beside_another_system_both_start(
    client: docker.DockerClient, engine: Engine, builder_image: ImageIdentity, place: Path
) -> None:
    made = known_as(client, builder_image)
    run_module(client, made, place, "tests.boot.make_neighbour", may_write=True)
    image = ensure_boot_test_image(engine, on_event=ignore)
    output = run_module(client, image, place, "tests.boot.neighbour", may_write=True)
    told = json.loads(output)
    (place / "disk.img").unlink()
    assert told["after"] == told["before"]
    assert told["installed"]["line"].startswith("distroclone-builder install: ok"), told["lines"]
    assert " root=xfs " in told["started"]["line"], told["lines"]
    for way in ("chosen", "alone"):
        assert told[way]["line"] == "the other system has started", told["lines"]
    seconds = {name: round(told[name]["seconds"]) for name in ("installed", "started", "chosen")}
    report(f"beside another system: {seconds}")
