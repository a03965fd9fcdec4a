"""What `doctor` finds out about this engine by trying."""

import docker
import pytest

from builder.formats.identities import ImageIdentity
from tests.support.command_line import run
from tests.support.leftovers import left_by

pytestmark = pytest.mark.container


def test_an_engine_that_builds_is_said_to_and_nothing_is_left(
    client: docker.DockerClient, builder_image: ImageIdentity
) -> None:
    ended = run("doctor")
    assert ended.data["able"] is True
    checks = {check["name"]: check for check in ended.data["checks"]}
    assert checks["builder image"]["finding"].startswith(builder_image.id)
    assert checks["isolation confined"]["verdict"] == "ok"
    assert checks["staging"]["finding"] == "overlays work: the system is not copied"
    assert left_by(client, ended.process) == []
