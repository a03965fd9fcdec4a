"""Sources of this machine that are sent to the engine are there as they are here."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from builder.border.labels import LABEL_SENT
from builder.formats.identities import ImageIdentity
from tests.container.conftest import Built
from tests.container.test_builds_alone import digest
from tests.support.caches import ROOTFS
from tests.support.command_line import Ended, run, running
from tests.support.containers import SOCKET
from tests.support.engine_proxy import proxied

pytestmark = pytest.mark.container


@pytest.fixture
def nothing_sent(client: docker.DockerClient, builder_image: ImageIdentity) -> Iterator[None]:
    """Have nothing sent before and after the test, and see that `sweep --sent` does that."""
    assert run("sweep", "--sent").code == 0
    yield
    assert run("sweep", "--sent").code == 0
    assert client.volumes.list(filters={"label": LABEL_SENT}) == []


def notes(ended: Ended) -> list[str]:
    assert ended.code == 0, ended.errors
    return [str(each["message"]) for each in ended.events if each["event"] == "note"]


@pytest.mark.usefixtures("nothing_sent")
def test_a_cache_image_is_sent_once_although_the_line_breaks(
    client: docker.DockerClient, demo_cache: Path, tmp_path: Path
) -> None:
    here, address = tmp_path / "here.img", tmp_path / "engine.sock"
    shutil.copyfile(demo_cache, here)
    words = ("snapshots", "--cache-image", here, "--source-on", "here")
    environment = {"DOCKER_HOST": f"unix://{address}"}
    with proxied(address, SOCKET) as proxy, running(*words, environment=environment) as started:
        started.wait_for(lambda event: event.get("step") == "send" and "fraction" in event)
        proxy.cut()
        time.sleep(1)
        with proxied(address, SOCKET):
            ended = started.end()
    assert "The container engine answers again" in notes(ended)
    assert any(" was sent to the engine: " in each for each in notes(ended))
    (volume,) = client.volumes.list(filters={"label": LABEL_SENT})
    assert digest(Path(volume.attrs["Mountpoint"]) / "content") == digest(here)
    direct = run("snapshots", "--cache-image", demo_cache).data
    assert ended.data == direct
    again = run(*words)
    assert again.data == direct
    assert any(" is at the engine already" in each for each in notes(again))


@pytest.mark.full
@pytest.mark.usefixtures("nothing_sent")
def test_an_iso_of_what_was_sent_is_the_same(
    demo_cache: Path, built: Built, plain_cache: Path, tmp_path: Path
) -> None:
    def iso(name: str, *words: object) -> str:
        output = tmp_path / name
        ended = run("build", *words, "--output", output, "--compression", "fast")
        assert ended.code == 0, ended.errors
        (found,) = output.glob("*.iso")
        return digest(found)

    tree = ("--tree", plain_cache / ROOTFS)
    assert iso("sent", "--cache-image", demo_cache, "--source-on", "here") == digest(built.iso)
    assert iso("sent tree", *tree, "--source-on", "here") == iso("tree", *tree)
