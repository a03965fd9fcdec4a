"""What listens where an engine is expected, and is told from an engine: over real sockets."""

import contextlib
import errno
import os
import socket
import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from builder.basics.errors import HostError
from builder.host.engine.endpoints import Endpoint, TlsFiles, Why, parse_address
from builder.host.engine.protocol import Product
from builder.host.engine.reaching import Reached, first_reached, reached
from builder.host.engine.troubles import EngineUnreachableError, Trouble, told_by_error
from tests.support.answering import PODMAN, engine, http, listening, listening_on_network
from tests.support.authority import Authority, locked

PAGE = http(b"<!DOCTYPE html><title>It works!</title>", kind="text/html")


def endpoint(url: str, *, tls: TlsFiles | None = None, expected: Product | None = None) -> Endpoint:
    address = parse_address(url, why=Why.ENGINE_OPTION, with_tls=tls is not None)
    return Endpoint(address=address, why=Why.ENGINE_OPTION, tls=tls, expected=expected)


def trouble(there: Endpoint, *, patience: float = 5) -> Trouble:
    """Return why no engine is reached there, once it is sure that people are told what to do."""
    with pytest.raises(EngineUnreachableError) as caught:
        reached(there, patience=patience)
    assert caught.value.advice
    assert there.address.url.partition("//")[2] in str(caught.value) or there.tls
    return caught.value.trouble


@contextlib.contextmanager
def nothing(path: Path, _answer: bytes | None) -> Iterator[str]:
    yield f"unix://{path}"


def test_an_engine_is_reached_and_says_whose_it_is(tmp_path: Path) -> None:
    with listening(tmp_path / "s", engine()) as url:
        found = reached(endpoint(url))
    assert (found.product, found.version) == (Product.DOCKER, "20.10.24")
    assert found.client.api.api_version == "1.41"
    with listening(tmp_path / "p", engine(PODMAN)) as url:
        assert reached(endpoint(url)).product is Product.PODMAN


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"", Trouble.NO_ENGINE),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", Trouble.NO_ENGINE),
        (b"\x15\x03\x01\x00\x02\x02\x16", Trouble.NO_ENGINE),
        (PAGE, Trouble.NO_ENGINE),
        (http(b"page not found", status="404 Not Found"), Trouble.NO_ENGINE),
        (http(b"", status="302 Found\r\nLocation: http://localhost/"), Trouble.NO_ENGINE),
        (http(b"bad gateway", status="502 Bad Gateway"), Trouble.NO_ENGINE),
        (http(b"null"), Trouble.NO_ENGINE),
        (http(b"[]"), Trouble.NO_ENGINE),
        (http(b'{"ApiVersion": "1.41"'), Trouble.NO_ENGINE),
        (http(b"\xff\xfe"), Trouble.NO_ENGINE),
        (http(b"[" * 100_000), Trouble.NO_ENGINE),
        (engine({}), Trouble.NO_ENGINE),
        (engine({"ApiVersion": None}), Trouble.NO_ENGINE),
        (engine({"ApiVersion": "latest"}), Trouble.NO_ENGINE),
        (engine({"ApiVersion": "1." + "9" * 5000}), Trouble.NO_ENGINE),
        (http(b" " * (2 << 20)), Trouble.NO_ENGINE),
        (http(b"Client sent an HTTP request to an HTTPS server.", status="400 Bad Request"),
         Trouble.WANTS_TLS),
        (None, Trouble.SILENT),
    ],
)  # fmt: skip
def test_what_is_no_engine_is_told_as_such(
    tmp_path: Path, answer: bytes | None, expected: Trouble
) -> None:
    with listening(tmp_path / "s", answer) as url:
        assert trouble(endpoint(url), patience=0.5 if answer is None else 5) is expected


def test_an_answer_without_the_usual_shape_is_still_an_engine_s(tmp_path: Path) -> None:
    with listening(tmp_path / "s", engine({"ApiVersion": "1.44", "Components": [7, None]})) as url:
        assert reached(endpoint(url)).version == ""


