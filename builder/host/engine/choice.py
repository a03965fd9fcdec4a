"""Which engine is taken: one rule, the page docs/engines.md in code.

What the command line says comes first, then the environment, then the current Docker context, and
last the default sockets, of which the first that answers is taken, Docker's before Podman's.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from builder.basics.errors import UsageError
from builder.host.engine.contexts import DEFAULT, DockerFolder
from builder.host.engine.endpoints import Endpoint, Scheme, TlsFiles, Why, parse_address, unix
from builder.host.engine.protocol import Product


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command line says about the engine; "" for nothing."""

    engine: str = ""  # `docker`, `podman` or an address
    context: str = ""  # a Docker context


NOTHING_ASKED: Final = Asked()


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:  # a user without an account, as in some containers
        return Path("/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Who asks, and with which environment."""

    uid: int = field(default_factory=os.getuid)
    home: Path = field(default_factory=_home)
    variables: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    def get(self, name: str) -> str:
        """Return a variable; an empty one is as good as none, as for Docker's client."""
        return self.variables.get(name, "")

    @property
    def docker(self) -> DockerFolder:
        """The folder of Docker's client."""
        own = self.get("DOCKER_CONFIG")
        return DockerFolder(path=Path(own) if own else self.home / ".docker")

    @property
    def runtime(self) -> str:
        """The folder that holds the sockets of this user's own engines."""
        return self.get("XDG_RUNTIME_DIR") or f"/run/user/{self.uid}"


def default_sockets(login: Login) -> tuple[Endpoint, ...]:
    """Return the engines that may be there without anybody naming them, the first choice first."""
    docker = ("/var/run/docker.sock", f"{login.runtime}/docker.sock")
    podman = ("/run/podman/podman.sock", f"{login.runtime}/podman/podman.sock")
    return tuple(Endpoint(address=unix(path), why=Why.DEFAULT) for path in (*docker, *podman))


def candidates(asked: Asked, login: Login) -> tuple[Endpoint, ...]:
    """Return the engine that somebody named, alone, or else the default sockets in their order.

    Raises UsageError or HostError where what names it is wrong.
    """
    if asked.engine and asked.context:
        raise UsageError(
            "--engine and --context both name an engine",
            hint="Give only one of them.",
        )
    if asked.context:
        return _of_context(asked.context, Why.CONTEXT_OPTION, login)
    match asked.engine:
        case "":
            return _of_docker(login) or _of_podman(login) or _of_settings(login)
        case "docker":
            found = _of_docker(login) or _of_settings(login)
            return tuple(_expected(each, Product.DOCKER) for each in found if not _podmans(each))
        case "podman":
            found = _of_podman(login) or tuple(filter(_podmans, default_sockets(login)))
            return tuple(_expected(each, Product.PODMAN) for each in found)
        case address:
            return (_named(address, Why.ENGINE_OPTION, login),)


def _of_docker(login: Login) -> tuple[Endpoint, ...]:
    """Return what the environment of Docker's client names."""
    if address := login.get("DOCKER_HOST"):
        return (_named(address, Why.DOCKER_HOST, login),)
    if context := login.get("DOCKER_CONTEXT"):
        return _of_context(context, Why.DOCKER_CONTEXT, login)
    return ()


def _of_podman(login: Login) -> tuple[Endpoint, ...]:
    """Return what the environment of Podman's client names."""
    if not (text := login.get("CONTAINER_HOST")):
        return ()
    address = parse_address(text, why=Why.CONTAINER_HOST)
    return (Endpoint(address=address, why=Why.CONTAINER_HOST, expected=Product.PODMAN),)


def _of_settings(login: Login) -> tuple[Endpoint, ...]:
    current = login.docker.current()
    if current == DEFAULT:
        return default_sockets(login)
    return _of_context(current, Why.CURRENT_CONTEXT, login)


def _of_context(name: str, why: Why, login: Login) -> tuple[Endpoint, ...]:
    if name == DEFAULT:  # what the client of Docker finds without a context
        sockets = default_sockets(login)
        return tuple(each for each in sockets if not _podmans(each))
    return (login.docker.endpoint(name, why=why),)


def _named(text: str, why: Why, login: Login) -> Endpoint:
    tls = _tls(login)
    address = parse_address(text, why=why, with_tls=tls is not None)
    return Endpoint(address=address, why=why, tls=tls if address.scheme is Scheme.HTTPS else None)


def _tls(login: Login) -> TlsFiles | None:
    """Return what DOCKER_TLS_VERIFY and DOCKER_CERT_PATH ask for."""
    verify, own = login.get("DOCKER_TLS_VERIFY"), login.get("DOCKER_CERT_PATH")
    if not verify and not own:
        return None
    folder = Path(own) if own else login.docker.path
    return TlsFiles(
        authority=folder / "ca.pem" if verify else None,
        certificate=folder / "cert.pem",
        key=folder / "key.pem",
        verify=bool(verify),
    )


def _podmans(endpoint: Endpoint) -> bool:
    return endpoint.why is Why.DEFAULT and endpoint.address.path.endswith("/podman.sock")


def _expected(endpoint: Endpoint, product: Product) -> Endpoint:
    return replace(endpoint, expected=product)
