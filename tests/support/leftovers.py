"""What a run leaves behind in the engine, told by its owner's process."""

import docker
from docker.models.containers import Container

from builder.border.labels import LABEL_OWNER, LABEL_ROLE
from builder.host.engine.owner import parse_owner


def left_by(client: docker.DockerClient, process: int) -> list[str]:
    """Return every container and volume that a process made and that is still there."""
    return sorted(name for name, owner in _ours(client) if owner == process)


def everything(client: docker.DockerClient) -> set[str]:
    """Return every container and volume of ours whose owner is not at work any more."""
    return {name for name, owner in _ours(client, gone=True)}


def container_of(client: docker.DockerClient, process: int, role: str) -> Container | None:
    """Return the container that plays a role in the run of a process; None when there is none."""
    found = client.containers.list(filters={"label": f"{LABEL_ROLE}={role}"}, ignore_removed=True)
    mine = [each for each in found if _process(each.labels) == process]
    return mine[0] if mine else None


def _ours(client: docker.DockerClient, *, gone: bool = False) -> list[tuple[str, int]]:
    containers = client.containers.list(
        all=True, filters={"label": LABEL_OWNER}, ignore_removed=True
    )
    volumes = client.volumes.list(filters={"label": LABEL_OWNER})
    found = [(f"container {each.short_id}", each.labels) for each in containers]
    found += [(f"volume {each.name}", each.attrs["Labels"]) for each in volumes]
    return [
        (name, _process(labels))
        for name, labels in found
        if not gone or ((owner := parse_owner(labels[LABEL_OWNER])) and owner.is_gone())
    ]


def _process(labels: dict[str, str]) -> int:
    owner = parse_owner(labels[LABEL_OWNER])
    assert owner is not None
    return owner.process
