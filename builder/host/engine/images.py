"""Images: looked up, pulled by digest, imported, built, loaded, looked into."""

import contextlib
import io
import itertools
import json
import re
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import IO, TYPE_CHECKING, Final

import docker.errors
from docker.models.images import Image
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_exponential_jitter

from builder.basics.errors import LAST_LINES, BuilderError, HostError
from builder.basics.signals import held, undoing
from builder.host.engine import podman
from builder.host.engine.faults import patiently, translated
from builder.host.engine.protocol import ImageFacts, Product
from builder.host.engine.spec import NO_LABEL

if TYPE_CHECKING:
    from collections.abc import Callable

    from docker import DockerClient

_ID: Final = re.compile(r"sha256:[0-9a-f]{64}")
_PIECE: Final = 1024 * 1024  # bytes
# What engines say of content that is not what its digest promises: their own store, containerd's.
_OTHER_CONTENT: Final = re.compile(r"verification failed|unexpected commit digest")


class DockerImages:
    """Implements `Images`."""

    def __init__(self, client: "DockerClient", *, product: Product) -> None:
        self._client = client
        self._product = product
        self._known: dict[str, str] = {}

    def find(self, reference: str) -> ImageFacts | None:
        """See `Images.find`."""
        with translated("looking for an image"):
            try:
                image = self._client.images.get(self._called(reference))
            except docker.errors.NotFound:
                return None
            return _facts(image)

    def pull(
        self,
        repository: str,
        *,
        digest: str,
        attempts: int,
        on_retry: "Callable[[BuilderError, float], None]",
    ) -> str:
        """See `Images.pull`."""

        def before_sleep(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            if isinstance(error, BuilderError) and state.next_action is not None:
                on_retry(error, state.next_action.sleep)

        retrying = Retrying(
            stop=stop_after_attempt(attempts),
            wait=wait_exponential_jitter(max=8),
            retry=retry_if_exception(lambda error: getattr(error, "temporary", False)),
            before_sleep=before_sleep,
            reraise=True,
        )
        return str(retrying(self._pull_once, repository, digest))

    def _pull_once(self, repository: str, digest: str) -> str:
        pinned = f"{repository}@{digest}"
        with translated(f"pulling {pinned}"):
            # Not the SDK's own `images.pull`, which passes over every error that comes midway.
            try:
                failure = _failure(
                    self._client.api.pull(repository, tag=digest, stream=True, decode=True)
                )
            except docker.errors.APIError as error:  # that came before all else
                if not error.is_server_error():
                    raise
                failure = str(error.explanation or error)
        if _OTHER_CONTENT.search(failure):
            raise HostError(
                "The registry sent something other than {pinned}: {reason}",
                hint="Do not use that registry until you know why.",
                pinned=pinned,
                reason=failure,
            )
        if failure:
            raise HostError(
                "The container engine could not pull {pinned}: {reason}",
                hint="Check the network between the engine and the registry.",
                temporary=True,
                pinned=pinned,
                reason=failure,
            )
        facts = self.find(pinned)
        if facts is None:
            raise HostError(
                "The engine lost {pinned}, which it had just pulled",
                hint="Something else removed it (`docker image prune`, a clean-up job?). "
                "Try again.",
                pinned=pinned,
            )
        return facts.id

    def import_rootfs(self, stream: IO[bytes], *, tag: str, labels: Mapping[str, str]) -> str:
        """See `Images.import_rootfs`."""
        first = _header(stream)
        repository, _colon, name = self._called(tag).rpartition(":")
        changes = ['CMD ["bash"]', *(f'LABEL {key}="{value}"' for key, value in labels.items())]
        with translated("importing the base image"):
            # A generator, because the SDK announces chunks and a file would be sent in one piece.
            pieces = itertools.chain([first], iter(lambda: stream.read(_PIECE), b""))
            answer = self._client.api.import_image_from_stream(
                pieces, repository=repository, tag=name, changes=changes
            )
            said = [json.loads(line) for line in answer.splitlines() if line.strip()]
            failure = _failure(said)
        facts = None if failure else self._named(tag, said)
        if facts is None:
            raise HostError(
                "The base image could not be imported: {reason}",
                hint="See the engine's log (`journalctl -u docker`), and whether its disk is full.",
                reason=failure or "the engine does not have it",
            )
        return facts.id

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
        on_line: "Callable[[str], None]",
    ) -> str:
        """See `Images.build`."""
        lines: list[str] = []
        errors: list[str] = []
        with translated("building the image"):
            output = self._client.api.build(
                fileobj=context,
                custom_context=True,
                dockerfile=dockerfile,
                tag=self._called(tag),
                buildargs=dict(arguments),
                labels=dict(labels),
                target=target,
                nocache=fresh,
                rm=True,
                forcerm=True,
                decode=True,
            )
        for line in _build_lines(_followed(output), errors):
            lines.append(line)
            on_line(line)  # what goes wrong in there is not the engine's fault
        facts = None if errors else self.find(tag)  # the tag may name an image built earlier
        if facts is None:
            raise HostError(
                "The image could not be built: {reason}",
                output=lines[-LAST_LINES:],
                hint="The lines above are the last output of the failing step.",
                reason=errors[-1] if errors else "no image was made",
            )
        return facts.id

    def load(self, archive: Iterator[bytes]) -> str:
        """See `Images.load`."""
        with translated("loading an image"):
            return _failure(self._client.api.load_image(archive, quiet=True))  # type: ignore[no-untyped-call]

    def saved(self, reference: str) -> Iterator[bytes]:
        """See `Images.saved`."""
        with translated("saving an image"):
            yield from self._client.api.get_image(self._called(reference), chunk_size=_PIECE)

    @contextlib.contextmanager
    def taken_out(
        self, reference: str, path: str, *, labels: Mapping[str, str]
    ) -> Iterator[Iterator[bytes]]:
        """See `Images.taken_out`."""
        with contextlib.ExitStack() as stack:
            with held(), translated("reading an image"):
                name = never_started(self._client, self._called(reference), labels=labels)
                stack.enter_context(undoing(lambda: self._remove_container(name)))
            yield self._archive(name, path)

    def read_file(self, reference: str, path: str, *, labels: Mapping[str, str]) -> bytes:
        """See `Images.read_file`."""
        with self.taken_out(reference, path, labels=labels) as pieces:
            whole = io.BytesIO(b"".join(pieces))
        with tarfile.open(fileobj=whole) as archive:
            content = archive.extractfile(archive.getmembers()[0])
            return content.read() if content is not None else b""

    def _archive(self, container: str, path: str) -> Iterator[bytes]:
        with translated("reading an image"):
            pieces, _facts = self._client.api.get_archive(container, path, chunk_size=_PIECE)
            yield from pieces

    def _remove_container(self, name: str) -> None:
        patiently(
            "removing a container",
            lambda: self._client.api.remove_container(name, v=True, force=True),
        )

    def names(self, repository: str) -> tuple[str, ...]:
        """See `Images.names`."""
        with translated("listing images"):
            found = self._client.images.list(name=self._called(repository))
            tags = [str(name) for image in found for name in image.tags]
        names = (podman.without_registry(name) for name in tags)
        return tuple(sorted(name for name in names if name.startswith(f"{repository}:")))

    def labelled(self, label: str) -> tuple[ImageFacts, ...]:
        """See `Images.labelled`."""
        with translated("listing images"):
            found = self._client.images.list(all=True, filters={"label": label})
            return tuple(_facts(image) for image in found)

    def space(self) -> int:
        """See `Images.space`."""
        with translated("asking for the space that images take"):
            return int(self._client.df()["LayersSize"])

    def remove_unused(self, reference: str) -> bool:
        """See `Images.remove_unused`."""
        with translated("removing an image"):
            try:
                self._client.images.remove(self._called(reference))
            except docker.errors.NotFound:
                return False
            except docker.errors.APIError as error:
                if error.status_code != HTTPStatus.CONFLICT:
                    raise
                return False
        return True

    def remove(self, reference: str) -> None:
        """See `Images.remove`."""
        with translated("removing an image"):
            try:
                self._client.images.remove(self._called(reference), force=True)
            except docker.errors.NotFound:
                return

    def know_as(self, name: str, *, image: str) -> None:
        """See `Images.know_as`."""
        self._known[name] = image

    def called(self, reference: str) -> str:
        """Return what this engine calls an image that containers are to be made of."""
        return self._known.get(reference, reference)

    def _named(self, tag: str, said: Sequence[Mapping[str, object]]) -> ImageFacts | None:
        """Give an imported image its name, which Podman forgets when a registry is part of it."""
        name, _colon, version = self._called(tag).rpartition(":")
        ids = [str(each["status"]) for each in said if _ID.fullmatch(str(each.get("status")))]
        if not ids:
            return None
        with translated("naming an image"):
            self._client.api.tag(ids[-1], name, version, force=True)
        return self.find(tag)

    def _called(self, reference: str) -> str:
        """Return what this engine calls an image of ours."""
        if self._product is Product.PODMAN:
            return podman.local_name(reference)
        return self.called(reference)


