"""An engine behind ssh: a socket here, each of whose connections is carried by an ssh client.

The SDK's own way reads from pipes without any time limit, lets ssh ask questions, and loses what
ssh says. This one gives the SDK an ordinary socket. What runs on the far side is what the clients
of Docker and Podman run there: `docker system dial-stdio` (docker/cli, cli/connhelper).
"""

import contextlib
import os
import shlex
import shutil
import socket
import subprocess
import tempfile
import threading
from typing import Final

from builder.basics.printable import printable_lines
from builder.host.engine.endpoints import Endpoint
from builder.host.engine.protocol import Product

# Nobody can answer a question: connections are made at any time, from several threads. A line that
# died is noticed within 90 seconds; a machine that does not answer, after 20.
_OPTIONS: Final = (
    "BatchMode=yes", "ConnectTimeout=20", "ServerAliveInterval=30", "ServerAliveCountMax=3",
)  # fmt: skip
_LAST_WORDS: Final = 3  # seconds that an ssh whose connection ended gets to say why
_LIMIT: Final = 8192  # bytes of what ssh said


def far_command(endpoint: Endpoint) -> str:
    """Return what runs on the far side, as a line for the login shell there."""
    path = endpoint.address.path
    podmans = endpoint.expected is Product.PODMAN or path.endswith("/podman.sock")
    client, option = ("podman", "--url") if podmans else ("docker", "--host")
    where = [option, f"unix://{path}"] if path else []
    return shlex.join([client, *where, "system", "dial-stdio"])


def ssh_command(endpoint: Endpoint) -> list[str]:
    """Return the arguments of the ssh client; everything else is up to the user's ssh settings."""
    address = endpoint.address
    options = [word for each in _OPTIONS for word in ("-o", each)]
    user = ["-l", address.user] if address.user else []
    port = [] if address.port is None else ["-p", str(address.port)]
    return ["ssh", "-T", *options, *user, *port, "--", address.host, far_command(endpoint)]


class Tunnel:
    """A socket on this machine that leads to the engine. It is gone when the program ends."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._command = ssh_command(endpoint)
        self._folder = tempfile.TemporaryDirectory(prefix="distroclone-", dir=_roomy_for_a_socket())
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the tunnel
        self._running: list[subprocess.Popen[bytes]] = []
        self.path = f"{self._folder.name}/engine.sock"
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve, name="ssh tunnel", daemon=True)
        self._thread.start()

    def last_words(self) -> str:
        """Return what ssh and the far side said, once what they carried has ended."""
        for process in tuple(self._running):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_LAST_WORDS)
        end = os.fstat(self._words.fileno()).st_size
        said = os.pread(self._words.fileno(), _LIMIT, max(0, end - _LIMIT))
        return printable_lines(said.decode("utf-8", "replace")).strip()

    def close(self) -> None:
        """End every connection."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        if threading.current_thread() is not self._thread:  # garbage is collected in any thread
            self._thread.join()
        self._listener.close()
        for process in self._running:
            process.terminate()
        for process in self._running:
            process.wait()
        self._words.close()
        self._folder.cleanup()

    def _serve(self) -> None:
        while True:
            try:
                connection, _nobody = self._listener.accept()
            except OSError:
                return  # closed
            with connection:
                self._carry(connection)

    def _carry(self, connection: socket.socket) -> None:
        self._running = [each for each in self._running if each.poll() is None]
        with contextlib.suppress(OSError, ValueError):  # too many processes; closed meanwhile
            self._running.append(
                subprocess.Popen(
                    self._command,
                    stdin=connection.fileno(),
                    stdout=connection.fileno(),
                    stderr=self._words.fileno(),
                    start_new_session=True,  # Ctrl-C is for us: cleaning up needs the engine
                )
            )


def has_ssh() -> bool:
    """Whether there is an ssh client."""
    return shutil.which("ssh") is not None


def _roomy_for_a_socket() -> str:
    """Return a folder whose path leaves room for a socket's: it may have 107 bytes (unix(7))."""
    usual = tempfile.gettempdir()
    return usual if len(os.fsencode(usual)) < 70 else "/tmp"  # noqa: S108 - made in it with mkdtemp
