"""Unpacks and searches the results of a build in a container, where the tools for it are."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import docker
from docker.types import Mount

from builder.formats.identities import ImageIdentity
from tests.support.command_line import PROJECT
from tests.support.comparison import results
from tests.support.containers import ended, known_as


def searched(
    client: docker.DockerClient,
    image: ImageIdentity,
    folder: Path,
    words: Sequence[str],
    *,
    names: Sequence[str] = (),
    files: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Return what `tests/container/probe_iso.py` found; without `files` in all but the log."""
    asked = {"words": words, "names": names, "files": results(folder) if files is None else files}
    output = run_module(
        client,
        known_as(client, image),
        folder,
        "tests.container.probe_iso",
        json.dumps(asked),
        may_write=False,
    )
    found: dict[str, Any] = json.loads(output)
    assert found["damaged"] == []
    return found


def run_module(
    client: docker.DockerClient, image: str, folder: Path, *words: str, may_write: bool
) -> bytes:
    """Run a module of the tests in a container that sees `folder` as /results."""
    container = client.containers.create(
        image,
        entrypoint=["python3", "-m", *words],
        network_disabled=True,
        environment={"PYTHONPATH": "/opt/distroclone-builder:/checkout"},
        mounts=[
            Mount("/results", str(folder), type="bind", read_only=not may_write),
            Mount("/checkout/tests", str(PROJECT / "tests"), type="bind", read_only=True),
        ],
    )
    try:
        container.start()
        code = ended(container)
        assert code == 0, container.logs(stdout=False).decode()
        return bytes(container.logs(stderr=False))
    finally:
        container.remove(force=True, v=True)
