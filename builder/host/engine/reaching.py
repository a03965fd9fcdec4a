"""Reaches an engine: the SDK's client for the first endpoint that answers as one."""

import os
import re
from collections.abc import Mapping
from typing import Any, Final

import docker
import docker.errors
import requests.exceptions
import urllib3.exceptions
from docker.context import Context, ContextAPI

from builder.basics.errors import HostError
from builder.basics.printable import short
from builder.basics.texts import say
from builder.host.engine.advice import Trouble, advice
from builder.host.engine.endpoint import ANY, STANDARD, Endpoint, EngineChoice, endpoints
from builder.host.engine.faults import reason
from builder.host.engine.machine import this_machine

_OLDEST_API: Final = (1, 41)  # Docker 20.10
_API: Final = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3})+")
_NO_ENGINE: Final = (
    docker.errors.DockerException,
    requests.exceptions.RequestException,
    urllib3.exceptions.HTTPError,
    OSError,
    ValueError,  # an answer that is no JSON, or not an engine's
    AttributeError,  # the SDK's own, for JSON that is no object
)


def sdk_client(choice: EngineChoice = ANY) -> docker.DockerClient:
    """Return the SDK's client for the engine that is chosen. Raises HostError as `reach` does."""
    return reach(choice)[0]


def reach(choice: EngineChoice) -> tuple[docker.DockerClient, Mapping[str, Any]]:
    """Return a client for the engine that is chosen, and what that says of its version.

    Raises HostError, saying what to install, start or allow, when none answers or it is too old.
    """
    failure: HostError | None = None
    for endpoint in endpoints(choice, os.environ, current_context=_current_context()):
        try:
            return _answering(endpoint)
        except HostError as error:
            failure = failure or error
    raise failure or HostError(
        "There is no container engine here",
        hint="{advice}",
        advice=advice(this_machine(), Trouble.NONE_THERE, wanted=choice.engine),
    )


def _answering(endpoint: Endpoint) -> tuple[docker.DockerClient, Mapping[str, Any]]:
    client = None
    try:
        client = _client(endpoint)
        said = client.version()
        version = _version(said)
    except _NO_ENGINE as error:
        if client is not None:
            client.close()
        raise _silent(endpoint, error) from error
    if version < _OLDEST_API:
        client.close()
        raise HostError(
            "The container engine has API {version}; 1.41 (Docker 20.10) or later is needed",
            hint="Update the engine.",
            version=said["ApiVersion"],
        )
    return client, said


def _version(said: Mapping[str, Any]) -> tuple[int, ...]:
    version = said.get("ApiVersion")
    if not isinstance(version, str) or not _API.fullmatch(version):
        message = f"no version of an engine's API: {version!r}"
        raise ValueError(message)
    return tuple(map(int, version.split(".")[:2]))


def _client(endpoint: Endpoint) -> docker.DockerClient:
    if endpoint.context:
        context = _context(endpoint.context)
        return docker.DockerClient(
            base_url=context.Host, tls=context.TLSConfig, use_ssh_client=True
        )
    if endpoint.from_environment:
        return docker.from_env(use_ssh_client=True)
    return docker.DockerClient(base_url=endpoint.address, use_ssh_client=True)


def _context(name: str) -> Context:
    context = ContextAPI.get_context(name)
    if context is None:
        known = sorted(str(each.name) for each in ContextAPI.contexts())
        raise HostError(
            "There is no Docker context {name}; there are: {known}",
            hint="`docker context ls` shows where each leads; `docker context create` makes one.",
            name=short(name),
            known=", ".join(known),
        )
    return context


def _current_context() -> str:
    context = ContextAPI.get_current_context()
    return str(context.name) if context is not None else ""


def _silent(endpoint: Endpoint, error: BaseException) -> HostError:
    why = reason(error)
    if isinstance(error, (ValueError, AttributeError)) and not isinstance(
        error, requests.exceptions.ConnectionError
    ):
        why = say("what answers there is no container engine")
    return HostError(
        "No container engine answers at {where} ({named}): {reason}",
        hint="{advice}",
        temporary=True,
        where=endpoint.address or endpoint.context,
        named=endpoint.why,
        reason=why,
        advice=advice(this_machine(), _trouble(endpoint, error)),
    )


def _trouble(endpoint: Endpoint, error: BaseException) -> Trouble:
    if endpoint.path not in STANDARD:
        return Trouble.ELSEWHERE
    return Trouble.FORBIDDEN if "Permission denied" in str(error) else Trouble.SILENT
