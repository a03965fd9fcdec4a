"""Files of packages are had by their SHA-256, from wherever, and nothing else is kept."""

import hashlib
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from builder.basics.errors import HostError
from builder.border.added_packages import FetchRequest
from builder.formats.added_packages import AddedPackage
from builder.inside.added.fetch import Store, fetch
from tests.support.machines import RecordingSystem

CONTENT = b"a package" * 1000


@pytest.fixture
def archive() -> Iterator[tuple[str, dict[str, bytes], list[str]]]:
    """Serve files at an address; the list has what was asked for."""
    files: dict[str, bytes] = {"/a.deb": CONTENT}
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            content = files.get(self.path)
            if content is None:
                self.send_error(404 if self.path != "/broken.deb" else 503)
                return
            self.send_response(200)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_words: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", files, asked
        finally:
            server.shutdown()
            thread.join()


Archive = tuple[str, Mapping[str, bytes], list[str]]


def package(address: str, name: str = "a", content: bytes = CONTENT) -> AddedPackage:
    return AddedPackage(
        name=name,
        version="1",
        architecture="all",
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        url=f"{address}/{name}.deb",
    )


def test_a_file_is_fetched_once_and_named_by_its_sha256(archive: Archive, tmp_path: Path) -> None:
    address, _files, asked = archive
    wanted = FetchRequest(packages=(package(address),))
    first = fetch(wanted, tmp_path, system=RecordingSystem())
    second = fetch(wanted, tmp_path, system=RecordingSystem())
    assert (first.fetched, first.kept) == (1, 0)
    assert (second.fetched, second.kept) == (0, 1)
    assert [path.name for path in tmp_path.iterdir()] == [package(address).key]
    assert asked == ["/a.deb"]


def test_a_file_under_another_name_is_found(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "pool").mkdir()
    (tmp_path / "pool/a_1_all.deb").write_bytes(CONTENT)
    (tmp_path / "pool/same-size.deb").write_bytes(bytes(len(CONTENT)))
    assert Store(tmp_path).find(package(archive[0])) == tmp_path / "pool/a_1_all.deb"
    assert archive[2] == []


def test_a_file_that_was_changed_is_fetched_again(archive: Archive, tmp_path: Path) -> None:
    wanted = package(archive[0])
    (tmp_path / wanted.key).write_bytes(bytes(len(CONTENT)))
    assert Store(tmp_path).find(wanted) is None
    fetch(FetchRequest(packages=(wanted,)), tmp_path, system=RecordingSystem())
    assert (tmp_path / wanted.key).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "the server says 404"),
        (CONTENT[:-1], "another file than the lock names"),
        (CONTENT + b"more", "another file than the lock names"),
        (CONTENT.upper(), "another file than the lock names"),
    ],
)
def test_what_is_not_the_file_leaves_nothing_and_is_named(
    archive: tuple[str, dict[str, bytes], list[str]],
    tmp_path: Path,
    content: bytes | None,
    said: str,
) -> None:
    address, files, _asked = archive
    if content is None:
        del files["/a.deb"]
    else:
        files["/a.deb"] = content
    with pytest.raises(HostError) as caught:
        fetch(FetchRequest(packages=(package(address),)), tmp_path, system=RecordingSystem())
    assert "a:all=1" in str(caught.value)
    assert said in str(caught.value)
    assert "--packages-from" in str(caught.value.hint)
    assert list(tmp_path.iterdir()) == []


def test_every_file_that_cannot_be_had_is_named(archive: Archive, tmp_path: Path) -> None:
    address = archive[0]
    wanted = (package(address, "b"), package(address), package(address, "broken"))
    with pytest.raises(HostError) as caught:
        fetch(FetchRequest(packages=wanted), tmp_path, system=RecordingSystem())
    assert "b:all=1 (the server says 404)" in str(caught.value)
    assert "broken:all=1 (the server says 503)" in str(caught.value)
    assert archive[2].count("/broken.deb") == 3
    assert [path.name for path in tmp_path.iterdir()] == [wanted[1].key]


def test_an_archive_that_is_gone_is_told(tmp_path: Path) -> None:
    wanted = package("http://127.0.0.1:9")
    with pytest.raises(HostError, match="Connection refused"):
        fetch(FetchRequest(packages=(wanted,)), tmp_path, system=RecordingSystem())
