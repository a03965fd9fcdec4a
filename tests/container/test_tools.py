"""Runs `tests/tools` inside the builder image, where the real tools are."""

import io
import re
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
import pytest
from docker.models.containers import Container
from docker.types import Mount

from builder.formats.identities import ImageIdentity
from tests.conftest import report
from tests.support.containers import ended, known_as, made

pytestmark = pytest.mark.container

PROJECT = Path(__file__).parents[2]
# The first process of a container reaps what the tools leave.
_AS_JOB = """
import sys
import pytest
from builder.inside.system.container_init import as_job
sys.exit(as_job(lambda: pytest.main(sys.argv[1:])))
"""


@pytest.fixture(scope="module")
def tools_image(client: docker.DockerClient, builder_image: ImageIdentity, base_image: str) -> str:
    """The builder image with a test runner."""
    recipe = (PROJECT / "tests/tools/Dockerfile").read_bytes()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo("Dockerfile")
        member.size = len(recipe)
        archive.addfile(member, io.BytesIO(recipe))
    buffer.seek(0)
    image, _lines = client.images.build(
        fileobj=buffer,
        custom_context=True,
        tag="distroclone-builder-tools:test",
        buildargs={"BUILDER": known_as(client, builder_image), "BASE": base_image},
        rm=True,
    )
    return str(image.id)


@contextmanager
def container(client: docker.DockerClient, image: str, command: list[str]) -> Iterator[Container]:
    """A container that sees the project read-only, may mount as a build may, and has no network."""
    one = made(
        client,
        image,
        command,
        network_mode="none",
        working_dir="/project",
        mounts=[Mount("/project", str(PROJECT), type="bind", read_only=True)],
        volumes=["/work"],
        cap_add=["DAC_READ_SEARCH", "LINUX_IMMUTABLE", "SYS_ADMIN"],
        security_opt=["apparmor=unconfined"],
        devices=["/dev/loop-control:/dev/loop-control:rwm"],
        device_cgroup_rules=["b 7:* rmw"],
        environment={"PYTHONPATH": "/project"},
    )
    try:
        yield one
    finally:
        one.remove(force=True, v=True)


def test_the_tests_of_the_real_tools_pass_inside_the_builder_image(
    client: docker.DockerClient, tools_image: str, request: pytest.FixtureRequest
) -> None:
    chosen = "tools" if request.config.getoption("--full") else "tools and not full"
    command = ["python3", "-c", _AS_JOB, "-p", "no:cacheprovider", "-m", chosen, "tests/tools",
               "--confcutdir", "tests/tools",
               "-o", "filterwarnings="]  # fmt: skip
    with container(client, tools_image, command) as one:
        one.start()
        code = ended(one)
        output = one.logs().decode()
    assert code == 0, output
    counted = re.search(r"(\d+) passed", output)
    assert counted is not None, output
    assert "skipped" not in output, output
    report(f"inside the builder image: {counted[0]}")
