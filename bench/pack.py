"""The host's side of `bench/probe.py`: mksquashfs alone, in a container of the builder image."""

import io
import json
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from docker.types import Mount

from bench.figures import PackRun
from builder.basics.errors import StepError

if TYPE_CHECKING:
    import docker

_HERE: Final = Path(__file__).parent
_CAPABILITIES: Final = ("DAC_READ_SEARCH", "MKNOD", "SYS_ADMIN")
_LABEL: Final = "distroclone-builder.bench"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """One image to make: of which state of the tree, and how."""

    state: int
    compression: str
    store: str | None = None  # a block cache that the packs of one call share
    grouped: bool = True
    options: tuple[str, ...] = ()  # more for mksquashfs


def pack(
    client: "docker.DockerClient", builder: str, image: Path, packs: Sequence[Pack]
) -> Iterator[PackRun]:
    """Make the images in one container, one after the other, and yield what each cost."""
    for line in _probe(client, builder, image, [asdict(each) for each in packs]):
        yield PackRun(**line)


def changed(
    client: "docker.DockerClient", builder: str, image: Path, pairs: Sequence[tuple[int, int]]
) -> Iterator[Mapping[str, int]]:
    """Yield, for pairs of states, how many bytes of content only the later one has."""
    yield from _probe(client, builder, image, [{"changed": pair} for pair in pairs])


def _probe(
    client: "docker.DockerClient", builder: str, image: Path, asked: Sequence[Mapping[str, Any]]
) -> Iterator[Mapping[str, Any]]:
    with ExitStack() as stack:
        volume = client.volumes.create(labels={_LABEL: "1"})
        stack.callback(volume.remove, force=True)
        container = client.containers.create(
            builder,
            ["/bench/probe.py"],
            entrypoint="python3",
            labels={_LABEL: "1"},
            init=True,
            network_mode="none",
            cap_drop=["ALL"],
            cap_add=list(_CAPABILITIES),
            security_opt=["apparmor=unconfined", "no-new-privileges"],
            devices=["/dev/loop-control:/dev/loop-control:rwm"],
            device_cgroup_rules=["b 7:* rmw"],
            mounts=[
                Mount("/cache.img", str(image), type="bind", read_only=True),
                Mount("/bench", str(_HERE), type="bind", read_only=True),
                Mount("/out", volume.name, type="volume"),
            ],
        )
        stack.callback(container.remove, force=True)
        container.put_archive("/", _archive(json.dumps(asked)))
        container.start()
        yield from map(json.loads, _lines(container.logs(stdout=True, stderr=False, stream=True)))
        if container.wait()["StatusCode"] != 0:
            output = container.logs(stdout=False, stderr=True).decode(errors="replace")
            raise StepError("The probe failed", output=output.splitlines()[-20:])


def _lines(parts: Iterator[bytes]) -> Iterator[bytes]:
    pending = b""
    for part in parts:
        *lines, pending = (pending + part).split(b"\n")
        yield from lines


def _archive(text: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo("packs.json")
        member.size = len(text.encode())
        archive.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()
