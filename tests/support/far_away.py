"""The engine of this machine as one far away: behind a real ssh server, and behind TLS."""

import contextlib
import os
import select
import shlex
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.registries import free_port

_SSHD: Final = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
_SEPARATED: Final = Path("/run/sshd")  # where the part without rights is shut in; sshd(8)
HOST: Final = "127.0.0.1"


def has_sshd() -> bool:
    """Whether there is an ssh server to start."""
    return _SSHD is not None and shutil.which("ssh") is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class SshServer:
    """An ssh server of our own on a port of this machine, and a client that knows it."""

    folder: Path
    port: int

    @property
    def environment(self) -> Mapping[str, str]:
        """What makes `ssh` use our settings in place of the user's."""
        return {"PATH": f"{self.folder / 'client'}:{os.environ['PATH']}"}

    @property
    def log(self) -> str:
        """What the server said."""
        return (self.folder / "log").read_text()

    def knows_host_by(self, key: str) -> None:
        """Have the client know the server by a key's public half; "" for not at all."""
        known = self.folder / "known"
        public = (self.folder / f"{key}.pub").read_text() if key else ""
        known.write_text(f"[{HOST}]:{self.port} {public}" if key else "")

    def lets_in(self, key: str) -> None:
        """Let in who has that key, and nobody else."""
        shutil.copyfile(self.folder / f"{key}.pub", self.folder / "authorized")


@contextlib.contextmanager
def ssh_server(folder: Path) -> Iterator[SshServer]:
    """Serve ssh with new keys: `host` of the server, `own` of the client, `other` of nobody."""
    for name in ("host", "own", "other"):
        key = str(folder / name)
        _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", key)
    server = SshServer(folder=folder, port=free_port())
    settings = {
        "ListenAddress": HOST, "Port": server.port, "HostKey": folder / "host", "PidFile": "none",
        "AuthorizedKeysFile": folder / "authorized", "StrictModes": "no", "UsePAM": "no",
        "PasswordAuthentication": "no", "PermitRootLogin": "prohibit-password",
    }  # fmt: skip
    _settings(folder / "sshd_config", settings)
    _client(folder)
    server.knows_host_by("host")
    server.lets_in("own")
    assert _SSHD is not None
    with contextlib.ExitStack() as stack:
        _SEPARATED.mkdir(mode=0o755, exist_ok=True)  # it stays: another server may need it by now
        command = [_SSHD, "-D", "-f", str(folder / "sshd_config"), "-E", str(folder / "log")]
        process = stack.enter_context(subprocess.Popen(command))
        stack.callback(process.terminate)
        _wait_for(server.port)
        yield server


def _client(folder: Path) -> None:
    settings = {
        "IdentityFile": folder / "own", "IdentitiesOnly": "yes", "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": folder / "known", "GlobalKnownHostsFile": "/dev/null",
    }  # fmt: skip
    _settings(folder / "ssh_config", settings)
    program = folder / "client/ssh"
    program.parent.mkdir()
    real = shutil.which("ssh")
    assert real is not None
    words = shlex.join([real, "-F", str(folder / "ssh_config")])
    program.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
    program.chmod(0o755)


def _settings(path: Path, settings: Mapping[str, object]) -> None:
    path.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            socket.create_connection((HOST, port), timeout=5).close()
        except OSError:
            assert time.monotonic() < deadline, "the ssh server does not come"
            time.sleep(0.05)
        else:
            return


def _run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, timeout=60)


@contextlib.contextmanager
def behind_tls(engine: Path, server: ssl.SSLContext) -> Iterator[str]:
    """Serve the engine's socket with TLS on a port of this machine; yield the address."""
    with socket.create_server((HOST, 0)) as listener:
        thread = threading.Thread(target=_accept, args=(listener, engine, server), daemon=True)
        thread.start()
        try:
            yield f"tcp://localhost:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def _accept(listener: socket.socket, engine: Path, server: ssl.SSLContext) -> None:
    with contextlib.suppress(OSError):
        while True:
            client, _address = listener.accept()
            threading.Thread(target=_carry, args=(client, engine, server), daemon=True).start()


def _carry(client: socket.socket, engine: Path, server: ssl.SSLContext) -> None:
    """Carry bytes both ways, in one thread: OpenSSL's connections do not bear two."""
    with (
        contextlib.suppress(OSError),  # a stranger's handshake; either side went away
        client,
        server.wrap_socket(client, server_side=True) as outside,
        socket.socket(socket.AF_UNIX) as inside,
    ):
        inside.connect(str(engine))
        other = {outside: inside, inside: outside}
        waiting: list[socket.socket] = [outside, inside]
        while inside in waiting:
            ready = [outside] if outside.pending() else select.select(waiting, [], [])[0]
            for each in ready:
                if data := each.recv(65536):
                    other[each].sendall(data)
                else:
                    waiting.remove(each)
                    if each is outside:
                        inside.shutdown(socket.SHUT_WR)
