"""The command, whose containers get what its first argument says: `varied_command.py JSON WORD…`.

What a run of the command cannot be asked for (fewer processors, another clock) is added at the
engine's door, so that the program itself is the one that users have. `mounts` and `files` are pairs
of a path here and one in the container, where the files are copied to; everything else are options
of the SDK's `containers.create`.
Each container gets a label with the place of the code that asked for it.
"""

import functools
import io
import json
import sys
import tarfile
from collections.abc import Sequence
from typing import Any
from unittest import mock

import docker
from docker.models.containers import Container
from docker.types import Mount

from builder.host.cli import main as program
from builder.host.engine import Product
from builder.host.engine.container import CreateContainer, creating
from tests.support.containers import on_podman

LABEL = "distroclone-builder-tests.code"


def varied(changes: dict[str, Any]) -> Any:
    """Return a `creating` whose containers have the changes, whatever they are asked for."""
    mounts = [Mount(target, source, type="bind") for source, target in changes.pop("mounts", [])]
    environment = changes.pop("environment", {})
    given = changes.pop("files", [])
    files = _archive(given) if given else b""

    def chosen(client: docker.DockerClient, product: Product) -> CreateContainer:
        create = creating(client, product)
        if product is Product.PODMAN:  # for what the program itself never asks for
            create = functools.partial(on_podman, client)

        def made(image: str, command: Sequence[str], **asked: Any) -> Container:
            asked["mounts"] = [*asked.get("mounts", []), *mounts]
            asked["environment"] = {**asked.get("environment", {}), **environment}
            asked["labels"] = {**asked.get("labels", {}), LABEL: program.__file__}
            container = create(image, command, **{**asked, **changes})
            if files:
                container.put_archive("/", files)
            return container

        return made

    return chosen


def _archive(files: Sequence[tuple[str, str]]) -> bytes:
    """Return a tar of the files at their places in the container."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for source, target in files:
            archive.add(source, target.lstrip("/"))
    return buffer.getvalue()


if __name__ == "__main__":
    changed = varied(json.loads(sys.argv.pop(1)))
    with mock.patch("builder.host.engine.connection.creating", changed):
        program.main()
