"""An image as an archive for `docker load`, and its id, which follows from its content alone.

The format is that of the Docker image specification v1.2: `manifest.json`, a config, layers. An
image's id is the sha256 of its config.
"""

import contextlib
import hashlib
import io
import json
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Final

from builder.basics.errors import HostError
from builder.host.image.layers import Layer

_PIECE: Final = 1024 * 1024  # bytes
_ENVIRONMENT: Final = (
    "LC_ALL=C.UTF-8",
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "PYTHONDONTWRITEBYTECODE=1",
    "PYTHONPATH=/opt/distroclone-builder",
)
_ENTRYPOINT: Final = ("python3", "-m", "builder.inside")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One layer of an image: its digest, and what it is for people."""

    digest: str
    purpose: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageConfig:
    """What an image is made of; equal configs are equal images."""

    parts: tuple[Part, ...]
    labels: Mapping[str, str]
    epoch: int  # seconds since 1970

    def encoded(self) -> bytes:
        """Return the config as JSON, always the same bytes for the same config."""
        created = datetime.fromtimestamp(self.epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        data = {
            "architecture": "amd64",
            "config": {
                "Entrypoint": _ENTRYPOINT,
                "Env": _ENVIRONMENT,
                "Labels": dict(self.labels),
                "WorkingDir": "/",
            },
            "created": created,
            "history": [{"created": created, "created_by": part.purpose} for part in self.parts],
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": [part.digest for part in self.parts]},
        }
        return json.dumps(data, sort_keys=True, separators=(",", ":")).encode()

    @property
    def id(self) -> str:
        """The image's id."""
        return f"sha256:{hashlib.sha256(self.encoded()).hexdigest()}"


def image_archive(config: ImageConfig, *, tag: str, layers: Sequence[Layer]) -> Iterator[bytes]:
    """Yield an archive that makes the engine have the image, in pieces.

    `layers` may lack those that the engine has already: some engines then do without them.
    """
    names = {part.digest: part.digest.replace("sha256:", "") + ".tar" for part in config.parts}
    name = config.id.replace("sha256:", "") + ".json"
    manifest = [{"Config": name, "RepoTags": [tag], "Layers": list(names.values())}]
    texts = {"manifest.json": json.dumps(manifest).encode(), name: config.encoded()}
    for path, content in texts.items():
        yield from _member(path, io.BytesIO(content), len(content))
    for layer in layers:
        layer.content.seek(0)
        yield from _member(names[layer.digest], layer.content, layer.size)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _member(name: str, content: IO[bytes], size: int) -> Iterator[bytes]:
    member = tarfile.TarInfo(name)
    member.size = size
    yield member.tobuf(tarfile.USTAR_FORMAT)
    while piece := content.read(_PIECE):
        yield piece
    if rest := -size % tarfile.BLOCKSIZE:  # an empty piece would end an upload
        yield bytes(rest)


@contextlib.contextmanager
def saved_layer(archive: IO[bytes], *, digest: str) -> Iterator[Layer]:
    """Give the first layer of an archive that `docker save` wrote; `digest` is what it has to be.

    Raises HostError when there is none.
    """
    try:
        with tarfile.open(fileobj=archive) as saved:
            manifest = json.load(_content(saved, "manifest.json"))
            name = str(manifest[0]["Layers"][0])
            size = saved.getmember(name).size
            yield Layer(digest=digest, size=size, content=_content(saved, name))
    except (tarfile.TarError, KeyError, IndexError, TypeError, ValueError) as error:
        raise HostError(
            "The engine saved an unreadable image: {reason}",
            hint="Make sure that the engine's disk is not full (`distroclone-builder doctor`), "
            "then try again.",
            reason=error,
        ) from error


def _content(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    content = archive.extractfile(name)
    if content is None:
        raise KeyError(name)
    return content
