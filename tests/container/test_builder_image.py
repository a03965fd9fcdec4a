"""The builder image is the same whenever it was made, and made again quickly where it may be."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import docker
import pytest

from builder.formats.identities import ImageIdentity
from builder.host.engine import Engine
from builder.host.image.builder_image import build_builder, tools_tag
from builder.host.image.resources import builder_lock
from tests.conftest import ignore, report
from tests.support.containers import known_as
from tests.support.registries import forget

pytestmark = pytest.mark.container

PROJECT = Path(__file__).parents[2]
# Prints files that are younger than the image, or where only folders may be.
_TRACES = """
find / -xdev -newermt '{date} 00:00:01' -type f
find /var/log /var/cache /tmp -type f
dpkg --audit
"""


@pytest.mark.full
def test_made_from_nothing_it_is_the_same_image(
    engine: Engine, builder_image: ImageIdentity
) -> None:
    tools = engine.images.find(tools_tag(locked=builder_image.locked))
    again = build_builder(engine, locked=builder_image.locked, fresh=True, on_event=ignore)
    assert again == builder_image
    made = engine.images.find(tools_tag(locked=builder_image.locked))
    assert made is not None
    assert tools is not None
    assert made.layers == tools.layers
    report(f"builder image: {again.id}")


def test_it_holds_no_trace_of_the_engine_that_made_it(
    client: docker.DockerClient, builder_image: ImageIdentity
) -> None:
    image = client.images.get(known_as(client, builder_image))
    date = builder_lock().date.isoformat()
    assert image.attrs["Created"].startswith(date)
    found = client.containers.run(
        known_as(client, builder_image),
        ["-c", _TRACES.format(date=date)],
        entrypoint="sh", network_mode="none", remove=True,
    )  # fmt: skip
    assert set(found.decode().split()) <= {
        "/.dockerenv", "/run/.containerenv", "/etc/hostname", "/etc/hosts", "/etc/resolv.conf",
    }  # fmt: skip


_NAME = (
    "from builder.host.image.builder_image import builder_tag; print(builder_tag(locked={locked}))"
)


def in_checkout(folder: Path, code: str, *words: str) -> bytes:
    """Return what Python code prints that uses the program in a folder."""
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        stdout=subprocess.PIPE,
        check=True,
    ).stdout


def test_a_change_of_our_code_takes_seconds_and_no_other_tools(
    client: docker.DockerClient, builder_image: ImageIdentity, tmp_path: Path
) -> None:
    for name in ("builder", "containers"):
        shutil.copytree(PROJECT / name, tmp_path / name)
    with (tmp_path / "builder/plan.py").open("a") as code:
        code.write("# changed\n")
    command = ["image", "build", "--json", *([] if builder_image.locked else ["--unlocked"])]
    began = time.monotonic()
    done = in_checkout(tmp_path, "from builder.host.cli.main import main; main()", *command)
    report(f"builder image after a change of code: {time.monotonic() - began:.1f} s")
    events = [json.loads(line) for line in done.splitlines()]
    made = events[-1]["data"]["id"]
    name = in_checkout(tmp_path, _NAME.format(locked=builder_image.locked)).decode().strip()
    try:
        assert [each["event"] for each in events] == ["result"], "nothing was installed"
        assert made != builder_image.id
        one, other = client.images.get(name), client.images.get(known_as(client, builder_image))
        assert one.attrs["RootFS"]["Layers"][0] == other.attrs["RootFS"]["Layers"][0]
    finally:
        forget(client, name)
