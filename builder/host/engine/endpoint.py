"""Which engine is taken: the first of these that is named, or is there and answers.

1. `--engine` or `--context`
2. `DOCKER_HOST`; `DOCKER_CONTEXT`; `CONTAINER_HOST`
3. the Docker context that `docker context use` chose
4. Docker's socket, yours (rootless) after the system's; then Podman's in the same order

What is named is taken or fails; only of the sockets in 4 the next one is tried.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from builder.basics.errors import HostError, UsageError
from builder.basics.printable import short
from builder.basics.texts import say

DOCKER: Final = "docker"
PODMAN: Final = "podman"
_SYSTEM: Final = {DOCKER: "/var/run/docker.sock", PODMAN: "/run/podman/podman.sock"}
STANDARD: Final = tuple(_SYSTEM.values())  # what this machine's package manager provides
_OWN: Final = {DOCKER: "docker.sock", PODMAN: "podman/podman.sock"}  # below XDG_RUNTIME_DIR
_ADDRESS: Final = re.compile(r"unix:///.+|(?:tcp|http|https|ssh)://(?!-)[^/?#\s]+(?:/\S*)?")
_KNOWN: Final = (
    "An address is like unix:///var/run/docker.sock, ssh://user@host or tcp://host:2376."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineChoice:
    """What the user said: an engine ("docker", "podman" or an address), or a Docker context."""

    engine: str = ""
    context: str = ""

    def __post_init__(self) -> None:
        """Raise UsageError for what is no choice."""
        if self.engine and self.context:
            raise UsageError("--engine and --context cannot be used together")
        if self.engine and self.engine not in _SYSTEM and not _ADDRESS.fullmatch(self.engine):
            raise UsageError(
                "--engine {engine} is neither docker nor podman nor an address",
                hint=_KNOWN,
                engine=short(self.engine),
            )


ANY: Final = EngineChoice()


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where an engine may answer: an address, or the name of a Docker context that has one."""

    why: str  # what names it, for people
    address: str = ""
    context: str = ""
    from_environment: bool = False  # with whatever else DOCKER_… variables say of it

    @property
    def path(self) -> str:
        """The path of its socket; "" if it is none."""
        return self.address.removeprefix("unix://") if self.address.startswith("unix://") else ""


def endpoints(
    choice: EngineChoice,
    environment: Mapping[str, str],
    *,
    current_context: str,
    exists: Callable[[str], bool] = os.path.exists,
) -> tuple[Endpoint, ...]:
    """Return where to look for an engine, in this order; empty where none is named or there.

    Raises HostError for a variable that has no address.
    """
    if choice.context:
        return (Endpoint(why="--context", context=choice.context),)
    if choice.engine and choice.engine not in _SYSTEM:
        return (Endpoint(why="--engine", address=choice.engine),)
    if not choice.engine:
        named = _named(environment)
        if named is not None:
            return (named,)
        if current_context not in ("", "default"):
            return (Endpoint(why=say("the current Docker context"), context=current_context),)
    elif choice.engine == PODMAN and environment.get("CONTAINER_HOST"):
        return (_of_variable("CONTAINER_HOST", environment),)
    kinds = (choice.engine,) if choice.engine else (DOCKER, PODMAN)
    return tuple(_sockets(kinds, environment, exists))


def _named(environment: Mapping[str, str]) -> Endpoint | None:
    if environment.get("DOCKER_HOST"):
        return _of_variable("DOCKER_HOST", environment)
    context = environment.get("DOCKER_CONTEXT")
    if context and context != "default":
        return Endpoint(why="DOCKER_CONTEXT", context=context)
    if environment.get("CONTAINER_HOST"):
        return _of_variable("CONTAINER_HOST", environment)
    return None


def _of_variable(name: str, environment: Mapping[str, str]) -> Endpoint:
    address = environment[name]
    if not _ADDRESS.fullmatch(address):
        raise HostError(
            "{name} is not the address of an engine: {address}",
            hint=_KNOWN,
            name=name,
            address=short(address),
        )
    return Endpoint(why=name, address=address, from_environment=name == "DOCKER_HOST")


def _sockets(
    kinds: tuple[str, ...], environment: Mapping[str, str], exists: Callable[[str], bool]
) -> Iterator[Endpoint]:
    own = environment.get("XDG_RUNTIME_DIR", "")
    for kind in kinds:
        paths = [_SYSTEM[kind], *([f"{own}/{_OWN[kind]}"] if own.startswith("/") else [])]
        for path in filter(exists, paths):
            why = say("the socket of Docker") if kind == DOCKER else say("the socket of Podman")
            yield Endpoint(why=why, address=f"unix://{path}")
