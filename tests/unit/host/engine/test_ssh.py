"""Engines behind ssh: what is run there, what ssh says when it fails, and nothing that hangs."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from builder.host.engine.endpoints import Endpoint, Why, parse_address
from builder.host.engine.protocol import Product
from builder.host.engine.reaching import reached
from builder.host.engine.ssh import Tunnel, far_command, ssh_command
from builder.host.engine.troubles import EngineUnreachableError, Trouble
from tests.support.answering import engine, listening

# Carries bytes to a socket, as `docker system dial-stdio` does on the far side.
_CARRIER = """#!{python}
import os, socket, sys, threading
with open({log!r}, "a") as log:
    print(sys.argv[1:], os.getsid(0) == os.getpid(), file=log)
there = socket.socket(socket.AF_UNIX)
there.connect({there!r})
def up():
    while piece := os.read(0, 65536):
        there.sendall(piece)
    there.shutdown(socket.SHUT_WR)
threading.Thread(target=up, daemon=True).start()
while piece := there.recv(65536):
    os.write(1, piece)
"""
CHANGED = """@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!
Offending ED25519 key in /home/me/.ssh/known_hosts:7
Host key for far has changed and you have requested strict checking.
Host key verification failed."""
BANNER = "Authorised use only. Connection refused to all others; permission denied to robots.\n"

InsteadOfSsh = Callable[[str], None]


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> InsteadOfSsh:
    """Return what puts a program in the place of the ssh client."""
    tools = tmp_path / "tools"
    tools.mkdir()
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")

    def put(script: str) -> None:
        (tools / "ssh").write_text(script)
        (tools / "ssh").chmod(0o755)

    return put


def far(url: str = "ssh://me@far", *, expected: Product | None = None) -> Endpoint:
    address = parse_address(url, why=Why.ENGINE_OPTION)
    return Endpoint(address=address, why=Why.ENGINE_OPTION, expected=expected)


@pytest.mark.parametrize(
    ("url", "expected", "command"),
    [
        ("ssh://far", None, "docker system dial-stdio"),
        ("ssh://far", Product.PODMAN, "podman system dial-stdio"),
        ("ssh://far/run/podman/podman.sock", None,
         "podman --url unix:///run/podman/podman.sock system dial-stdio"),
        ("ssh://far/run/user/1000/docker.sock", None,
         "docker --host unix:///run/user/1000/docker.sock system dial-stdio"),
        ("ssh://far/srv/a;reboot", None,
         "docker --host 'unix:///srv/a;reboot' system dial-stdio"),
    ],
)  # fmt: skip
def test_the_far_side_runs_what_its_client_has_for_that(
    url: str, expected: Product | None, command: str
) -> None:
    assert far_command(far(url, expected=expected)) == command


def test_ssh_asks_nothing_and_takes_the_host_for_nothing_else() -> None:
    words = ssh_command(far("ssh://me@[fd00::1]:2222"))
    assert words[-3:-1] == ["--", "fd00::1"]
    assert (
        words[words.index("-o") + 1], words[words.index("-l") + 1], words[words.index("-p") + 1],
    ) == ("BatchMode=yes", "me", "2222")  # fmt: skip
    assert {"-l", "-p"}.isdisjoint(ssh_command(far("ssh://far")))


def test_an_engine_is_reached_through_ssh_and_nothing_is_left(
    tmp_path: Path, ssh: InsteadOfSsh
) -> None:
    log, there = tmp_path / "log", tmp_path / "there"
    ssh(_CARRIER.format(python=sys.executable, log=str(log), there=str(there)))
    with listening(there, engine()):
        found = reached(far())
        assert found.version == "20.10.24"
        assert found.client.version()["ApiVersion"] == "1.41"
    lines = log.read_text().splitlines()
    assert len(lines) == 2
    for line in lines:
        assert line.endswith("True")  # Ctrl-C does not reach it, and it has no terminal to ask on
    adapter: Any = found.client.api.adapters["http+docker://"]
    folder = Path(adapter.socket_path).parent
    assert folder.stat().st_mode & 0o077 == 0
    found.client.close()
    del found, adapter
    assert not folder.exists()


@pytest.mark.parametrize(
    ("words", "trouble"),
    [
        ("ssh: Could not resolve hostname far: Name or service not known", Trouble.UNKNOWN_HOST),
        ("ssh: connect to host far port 22: Connection refused", Trouble.NOT_RUNNING),
        ("ssh: connect to host far port 22: Connection timed out", Trouble.NO_WAY),
        ("ssh: connect to host far port 22: No route to host", Trouble.NO_WAY),
        ("Connection timed out during banner exchange", Trouble.NO_WAY),
        (("No ED25519 host key is known for far and you have requested strict checking.\n"
         "Host key verification failed."), Trouble.HOST_KEY_UNKNOWN),
        (CHANGED, Trouble.HOST_KEY_CHANGED),
        ("me@far: Permission denied (publickey,password).", Trouble.LOGIN_REFUSED),
        (("Load key \"/home/me/.ssh/id\": Permission denied\r\n"
         "me@far: Permission denied (publickey)."), Trouble.LOGIN_REFUSED),
        ("Received disconnect from far port 22:2: Too many authentication failures",
         Trouble.LOGIN_REFUSED),
        ("bash: line 1: docker: command not found", Trouble.NO_CLIENT_THERE),
        ("sh: 1: docker: not found", Trouble.NO_CLIENT_THERE),
        ("zsh:1: command not found: docker", Trouble.NO_CLIENT_THERE),
        ("fish: Unknown command: docker", Trouble.NO_CLIENT_THERE),
        ("ash: podman: not found", Trouble.NO_CLIENT_THERE),
        (("failed to open the raw stream connection: dial unix /var/run/docker.sock: connect: "
         "permission denied"), Trouble.NOT_ALLOWED),
        (("failed to open the raw stream connection: dial unix /var/run/docker.sock: connect: "
         "no such file or directory"), Trouble.NOT_RUNNING),
        (("Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker "
         "daemon running?"), Trouble.NOT_RUNNING),
        (("Error: failed to open connection to podman: dial unix /run/podman/podman.sock: connect: "
         "connection refused"), Trouble.NOT_RUNNING),
        ("kex_exchange_identification: read: Connection reset by peer", Trouble.NO_WAY),
        ("This account is currently not available.", Trouble.OTHER),
    ],
)  # fmt: skip
def test_what_ssh_says_is_told_with_what_to_do(
    ssh: InsteadOfSsh, words: str, trouble: Trouble
) -> None:
    ssh(f"#!/bin/sh\ncat >&2 <<'WORDS'\n{BANNER}{words}\nWORDS\nexit 255\n")
    with pytest.raises(EngineUnreachableError) as caught:
        reached(far())
    assert caught.value.trouble is trouble, str(caught.value)
    told = str(caught.value).rpartition("(--engine): ")[2]
    assert told.strip() in words
    assert "Authorised" not in told
    assert caught.value.advice


def test_an_ssh_that_says_nothing_for_ever_is_not_waited_for(ssh: InsteadOfSsh) -> None:
    ssh("#!/bin/sh\nexec sleep 60\n")
    before = time.monotonic()
    with pytest.raises(EngineUnreachableError) as caught:
        reached(far(), patience=0.5)
    assert caught.value.trouble is Trouble.SILENT
    assert time.monotonic() - before < 20


def test_a_far_side_that_talks_before_the_engine_does_is_told(ssh: InsteadOfSsh) -> None:
    ssh("#!/bin/sh\necho Welcome to far\n")  # of a login shell's start-up file
    with pytest.raises(EngineUnreachableError, match="Welcome to far") as caught:
        reached(far())
    assert caught.value.trouble is Trouble.NO_ENGINE


def test_without_an_ssh_client_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(EngineUnreachableError, match="reached with ssh, which is not here"):
        reached(far())


def test_a_tunnel_has_room_for_its_socket_wherever_temporary_files_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("x" * 120)
    deep.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    tunnel = Tunnel(far())
    tunnel.close()
    assert not Path(tunnel.path).exists()
