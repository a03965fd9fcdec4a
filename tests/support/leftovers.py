"""What a run leaves behind: in the engine, told by its owner's process, and in the kernel."""

import re
from collections.abc import Set
from pathlib import Path
from typing import Final, NamedTuple

import docker
from docker.models.containers import Container

from builder.border.labels import LABEL_OWNER, LABEL_ROLE
from builder.border.paths import CACHE_IMAGE, WORK
from builder.host.engine.owner import parse_owner

# The kernel calls a file as the container does that attached it: a cache image, the demo cache
# while it is made, an image of tests/tools. Of a container that is gone it knows the name in its
# volume, and nothing but this of a file that was bound by itself:
_NAMELESS: Final = "/"
_IN_CONTAINERS: Final = re.compile(
    rf"{re.escape(str(CACHE_IMAGE))}|{WORK}/cache\.img|({WORK})?/tmp\w{{8}}/image"
)
_DELETED: Final = " (deleted)"  # the kernel's word after the name


class Attached(NamedTuple):
    """A loop device and the name of the file behind it."""

    device: str
    file: str


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


def attached(blocks: Path = Path("/sys/block")) -> set[Attached]:
    """Return every loop device of this machine that is attached to a file."""
    found = set()
    for device in blocks.glob("loop[0-9]*"):
        try:
            file = (device / "loop/backing_file").read_text("utf-8", "surrogateescape")
        except OSError:
            continue  # it is free, or becomes so just now
        found.add(Attached(device.name, file.removesuffix("\n").removesuffix(_DELETED)))
    return found


def ours(devices: Set[Attached], *, places: tuple[str, ...], strangers: bool) -> set[Attached]:
    """Return those of `devices` that we attached, told by the file's name.

    It begins with one of `places`, or is one that our containers use. While there are `strangers`
    that use the same ones, those say nothing.
    """
    return {
        each
        for each in devices
        if each.file.startswith(places)
        or each.file == _NAMELESS
        or (not strangers and _IN_CONTAINERS.fullmatch(each.file))
    }


def has_strangers(client: docker.DockerClient) -> bool:
    """Return whether a container runs that may attach files of the names that ours use."""
    return any(
        mount["Destination"] in (str(CACHE_IMAGE), str(WORK))
        for container in client.containers.list(ignore_removed=True)
        for mount in container.attrs["Mounts"]
    )


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