@pytest.mark.parametrize(
    ("newest", "oldest", "spoken"),
    [
        ("1.41", "1.12", "1.41"),
        ("1.45", "1.24", "1.45"),
        ("1.52", "1.44", "1.45"),
        ("1.60", "1.50", "1.50"),
        ("1.52", "soon", "1.45"),
        ("2.0", None, "1.45"),
    ],
)
def test_an_engine_that_is_newer_than_we_know_is_spoken_to_as_we_know_it(
    tmp_path: Path, newest: str, oldest: str | None, spoken: str
) -> None:
    said = {"ApiVersion": newest, "MinAPIVersion": oldest, "Version": "29.0"}
    with listening(tmp_path / "s", engine(said)) as url:
        assert reached(endpoint(url)).client.api.api_version == spoken


def test_a_connection_over_the_network_that_waits_asks_whether_the_other_side_is_there() -> None:
    with listening_on_network(engine()) as url, listening_on_network(None) as waiting:
        client = reached(endpoint(url)).client
        client.api.base_url = waiting.replace("tcp:", "http:")
        with contextlib.closing(client), ThreadPoolExecutor(1) as beside:
            asked = beside.submit(client.api.get, client.api.base_url, timeout=1)
            port = int(waiting.rpartition(":")[2])
            timers = set[str]()
            while "02" not in timers and not asked.done():
                timers = timers_to(port)
            assert timers == {"02"}  # the kernel's timer for that (proc_net_tcp.txt)


def timers_to(port: int) -> set[str]:
    """Return which timers the connections to a port of this machine have."""
    lines = (each.split() for each in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return {each[5][:2] for each in lines if each[2].endswith(f":{port:04X}")}


@pytest.mark.parametrize("api", ["1.40", "1.12", "0.1"])
def test_an_engine_that_is_too_old_is_told_so(tmp_path: Path, api: str) -> None:
    with listening(tmp_path / "s", engine({"ApiVersion": api, "Version": "19.3"})) as url:
        with pytest.raises(HostError, match=f"has API {api}; 1.41") as caught:
            reached(endpoint(url))
        assert "Update" in caught.value.advice


def test_the_other_product_is_not_taken_for_the_one_that_was_asked_for(tmp_path: Path) -> None:
    with listening(tmp_path / "s", engine(PODMAN)) as url:
        assert trouble(endpoint(url, expected=Product.DOCKER)) is Trouble.OTHER_PRODUCT
        assert reached(endpoint(url, expected=Product.PODMAN)).product is Product.PODMAN


def test_a_socket_that_is_not_there_and_one_that_nobody_serves_are_told_apart(
    tmp_path: Path,
) -> None:
    assert trouble(endpoint(f"unix://{tmp_path}/none")) is Trouble.NOT_THERE
    (tmp_path / "file").touch()
    assert trouble(endpoint(f"unix://{tmp_path}/file/sock")) is Trouble.NOT_THERE
    with socket.socket(socket.AF_UNIX) as ended:
        ended.bind(str(tmp_path / "ended"))
    assert trouble(endpoint(f"unix://{tmp_path}/ended")) is Trouble.NOT_RUNNING


@pytest.mark.parametrize("make", [Path.touch, Path.mkdir, os.mkfifo])
def test_what_is_no_socket_is_told_as_such(tmp_path: Path, make: Callable[[Path], None]) -> None:
    """The system says "Connection refused", as of a socket that nobody serves."""
    make(tmp_path / "other")
    there = endpoint(f"unix://{tmp_path}/other")
    assert trouble(there) is Trouble.NO_SOCKET
    with pytest.raises(
        EngineUnreachableError, match=r"/other \(--engine\) is not a socket$"
    ) as told:
        reached(there)
    assert "path of the engine's socket" in told.value.advice
    assert not told.value.temporary


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM])
def test_a_socket_that_one_may_not_use_is_told_as_such(number: int) -> None:
    refused = ConnectionError("Connection aborted.", OSError(number, os.strerror(number)))
    assert told_by_error(refused) is Trouble.NOT_ALLOWED


def test_the_network_is_told_from_the_engine() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert trouble(endpoint(f"tcp://127.0.0.1:{port}")) is Trouble.NOT_RUNNING
    assert trouble(endpoint("tcp://nowhere.invalid:2375")) is Trouble.UNKNOWN_HOST


Default = Callable[[Path, bytes | None], AbstractContextManager[str]]


