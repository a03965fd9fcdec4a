"""Why an engine cannot be reached, told apart by what the system, ssh and servers say."""

import errno
import re
import socket
import ssl
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import docker.errors
import requests.exceptions

from builder.basics.errors import HostError
from builder.host.engine.endpoints import Endpoint
from builder.host.engine.faults import causes


class Trouble(StrEnum):
    """Why an engine cannot be reached."""

    NOT_THERE = "not there"  # no such socket
    NO_SOCKET = "no socket"  # a file or folder in its place
    NOT_RUNNING = "not running"  # nobody listens
    NOT_ALLOWED = "not allowed"
    UNKNOWN_HOST = "unknown host"
    NO_WAY = "no way"  # the network does not lead there
    SILENT = "silent"
    NO_ENGINE = "no engine"  # something else answers
    OTHER_PRODUCT = "other product"
    WANTS_TLS = "wants TLS"
    HAS_NO_TLS = "has no TLS"
    NOT_TRUSTED = "not trusted"  # its certificate
    WE_NOT_TRUSTED = "we are not trusted"  # our certificate
    TLS_FILES = "TLS files"
    NO_SSH = "no ssh"
    HOST_KEY_UNKNOWN = "host key unknown"
    HOST_KEY_CHANGED = "host key changed"
    LOGIN_REFUSED = "login refused"
    NO_CLIENT_THERE = "no client there"  # docker or podman, on the far side of ssh
    OTHER = "other"


class EngineUnreachableError(HostError):
    """No engine answers at `endpoint`, the first of several; `trouble` says why."""

    def __init__(
        self, message: str, *, trouble: Trouble, endpoint: Endpoint, **values: str
    ) -> None:
        temporary = trouble in (Trouble.NOT_RUNNING, Trouble.SILENT, Trouble.NO_WAY)
        super().__init__(message, hint=_ADVICE[trouble], temporary=temporary, **values)
        self.trouble = trouble
        self.endpoint = endpoint

    def advise(self, advice: str) -> None:
        """Replace the hint by one that knows this machine."""
        self.hint = "{advice}"
        self.values["advice"] = advice


# What ssh (OpenSSH's sshconnect.c, readconf.c) and the clients of Docker and Podman say over it.
_SSH: Final[tuple[tuple[str, Trouble], ...]] = (
    (r"REMOTE HOST IDENTIFICATION HAS CHANGED", Trouble.HOST_KEY_CHANGED),
    (r"^Host key verification failed|host key is known for", Trouble.HOST_KEY_UNKNOWN),
    (r"^ssh: Could not resolve hostname", Trouble.UNKNOWN_HOST),
    (r"^ssh: connect to host .*refused", Trouble.NOT_RUNNING),
    (r"^ssh: connect to host |banner exchange|^kex_exchange_ident", Trouble.NO_WAY),
    (r"^Connection (closed|reset) by .* port ", Trouble.NO_WAY),
    (r"\S+@\S+: Permission denied|Too many authentication failures", Trouble.LOGIN_REFUSED),
    (r"\b(docker|podman): (command )?not found", Trouble.NO_CLIENT_THERE),
    (r"command not found: (docker|podman)", Trouble.NO_CLIENT_THERE),  # zsh
    (r"Unknown command:? '?(docker|podman)", Trouble.NO_CLIENT_THERE),  # fish
    (r"\b(docker|podman): No such file or directory", Trouble.NO_CLIENT_THERE),
    (r"(dial unix|daemon socket).*permission denied", Trouble.NOT_ALLOWED),
    (r"dial unix .*(no such file|refused)", Trouble.NOT_RUNNING),
    (r"^(Error: )?Cannot connect to ", Trouble.NOT_RUNNING),
)
_ERRNO: Final[Mapping[int, Trouble]] = {
    errno.ENOENT: Trouble.NOT_THERE,
    errno.ENOTDIR: Trouble.NOT_THERE,
    errno.ENOTSOCK: Trouble.NO_SOCKET,
    errno.ECONNREFUSED: Trouble.NOT_RUNNING,
    errno.EACCES: Trouble.NOT_ALLOWED,
    errno.EPERM: Trouble.NOT_ALLOWED,
    errno.EHOSTUNREACH: Trouble.NO_WAY,
    errno.ENETUNREACH: Trouble.NO_WAY,
    errno.ETIMEDOUT: Trouble.NO_WAY,
}
# OpenSSL's words: ssl/ssl_err.c.
_TLS: Final[tuple[tuple[str, Trouble], ...]] = (
    (r"WRONG_VERSION_NUMBER|RECORD_LAYER_FAILURE|HTTP_REQUEST", Trouble.HAS_NO_TLS),
    (r"CERTIFICATE_VERIFY_FAILED", Trouble.NOT_TRUSTED),
    (r"ALERT|HANDSHAKE_FAILURE", Trouble.WE_NOT_TRUSTED),
)
_CUT: Final = (ConnectionResetError, BrokenPipeError, ssl.SSLEOFError, ssl.SSLZeroReturnError)


