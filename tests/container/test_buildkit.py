"""The recipe under BuildKit; the product itself builds through the classic API."""

import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from builder.formats.identities import ImageIdentity
from builder.host.engine import connect
from builder.host.image.base_image import ensure_base
from builder.host.image.builder_image import tools_tag
from builder.host.image.layers import tree_layer
from builder.host.image.resources import builder_lock, tools_context
from builder.host.image.workshop import ROOT_TOP, Workshop
from tests.conftest import ignore, unable

pytestmark = [pytest.mark.container, pytest.mark.only_docker("BuildKit, which Docker has")]

_TAG = "distroclone-builder-buildkit:test"


def _commands() -> Iterator[str]:
    """Every docker command on the PATH: some come without BuildKit."""
    for folder in os.get_exec_path():
        found = shutil.which("docker", path=folder)
        if found is not None:
            yield found


def _build(command: str, context: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [command, "build", "--tag", _TAG, *options, os.fspath(context)],
        env={**os.environ, "DOCKER_BUILDKIT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def buildkit(tmp_path: Path) -> str | None:
    """A docker command that has BuildKit, found by building next to nothing with it."""
    context = tmp_path / "nothing"
    context.mkdir()
    (context / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    return next((each for each in _commands() if _build(each, context).returncode == 0), None)


@pytest.mark.full
def test_buildkit_makes_the_same_bytes_as_the_classic_builder(
    client: docker.DockerClient, builder_image: ImageIdentity, buildkit: str | None, tmp_path: Path
) -> None:
    if buildkit is None:
        unable("BuildKit: no docker command here has it")
        return
    context = tmp_path / "context"
    with tarfile.open(fileobj=tools_context().archive()) as archive:
        archive.extractall(context, filter="data")
    engine = connect()
    base = client.images.get(ensure_base(engine, on_event=ignore).id).tags[0]
    try:
        locked = "yes" if builder_image.locked else "no"
        built = _build(
            buildkit, context, "--build-arg", f"BASE={base}", "--build-arg", f"LOCKED={locked}"
        )
        assert built.returncode == 0, built.stderr
        with (
            Workshop(engine=engine, image=_TAG).root() as root,
            (tmp_path / "layer.tar").open("w+b") as file,
        ):
            layer = tree_layer(root, file, top=ROOT_TOP, epoch=builder_lock().epoch)
        tools = engine.images.find(tools_tag(locked=builder_image.locked))
        assert tools is not None
        assert tools.layers == (layer.digest,)
    finally:
        client.images.remove(_TAG, force=True)
