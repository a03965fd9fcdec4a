"""Where an engine may be reached: addresses as people write them, read and checked.

The forms are those of Docker's client (`docker --help`, opts.ParseHost) and, for `ssh://` with a
path, of Podman's (podman-system-connection(1)).
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

from builder.basics.errors import BuilderError, HostError, UsageError
from builder.basics.texts import say
from builder.host.engine.protocol import Product

_PORTS: Final = {"http": 2375, "https": 2376}
_ODD: Final = re.compile(r"[\s\x00-\x1f\x7f]")
_HOST: Final = re.compile(r"[0-9A-Za-z_][0-9A-Za-z_.-]*|[0-9A-Fa-f:.]+(%[0-9A-Za-z_.-]+)?")
_USER: Final = re.compile(r"[^-:@/][^:@/]*")
_BARE: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z_.-]+):[0-9]+")


class Why(StrEnum):
    """What decided that an engine is to be reached there; the earlier ones come first."""

    ENGINE_OPTION = "--engine"
    CONTEXT_OPTION = "--context"
    DOCKER_HOST = "DOCKER_HOST"
    DOCKER_CONTEXT = "DOCKER_CONTEXT"
    CONTAINER_HOST = "CONTAINER_HOST"
    CURRENT_CONTEXT = "the current Docker context"
    DEFAULT = "a default socket"

    @property
    def error(self) -> type[BuilderError]:
        """The class of error for a wrong value: who typed it, or who set the machine up."""
        typed = self in (Why.ENGINE_OPTION, Why.CONTEXT_OPTION)
        return UsageError if typed else HostError


class Scheme(StrEnum):
    """How an engine is reached."""

    UNIX = "unix"
    HTTP = "http"
    HTTPS = "https"
    SSH = "ssh"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where an engine listens: a socket's path, or a host with what is needed to reach it."""

    scheme: Scheme
    path: str = ""  # of a socket; with SSH on the far side, "" for the far client's own default
    host: str = ""
    port: int | None = None  # None: what ssh's own settings say
    user: str = ""

    @property
    def url(self) -> str:
        """The address as one text."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        user = f"{self.user}@" if self.user else ""
        port = "" if self.port is None else f":{self.port}"
        return f"{self.scheme.value}://{user}{host}{port}{self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """What proves who the engine and we are. A path that is None is not used."""

    authority: Path | None  # certificates that sign the engine's; None: those of the system
    certificate: Path | None  # ours
    key: Path | None
    verify: bool = True  # whether the engine must prove who it is


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An engine that may be there, and why it is asked."""

    address: Address
    why: Why
    expected: Product | None = None  # whose engine it has to be; None: any
    context: str = ""  # the Docker context that names it
    tls: TlsFiles | None = None

    @property
    def where(self) -> str:
        """The address with what named it, for people."""
        address = re.sub(r"^https?:", "tcp:", self.address.url)
        match self.why:
            case Why.DEFAULT:
                return say("{path} (a default socket)", path=self.address.path)
            case Why.CONTEXT_OPTION | Why.DOCKER_CONTEXT | Why.CURRENT_CONTEXT:
                return say(
                    "{address} (the Docker context {name})",
                    address=address,
                    name=self.context,
                )
            case _:
                return say("{address} ({source})", address=address, source=self.why.value)


def unix(path: str) -> Address:
    """Return the address of a socket on this machine."""
    return Address(scheme=Scheme.UNIX, path=path)


def parse_address(text: str, *, why: Why, with_tls: bool = False, source: str = "") -> Address:
    """Return the address that `text` is; `source` names what gave it, if not `why` alone does.

    Raises UsageError for an option, and HostError for what comes from elsewhere.
    """
    wrong = ""
    try:
        address = _parsed(text, with_tls=with_tls)
    except _NonsenseError as error:
        wrong = str(error)
    except ValueError as error:  # of the standard library: brackets, ports
        wrong = str(error)
    else:
        return address
    words = "Write `docker`, `podman`, `unix:///PATH`, `tcp://HOST:PORT` or `ssh://USER@HOST`."
    address_alone = "Write `unix:///PATH`, `tcp://HOST:PORT` or `ssh://USER@HOST`."
    raise why.error(
        "{source} gives {text}, which is not the address of an engine: {reason}",
        hint=words if why is Why.ENGINE_OPTION else address_alone,
        source=source or why.value,
        text=repr(text),
        reason=wrong,
    )


class _NonsenseError(Exception):
    """Why a text is no address."""


def _parsed(text: str, *, with_tls: bool) -> Address:
    if _ODD.search(text):
        raise _NonsenseError(say("it has spaces or control characters"))
    if _BARE.fullmatch(text):
        text = f"tcp://{text}"  # as Docker's client reads it
    parts = urlsplit(text)
    if "?" in text or "#" in text:
        raise _NonsenseError(say("such an address has no query"))
    match parts.scheme:
        case "unix":
            return unix(_absolute(parts.netloc + parts.path))
        case "ssh":
            return _far(parts)
        case "tcp":
            return _network(parts, "https" if with_tls else "http")
        case "http" | "https":
            return _network(parts, parts.scheme)
        case "":
            raise _NonsenseError(say("it does not say how the engine is reached"))
        case _:
            raise _NonsenseError(
                say("engines are not reached with {scheme}", scheme=f"{parts.scheme}://")
            )


def _absolute(path: str) -> str:
    if not path:
        raise _NonsenseError(say("the path of the socket is missing"))
    if not path.startswith("/") or path.endswith("/"):
        raise _NonsenseError(say("{path} is not the whole path of a socket", path=path))
    return path


def _far(parts: SplitResult) -> Address:
    user, host = _user(parts), _host(parts)
    path = _absolute(parts.path) if parts.path.strip("/") else ""
    return Address(scheme=Scheme.SSH, host=host, port=parts.port, user=user, path=path)


def _network(parts: SplitResult, scheme: str) -> Address:
    if "@" in parts.netloc:
        raise _NonsenseError(say("a user is only named with ssh://"))
    if parts.path.strip("/"):
        raise _NonsenseError(say("such an address has no path"))
    port = _PORTS[scheme] if parts.port is None else parts.port
    return Address(scheme=Scheme(scheme), host=_host(parts), port=port)


def _host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    if not _HOST.fullmatch(host):  # one that begins with "-" would be an option of ssh
        raise _NonsenseError(say("the host is missing or has a strange name"))
    if parts.port == 0:
        raise _NonsenseError(say("there is no port 0"))
    return host


def _user(parts: SplitResult) -> str:
    if parts.password is not None:
        raise _NonsenseError(say("a password has no place there; ssh uses keys"))
    if parts.username is None:
        return ""
    if not _USER.fullmatch(parts.username):
        raise _NonsenseError(say("the user has a strange name"))
    return parts.username