def told_by_ssh(words: str) -> tuple[Trouble, str]:
    """Return what the words of ssh and of the far side mean, and the line that says so."""
    lines = [line.strip(" \t\r@") for line in words.splitlines() if line.strip(" \t\r@")]
    for wording, trouble in _SSH:
        for line in reversed(lines):  # a banner comes first
            if re.search(wording, line, re.IGNORECASE):
                return trouble, line
    return Trouble.OTHER, (lines or [""])[-1]


def told_by_error(error: BaseException) -> Trouble:
    """Return what an error of the SDK, or of what is below it, means."""
    inside = list(causes(error))
    numbers = [each.errno or 0 for each in inside if isinstance(each, OSError)]
    known = [_ERRNO[number] for number in numbers if number in _ERRNO]
    for kind, meant in (
        (ssl.SSLError, _of_tls(str(error))),
        (socket.gaierror, Trouble.UNKNOWN_HOST),
        (OSError, next(iter(known), None)),
        (requests.exceptions.ConnectTimeout, Trouble.NO_WAY),
        (TimeoutError, Trouble.SILENT),
        (requests.exceptions.Timeout, Trouble.SILENT),
        (docker.errors.APIError, _of_answer(str(error))),
    ):
        if meant is not None and any(isinstance(each, kind) for each in inside):
            return meant
    return Trouble.NO_ENGINE


def was_cut(error: BaseException) -> bool:
    """Whether the other side ended the connection instead of answering."""
    return any(isinstance(each, _CUT) for each in causes(error))


def _of_tls(text: str) -> Trouble:
    found = (trouble for wording, trouble in _TLS if re.search(wording, text, re.IGNORECASE))
    return next(found, Trouble.NO_ENGINE)


def _of_answer(text: str) -> Trouble:
    return Trouble.WANTS_TLS if "HTTPS server" in text else Trouble.NO_ENGINE


_ADVICE: Final[Mapping[Trouble, str]] = {
    Trouble.NOT_THERE: "`distroclone-builder doctor` says what to install or start here.",
    Trouble.NO_SOCKET: "Give the path of the engine's socket, such as "
    "`unix:///var/run/docker.sock`. If a folder took its place there, remove it and start the "
    "engine.",
    Trouble.NOT_RUNNING: "Start the engine; `distroclone-builder doctor` says how.",
    Trouble.NOT_ALLOWED: "You may not use this engine; `distroclone-builder doctor` says who may.",
    Trouble.UNKNOWN_HOST: "Check the name of the host.",
    Trouble.NO_WAY: "Check the address, and whether the machine is on and lets you in.",
    Trouble.SILENT: "Look at the engine's log, and start it again if it hangs.",
    Trouble.NO_ENGINE: "Something else listens there. Check the address; --engine takes another.",
    Trouble.OTHER_PRODUCT: "Leave --engine out, or name the other product with it.",
    Trouble.WANTS_TLS: "Set DOCKER_TLS_VERIFY=1, and DOCKER_CERT_PATH to the folder of your keys.",
    Trouble.HAS_NO_TLS: "What listens there does not speak TLS: check the port. An engine that is "
    "really meant to be open to all is reached without DOCKER_TLS_VERIFY and DOCKER_CERT_PATH.",
    Trouble.NOT_TRUSTED: "Check that ca.pem is of the authority that signed the engine's "
    "certificate, and that the certificate names this host.",
    Trouble.WE_NOT_TRUSTED: "The engine wants a certificate that it knows: cert.pem and key.pem in "
    "DOCKER_CERT_PATH, or in the Docker context.",
    Trouble.TLS_FILES: "Check ca.pem, cert.pem and key.pem where DOCKER_CERT_PATH points, or make "
    "the Docker context again.",
    Trouble.NO_SSH: "Install the ssh client (package openssh-client, openssh-clients or openssh).",
    Trouble.HOST_KEY_UNKNOWN: "Log in once by hand with ssh, compare the key that it shows, and "
    "accept it.",
    Trouble.HOST_KEY_CHANGED: "Ask who runs that machine. If it really has a new key, remove the "
    "old one with `ssh-keygen -R HOST` and log in once by hand. Nothing was sent to it.",
    Trouble.LOGIN_REFUSED: "ssh must log in without asking: load your key into ssh-agent "
    "(`ssh-add`), and check with `ssh -o BatchMode=yes USER@HOST true`.",
    Trouble.NO_CLIENT_THERE: "Install the engine's client on the far machine. For Podman without "
    "one of Docker's, name its socket: `ssh://root@HOST/run/podman/podman.sock`.",
    Trouble.OTHER: "`distroclone-builder doctor` tells more about this machine.",
}
