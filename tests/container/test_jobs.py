"""What a real engine makes of each row of the catalogue, as it says itself; nothing is started."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from builder.border.jobs import JOBS, Job, Sight
from builder.formats.identities import ImageIdentity
from builder.host.engine.container import container_options, creating
from builder.host.engine.podman import product_of
from tests.support.build_rights import capabilities
from tests.support.containers import known_as
from tests.support.specs import spec_for, title

pytestmark = pytest.mark.container

_VOLUME = "distroclone-builder-test-of-jobs"


@pytest.fixture(scope="module")
def volume(client: docker.DockerClient) -> Iterator[str]:
    """A volume for those jobs that see one."""
    made = client.volumes.create(_VOLUME)
    yield _VOLUME
    made.remove()


@pytest.mark.parametrize("job", JOBS, ids=title)
def test_the_engine_allows_a_job_what_its_row_says_and_nothing_else(
    job: Job[Any, Any],
    client: docker.DockerClient,
    builder_image: ImageIdentity,
    volume: str,
    tmp_path: Path,
) -> None:
    def place(sight: Sight) -> str:
        path = tmp_path / f"with space: {sight.target.name}"
        if sight.target.suffix:
            path.touch()
        else:
            path.mkdir()
        return str(path)

    product = product_of(client.version())
    spec = spec_for(job, image=known_as(client, builder_image), place=place, volume=volume)
    container = creating(client, product)(
        spec.image, [job.name], **container_options(spec, security_options=[])
    )
    try:
        container.reload()
        said = container.attrs
    finally:
        container.remove(force=True)
    config = said["HostConfig"]
    assert capabilities(said) == {*job.capabilities}
    assert config["Privileged"] is False
    assert "no-new-privileges" in config["SecurityOpt"]
    assert (config["NetworkMode"] != "none") is job.network
    assert config["Memory"] == config["MemorySwap"] == job.limits.memory
    assert config["PidsLimit"] == job.limits.processes
    loops = ["/dev/loop-control"] if job.loop_devices else []
    assert [each["PathOnHost"] for each in config["Devices"] or ()] == [*spec.devices, *loops]
    assert {each["Destination"]: each["RW"] for each in said["Mounts"]} == {
        str(each.target): each.writable for each in job.sees if str(each.target) not in spec.devices
    }
