"""The images of the fake engine: kept in memory, by name; no registry and no archive answers."""

# ruff: noqa: ARG002  # a fake takes all that the protocol gives

import contextlib
import hashlib
import io
import json
import tarfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO

from builder.basics.errors import BuilderError, HostError
from builder.host.engine import ImageFacts
from builder.host.image.builder_image import builder_layers

SIZE = 100  # bytes of every image


def facts(
    name: str,
    labels: Mapping[str, str] | None = None,
    *,
    layers: tuple[str, ...] | None = None,
) -> ImageFacts:
    """Return an image with the id `name`, and the layers of the builder image unless others."""
    found = builder_layers() if layers is None else layers
    return ImageFacts(id=name, labels=labels or {}, size=SIZE, layers=found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What a build was asked for."""

    arguments: Mapping[str, str]
    labels: Mapping[str, str]


class FakeImages:
    """Implements `Images`: what is there, what comes out of a build, and how that goes."""

    def __init__(
        self,
        present: Mapping[str, ImageFacts] | None = None,
        *,
        lines: Sequence[str] = (),
        used: Collection[str] = (),
        needs_every_layer: bool = False,
    ) -> None:
        """Have these images by name; `lines` are what a build prints before it fails."""
        self.present = dict(present or {})
        self.built: list[Built] = []
        self.loaded: list[str] = []
        self.contents: dict[str, bytes] = {}  # of layers, by digest
        self.known: dict[str, str] = {}  # ids of engines by those of ours
        self._lines = lines
        self._used = used
        self._needs_every_layer = needs_every_layer

    def find(self, reference: str) -> ImageFacts | None:
        """See `Images.find`."""
        return self.present.get(reference) or self._with_id(reference)

    def pull(
        self,
        repository: str,
        *,
        digest: str,
        attempts: int,
        on_retry: Callable[[BuilderError, float], None],
    ) -> str:
        """See `Images.pull`."""
        message = "No registry answers"
        raise HostError(message)

    def import_rootfs(self, stream: IO[bytes], *, tag: str, labels: Mapping[str, str]) -> str:
        """See `Images.import_rootfs`."""
        message = "No archive answers"
        raise HostError(message)

    def build(
        self,
        context: IO[bytes],
        *,
        dockerfile: str,
        tag: str,
        arguments: Mapping[str, str],
        labels: Mapping[str, str],
        target: str = "",
        fresh: bool,
        on_line: Callable[[str], None],
    ) -> str:
        """See `Images.build`."""
        with tarfile.open(fileobj=context) as archive:
            assert dockerfile in archive.getnames()
        self.built.append(Built(arguments=arguments, labels=labels))
        for line in self._lines:
            on_line(line)
        if self._lines:
            message = "The image could not be built"
            raise HostError(message, output=self._lines[-2:])
        self.present[tag] = facts("sha256:workshop", labels)
        return "sha256:workshop"

    def load(self, archive: Iterator[bytes]) -> str:
        """See `Images.load`."""
        with tarfile.open(fileobj=io.BytesIO(b"".join(archive))) as image:

            def read(name: str) -> bytes:
                content = image.extractfile(name)
                assert content is not None
                return content.read()

            (manifest,) = json.loads(read("manifest.json"))
            config = read(manifest["Config"])
            digests = json.loads(config)["rootfs"]["diff_ids"]
            for digest, name in zip(digests, manifest["Layers"], strict=True):
                if name in image.getnames():
                    self.contents[digest] = read(name)
                    self.loaded.append(digest)
                elif self._needs_every_layer or digest not in self.contents:
                    return f"there is no {name}"
        (tag,) = manifest["RepoTags"]
        settings = json.loads(config)["config"]
        self.present[tag] = ImageFacts(
            id=f"sha256:{hashlib.sha256(config).hexdigest()}",
            labels=settings["Labels"],
            size=SIZE,
            layers=tuple(digests),
            entrypoint=tuple(settings["Entrypoint"]),
            environment=tuple(settings["Env"]),
        )
        return ""

    def saved(self, reference: str) -> Iterator[bytes]:
        """See `Images.saved`."""
        image = self.find(reference)
        assert image is not None
        names = {digest: f"some/{number}.tar" for number, digest in enumerate(image.layers)}
        manifest = json.dumps([{"Layers": list(names.values())}]).encode()
        contents = {names[digest]: self.contents[digest] for digest in image.layers}
        yield packed({**contents, "manifest.json": manifest})

    @contextlib.contextmanager
    def taken_out(
        self, reference: str, path: str, *, labels: Mapping[str, str]
    ) -> Iterator[Iterator[bytes]]:
        """See `Images.taken_out`; a workshop has one tool, dated by the clock."""
        assert path == "/workshop/root.tar"
        yield iter([packed({"root.tar": packed({"root/tool": b""}, mtime=time.time())})])

    def read_file(self, reference: str, path: str, *, labels: Mapping[str, str]) -> bytes:
        """See `Images.read_file`."""
        raise AssertionError("a file that no test expects")

    def names(self, repository: str) -> tuple[str, ...]:
        """See `Images.names`."""
        return tuple(sorted(each for each in self.present if each.startswith(f"{repository}:")))

    def labelled(self, label: str) -> tuple[ImageFacts, ...]:
        """See `Images.labelled`."""
        name, _, value = label.partition("=")
        return tuple(
            each
            for each in self.present.values()
            if name in each.labels and value in ("", each.labels[name])
        )

    def space(self) -> int:
        """See `Images.space`."""
        return sum(each.size for each in self.present.values())

    def remove_unused(self, reference: str) -> bool:
        """See `Images.remove_unused`."""
        if reference in self._used or self.find(reference) is None:
            return False
        self.remove(reference)
        return True

    def remove(self, reference: str) -> None:
        """See `Images.remove`."""
        self.present = {
            name: each for name, each in self.present.items() if reference not in (name, each.id)
        }

    def know_as(self, name: str, *, image: str) -> None:
        """See `Images.know_as`."""
        self.known[name] = image

    def _with_id(self, name: str) -> ImageFacts | None:
        return next((each for each in self.present.values() if each.id == name), None)


def packed(files: Mapping[str, bytes], *, mtime: float = 0) -> bytes:
    """Return a tar of these files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            member.mtime = mtime
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