@pytest.mark.parametrize(
    ("docker", "answer", "expected"),
    [
        (listening, engine(), Product.DOCKER),
        (nothing, None, Product.PODMAN),
        (listening, PAGE, Product.PODMAN),
        (listening, None, Product.PODMAN),
    ],
)
def test_the_first_that_answers_is_taken(
    tmp_path: Path, docker: Default, answer: bytes | None, expected: Product
) -> None:
    with docker(tmp_path / "d", answer) as first, listening(tmp_path / "p", engine(PODMAN)) as last:
        found: Reached = first_reached([endpoint(first), endpoint(last)], patience=0.5)
    assert found.product is expected


def test_where_none_answers_what_is_there_is_told_rather_than_what_is_not(tmp_path: Path) -> None:
    places = [endpoint(f"unix://{tmp_path}/{name}") for name in ("a", "b", "c")]
    with pytest.raises(EngineUnreachableError, match=f"{tmp_path}/a.*, .*{tmp_path}/c") as caught:
        first_reached(places)
    assert caught.value.trouble is Trouble.NOT_THERE
    with listening(tmp_path / "b", PAGE), pytest.raises(EngineUnreachableError) as caught:
        first_reached(places)
    assert caught.value.trouble is Trouble.NO_ENGINE


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.made_in(tmp_path_factory.mktemp("keys"))


def test_an_engine_behind_tls_is_reached_with_the_right_keys_only(
    authority: Authority, tmp_path: Path
) -> None:
    ours = authority.files("client")
    (tmp_path / "stranger").mkdir()
    stranger = Authority.made_in(tmp_path / "stranger").files("client")
    server = authority.server("localhost")
    with listening_on_network(engine(), tls=server) as url:
        assert reached(endpoint(url, tls=ours)).product is Product.DOCKER
        assert trouble(endpoint(url)) in (Trouble.NO_ENGINE, Trouble.WANTS_TLS)
        assert trouble(endpoint(url, tls=stranger)) is Trouble.NOT_TRUSTED
        mixed = TlsFiles(
            authority=ours.authority, certificate=stranger.certificate, key=stranger.key
        )
        assert trouble(endpoint(url, tls=mixed)) is Trouble.WE_NOT_TRUSTED
        none = TlsFiles(authority=ours.authority, certificate=None, key=None)
        assert trouble(endpoint(url, tls=none)) is Trouble.WE_NOT_TRUSTED
    with listening_on_network(engine(), tls=authority.server("other.example")) as url:
        assert trouble(endpoint(url, tls=ours)) is Trouble.NOT_TRUSTED
    with listening_on_network(engine()) as url:
        assert trouble(endpoint(url, tls=ours)) is Trouble.HAS_NO_TLS


@pytest.mark.parametrize("which", ["authority", "certificate", "key"])
@pytest.mark.parametrize("fault", ["missing", "a folder", "empty", "of another kind"])
def test_a_tls_file_that_cannot_be_used_is_told_before_anything_is_sent(
    authority: Authority, tmp_path: Path, which: str, fault: str
) -> None:
    good = authority.files("client")
    parts = {
        "authority": good.authority, "certificate": good.certificate, "key": good.key,
    }  # fmt: skip
    bad = tmp_path / "bad.pem"
    match fault:
        case "a folder":
            bad.mkdir()
        case "empty":
            bad.touch()
        case "of another kind":
            bad.write_bytes((parts["key" if which != "key" else "authority"] or bad).read_bytes())
        case _:
            pass  # missing
    parts[which] = bad
    files = TlsFiles(
        authority=parts["authority"], certificate=parts["certificate"], key=parts["key"]
    )
    with pytest.raises(EngineUnreachableError, match=r"TLS file .*\.pem cannot be used") as caught:
        reached(endpoint("tcp://localhost:1", tls=files))
    assert caught.value.trouble is Trouble.TLS_FILES


def test_a_key_with_a_passphrase_asks_nobody(authority: Authority, tmp_path: Path) -> None:
    good = authority.files("client")
    assert good.key is not None
    shut = locked(good.key, tmp_path / "locked.pem")
    files = TlsFiles(authority=good.authority, certificate=good.certificate, key=shut)
    assert trouble(endpoint("tcp://localhost:1", tls=files)) is Trouble.TLS_FILES


def test_an_error_of_tls_is_not_taken_for_one_of_the_system() -> None:
    assert told_by_error(ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER]")) is Trouble.HAS_NO_TLS
