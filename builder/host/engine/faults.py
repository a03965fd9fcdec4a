"""What the engine's SDK raises, as our own errors; and patience with what is only busy."""

import contextlib
import os
from collections.abc import Callable, Iterator

import docker.errors
import requests.exceptions
import urllib3.exceptions
from docker.utils.socket import SocketError
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_fixed

from builder.basics.errors import HostError

_ADVICE_GONE = (
    "Check that the engine runs (`docker info`). If it stopped during a build, run "
    "`distroclone-builder sweep` once it is back."
)
_PATIENCE = 10  # seconds
_SILENCE = (
    docker.errors.DockerException,
    requests.exceptions.RequestException,
    urllib3.exceptions.HTTPError,  # the SDK reads some streams behind requests' back
    SocketError,
    OSError,
)


@contextlib.contextmanager
def translated(doing: str) -> Iterator[None]:
    """Raise HostError, saying what was being done, for whatever the SDK raises in the body."""
    try:
        yield
    except docker.errors.APIError as error:
        raise HostError(
            "The container engine refused {doing}: {reason}",
            hint=_advice(error),
            temporary=error.is_server_error() or _is_busy(error),
            doing=doing,
            reason=error.explanation or error,
        ) from error
    except _SILENCE as error:
        raise HostError(
            "The container engine did not answer while {doing}: {reason}",
            hint=_ADVICE_GONE,
            temporary=True,
            doing=doing,
            reason=reason(error),
        ) from error


def patiently(doing: str, remove: Callable[[], object]) -> None:
    """Call `remove` until the thing is gone; wait while the engine is busy with it.

    Raises HostError when it cannot be removed.
    """
    busy = Retrying(
        stop=stop_after_delay(_PATIENCE),
        wait=wait_fixed(0.2),
        retry=retry_if_exception(_is_busy),
        reraise=True,
    )
    with translated(doing), contextlib.suppress(docker.errors.NotFound):
        busy(remove)


def reason(error: BaseException) -> str:
    """Return what is at the bottom of an error, in the system's own words where it has some.

    The libraries between us and the socket each wrap it once more.
    """
    seen: list[BaseException] = []
    waiting = [error]
    while waiting:
        each = waiting.pop()
        if each in seen:
            continue
        seen.append(each)
        if isinstance(each, OSError) and isinstance(each.errno, int):
            return os.strerror(each.errno)
        inner = (*each.args, each.__cause__, each.__context__)
        waiting += [one for one in reversed(inner) if isinstance(one, BaseException)]
    return str(error)


def _is_busy(error: BaseException) -> bool:
    return isinstance(error, docker.errors.APIError) and error.status_code == 409


def _advice(error: docker.errors.APIError) -> str:
    text = str(error.explanation or error)
    if "no space left on device" in text.lower():
        return "Free space where the engine keeps its data; `distroclone-builder doctor` shows it."
    if "operation not permitted" in text.lower() or "capabilit" in text.lower():
        return (
            "This engine cannot start such a container; `distroclone-builder doctor` tries what it "
            "can, and `--isolation confined` asks for least."
        )
    return ""