def never_started(
    client: "DockerClient", image: str, *, labels: Mapping[str, str], name: str | None = None
) -> str:
    """Create a container that is only there, and return its id."""
    settings = client.api.create_host_config(security_opt=[NO_LABEL])
    made = client.api.create_container(
        image, ["-"], name=name, labels=dict(labels), host_config=settings
    )
    return str(made["Id"])


def _header(stream: IO[bytes]) -> bytes:
    """Return the first block of a tar. Raises HostError when it is none.

    containerd's image store takes anything, and only fails when it makes a container of it.
    """
    block = stream.read(tarfile.BLOCKSIZE)
    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError as error:
        raise HostError(
            "The base image could not be imported: {reason}",
            hint="What should be a tar archive is none: make it again, whole.",
            reason=error,
        ) from error
    return block


def _facts(image: Image) -> ImageFacts:
    settings = image.attrs.get("Config") or {}
    # containerd's image store knows an image by its manifest, and says so of each that has a name.
    digests = image.attrs.get("RepoDigests") or ()
    return ImageFacts(
        id=str(image.id),
        labels=dict(image.labels),
        size=int(image.attrs.get("Size", 0)),
        layers=tuple(image.attrs.get("RootFS", {}).get("Layers") or ()),
        entrypoint=tuple(settings.get("Entrypoint") or ()),
        environment=tuple(settings.get("Env") or ()),
        has_manifest_id=any(each.rpartition("@")[2] == image.id for each in digests),
    )


def _followed(output: Iterable[Mapping[str, object]]) -> Iterator[Mapping[str, object]]:
    with translated("building the image"):
        for each in output:
            yield dict(each)  # or it is none


def _build_lines(output: Iterable[Mapping[str, object]], errors: list[str]) -> Iterator[str]:
    """Yield the lines that a build prints, its error last; that is also added to `errors`."""
    pending = ""
    for chunk in output:
        pending += str(chunk.get("stream", ""))
        if "error" in chunk:
            errors.append(str(chunk["error"]))
            pending += f"\nerror: {chunk['error']}\n"
        *complete, pending = re.split(r"[\r\n]+", pending)
        yield from (line for line in complete if line.strip())
    if pending.strip():
        yield pending


def _failure(chunks: Iterable[Mapping[str, object]]) -> str:
    """Read what the engine streams to its end, and return the last error in it, or nothing."""
    failure = ""
    for chunk in chunks:
        failure = str(chunk.get("error", failure))
    return failure
