"""Reaches an engine and sees that it is one: an answer to /version that makes sense."""

import contextlib
import errno
import http.client
import json
import os
import re
import socket
import ssl
import stat
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import docker
import docker.errors
import requests.exceptions
import urllib3.exceptions
from docker.tls import TLSConfig
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection

from builder.basics.errors import HostError
from builder.basics.printable import short
from builder.basics.regular import open_regular
from builder.basics.texts import say
from builder.host.engine.endpoints import Endpoint, Scheme, TlsFiles
from builder.host.engine.faults import reason
from builder.host.engine.podman import product_of
from builder.host.engine.protocol import Product
from builder.host.engine.ssh import Tunnel, has_ssh
from builder.host.engine.troubles import (
    EngineUnreachableError,
    Trouble,
    told_by_error,
    told_by_ssh,
    was_cut,
)

PATIENCE: Final = 30  # seconds for the first answer; socket activation starts an engine first
_OLDEST_API: Final = (1, 41)  # Docker 20.10
_NEWEST_API: Final = (1, 45)  # Docker 26, the last one that was tried: what comes later may differ
_LIMIT: Final = 1 << 20  # bytes of an answer; real ones have about a thousand
_API: Final = re.compile(r"([0-9]{1,4})\.([0-9]{1,4})")
# A line that died is noticed within 90 seconds, as over ssh: nobody tells a client that waits for a
# container to speak (tcp(7)). By name, as macOS lacks some, where we come as far as saying so.
_SIGNS_OF_LIFE: Final = (
    ("SOL_SOCKET", "SO_KEEPALIVE", 1),
    ("IPPROTO_TCP", "TCP_KEEPIDLE", 30),
    ("IPPROTO_TCP", "TCP_KEEPINTVL", 20),
    ("IPPROTO_TCP", "TCP_KEEPCNT", 3),
    ("IPPROTO_TCP", "TCP_USER_TIMEOUT", 90_000),  # milliseconds
)
_WRONG: Final = (
    docker.errors.DockerException,
    requests.exceptions.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
    ValueError,
    RecursionError,  # of the JSON reader
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """An engine that answered."""

    client: docker.DockerClient
    endpoint: Endpoint
    product: Product
    version: str


def first_reached(endpoints: Sequence[Endpoint], *, patience: float = PATIENCE) -> Reached:
    """Return the first engine that answers.

    Raises EngineUnreachableError, for what is there rather than for what is not, and HostError for
    an engine that is too old.
    """
    errors = list[EngineUnreachableError]()
    for each in endpoints:
        try:
            return reached(each, patience=patience)
        except EngineUnreachableError as error:
            errors.append(error)
    there = [error for error in errors if error.trouble is not Trouble.NOT_THERE]
    if there:
        raise there[0]
    if len(errors) == 1:
        raise errors[0]
    raise EngineUnreachableError(
        "There is no container engine: nothing at {places}",
        trouble=Trouble.NOT_THERE,
        endpoint=endpoints[0],
        places=", ".join(each.address.path for each in endpoints),
    )


def reached(endpoint: Endpoint, *, patience: float = PATIENCE) -> Reached:
    """Return the engine at an endpoint.

    Raises EngineUnreachableError when none answers there, and HostError when it is too old.
    """
    with contextlib.ExitStack() as undone:
        tunnel = _tunnel(endpoint, undone)
        try:
            tls = endpoint.tls is not None and _tls(endpoint.tls, endpoint)
            url = endpoint.address.url if tunnel is None else f"unix://{tunnel.path}"
            if endpoint.address.scheme is Scheme.UNIX:
                _knock(endpoint.address.path, patience=patience)
            with contextlib.closing(_client(url, tls, api="1.41")) as client:
                said = _version(client, patience=patience)
        except _WRONG as error:
            raise _unreachable(endpoint, error, tunnel) from error
        _check(said, endpoint)
        client = _client(url, tls, api=_spoken(said))
        weakref.finalize(client, undone.pop_all().close)
    return Reached(
        client=client,
        endpoint=endpoint,
        product=product_of(said),
        version=short(str(said.get("Version", ""))),
    )


def _knock(path: str, *, patience: float) -> None:
    """Connect to a socket once; the SDK would leave one open that fails."""
    # Of a file or a folder, connect(2) says "Connection refused".
    if not stat.S_ISSOCK(Path(path).stat().st_mode):
        raise OSError(errno.ENOTSOCK, os.strerror(errno.ENOTSOCK))
    with socket.socket(socket.AF_UNIX) as ours:
        ours.settimeout(patience)
        ours.connect(path)


def _tunnel(endpoint: Endpoint, undone: contextlib.ExitStack) -> Tunnel | None:
    if endpoint.address.scheme is not Scheme.SSH:
        return None
    if not has_ssh():
        raise EngineUnreachableError(
            "The engine at {where} is reached with ssh, which is not here",
            trouble=Trouble.NO_SSH,
            endpoint=endpoint,
            where=endpoint.where,
        )
    tunnel = Tunnel(endpoint)
    undone.callback(tunnel.close)
    return tunnel


def _client(url: str, tls: TLSConfig | bool, *, api: str) -> docker.DockerClient:
    """Return the SDK's client; nothing is sent yet."""
    try:
        client = docker.DockerClient(base_url=url, version=api, tls=tls)
    except (AttributeError, TypeError) as error:  # its settings are of another shape
        raise HostError(
            "Docker's settings in config.json cannot be used: {reason}",
            hint="Repair the file in `~/.docker`, or where DOCKER_CONFIG points.",
            reason=error,
        ) from error
    # Or REQUESTS_CA_BUNDLE would replace the authority, HTTP_PROXY lead away, and ~/.netrc log in.
    client.api.trust_env = False
    for scheme in ("http://", "https://"):
        client.api.mount(scheme, _LivingAdapter())
    return client


class _LivingAdapter(HTTPAdapter):
    """Connections over the network that notice when the other side is gone."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        ours = [
            (getattr(socket, level), getattr(socket, name), value)
            for level, name, value in _SIGNS_OF_LIFE
            if hasattr(socket, name)
        ]
        options["socket_options"] = [*HTTPConnection.default_socket_options, *ours]
        super().init_poolmanager(*arguments, **options)


def _version(client: docker.DockerClient, *, patience: float) -> Mapping[str, Any]:
    """Return what the engine says of itself; ValueError for what is no such answer."""
    api = client.api
    with client.api.get(
        f"{api.base_url}/version", timeout=patience, stream=True, allow_redirects=False
    ) as answer:
        content = b""
        for piece in answer.iter_content(4096):
            content += piece
            if len(content) > _LIMIT:
                raise ValueError(say("its answer has no end"))
        if answer.status_code != 200:
            text = short(content.decode("utf-8", "replace").strip())
            raise docker.errors.APIError(f"HTTP {answer.status_code} {text}".strip())
    said = json.loads(content)
    if not isinstance(said, dict) or not _API.fullmatch(str(said.get("ApiVersion", ""))):
        raise ValueError(say("its answer has no version of the API"))
    return said


def _number(version: object) -> tuple[int, int]:
    """Return a version of the API as numbers; zeros for what is none."""
    found = _API.fullmatch(str(version))
    return (0, 0) if found is None else (int(found[1]), int(found[2]))


def _spoken(said: Mapping[str, Any]) -> str:
    """Return the version of the API that is spoken with an engine.

    It is the engine's own, or the newest that we know, unless the engine no longer speaks that.
    """
    newest = min(_number(said["ApiVersion"]), _NEWEST_API)
    return "{}.{}".format(*max(newest, _number(said.get("MinAPIVersion"))))


def _check(said: Mapping[str, Any], endpoint: Endpoint) -> None:
    if _number(said["ApiVersion"]) < _OLDEST_API:
        raise HostError(
            "The container engine at {where} has API {api}; 1.41 (Docker 20.10) or later is needed",
            hint="Update the engine.",
            where=endpoint.where,
            api=said["ApiVersion"],
        )
    product = product_of(said)
    if endpoint.expected not in (None, product):
        raise EngineUnreachableError(
            "What answers at {where} is {found}, not {expected}",
            trouble=Trouble.OTHER_PRODUCT,
            endpoint=endpoint,
            where=endpoint.where,
            found=product.value,
            expected=endpoint.expected.value,
        )


def _tls(files: TlsFiles, endpoint: Endpoint) -> TLSConfig:
    """Return the SDK's form of the files, once they are known to be usable."""
    context = ssl.create_default_context()
    for path in (files.authority, files.certificate, files.key):
        if path is None:
            continue
        try:
            with open_regular(path, follow=True):
                pass
            if path == files.authority:
                context.load_verify_locations(path)
            elif path == files.key:  # "": OpenSSL would ask for the passphrase of one that has it
                context.load_cert_chain(files.certificate or path, path, password="")
        except OSError as error:  # SSLError is one
            raise EngineUnreachableError(
                "The TLS file {path} cannot be used: {reason}",
                trouble=Trouble.TLS_FILES,
                endpoint=endpoint,
                path=str(path),
                reason=error.strerror or str(error),
            ) from error
    pair = (files.certificate, files.key)
    return TLSConfig(
        client_cert=None if None in pair else (str(files.certificate), str(files.key)),
        ca_cert=None if files.authority is None else str(files.authority),
        verify=files.verify,
    )


def _unreachable(
    endpoint: Endpoint, error: Exception, tunnel: Tunnel | None
) -> EngineUnreachableError:
    trouble, said = told_by_error(error), reason(error)
    if tunnel is not None and (words := tunnel.last_words()):
        trouble, said = told_by_ssh(words)
    elif endpoint.address.scheme is Scheme.HTTPS and was_cut(error):
        trouble = Trouble.WE_NOT_TRUSTED  # with TLS 1.3, servers refuse after we have begun
    if trouble is Trouble.NO_SOCKET:
        return EngineUnreachableError(
            "What is at {where} is not a socket",
            trouble=trouble,
            endpoint=endpoint,
            where=endpoint.where,
        )
    if trouble is Trouble.NO_ENGINE:
        return EngineUnreachableError(
            "What answers at {where} is not a container engine: {reason}",
            trouble=trouble,
            endpoint=endpoint,
            where=endpoint.where,
            reason=short(said, longest=200),
        )
    return EngineUnreachableError(
        "No container engine answers at {where}: {reason}",
        trouble=trouble,
        endpoint=endpoint,
        where=endpoint.where,
        reason=short(said, longest=200),
    )
