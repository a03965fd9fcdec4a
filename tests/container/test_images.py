"""Images that are built or imported: what fails is said, and never passed off as a success."""

import io
import secrets
import threading
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import docker
import pytest

from builder.basics.errors import HostError
from builder.host.engine import Engine, connect
from builder.host.image.resources import BuildContext
from tests.support.registries import forget

pytestmark = pytest.mark.container


@pytest.fixture(scope="module")
def engine() -> Engine:
    """The engine, through the code under test."""
    return connect()


@pytest.fixture
def tag(client: docker.DockerClient) -> Iterator[str]:
    """A name for an image; nothing has it afterwards."""
    name = f"distroclone-builder-test:{secrets.token_hex(8)}"
    yield name
    forget(client, name)


def build(engine: Engine, tag: str, recipe: str, *, labels: dict[str, str]) -> list[str]:
    context = BuildContext(files={"Dockerfile": recipe.encode(), "content": tag.encode()})
    lines: list[str] = []
    engine.images.build(
        context.archive(),
        dockerfile="Dockerfile",
        tag=tag,
        arguments={},
        labels=labels,
        fresh=True,
        on_line=lines.append,
    )
    return lines


_GOOD = "FROM scratch\nCOPY content /error:\n"


def test_an_image_is_built_under_its_name_with_its_labels(engine: Engine, tag: str) -> None:
    lines = build(engine, tag, _GOOD, labels={"kind": "test"})
    facts = engine.images.find(tag)
    assert facts is not None
    assert facts.labels["kind"] == "test"
    assert facts.size >= len(tag)  # Podman counts what describes the image as well
    assert any("COPY content" in line for line in lines)


def test_a_build_that_fails_is_never_taken_for_the_image_built_before(
    engine: Engine, tag: str
) -> None:
    build(engine, tag, _GOOD, labels={})
    with pytest.raises(HostError, match=r"could not be built: .*absent") as caught:
        build(engine, tag, "FROM scratch\nCOPY absent /\n", labels={})
    assert any("COPY absent" in line for line in caught.value.output)


def test_a_recipe_that_cannot_be_read_is_an_error(engine: Engine, tag: str) -> None:
    with pytest.raises(HostError, match="NOT-A-WORD"):
        build(engine, tag, "FROM scratch\nNOT-A-WORD\n", labels={})
    assert engine.images.find(tag) is None


def test_an_import_of_what_is_no_archive_says_so(engine: Engine, tag: str) -> None:
    with pytest.raises(HostError, match=r"could not be imported|importing the base image"):
        engine.images.import_rootfs(io.BytesIO(b"no tar" * 1000), tag=tag, labels={})
    assert engine.images.find(tag) is None


class _Nonsense(BaseHTTPRequestHandler):
    """A registry, by its address only: answers everything with what its server says."""

    def do_GET(self) -> None:
        status, kind, content = self.server.answer  # type: ignore[attr-defined]
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        if status == HTTPStatus.FOUND:
            self.send_header("Location", self.path)
        self.end_headers()
        self.wfile.write(content if self.command == "GET" else b"")

    do_HEAD = do_GET

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize(
    "answer",
    [
        (200, "text/html", b"<!DOCTYPE html><title>Welcome to the Wi-Fi of this hotel</title>"),
        (200, "application/vnd.docker.distribution.manifest.v2+json", b'{"schemaVersion": "two"}'),
        (200, "application/vnd.oci.image.manifest.v1+json", b"[" * 5000),
        (302, "text/plain", b""),
        (500, "application/json", b'{"errors": "none"}'),
    ],
    ids=["a page", "another manifest", "no end", "a circle", "a failure"],
)
def test_a_registry_that_answers_nonsense_is_named(
    engine: Engine, answer: tuple[int, str, bytes]
) -> None:
    waits: list[float] = []
    with ThreadingHTTPServer(("127.0.0.1", 0), _Nonsense) as server:
        server.answer = answer  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            repository = f"localhost:{server.server_port}/debian"
            with pytest.raises(HostError, match=repository) as caught:
                engine.images.pull(
                    repository, digest="sha256:" + "0" * 64, attempts=2,
                    on_retry=lambda _error, wait: waits.append(wait),
                )  # fmt: skip
        finally:
            server.shutdown()
            thread.join()
    assert caught.value.advice
    assert len(waits) == (1 if caught.value.temporary else 0)
    assert engine.images.find(f"{repository}@sha256:{'0' * 64}") is None


def test_removing_an_image_twice_is_fine(engine: Engine, tag: str) -> None:
    build(engine, tag, _GOOD, labels={})
    engine.images.remove(tag)
    engine.images.remove(tag)
    assert engine.images.find(tag) is None
