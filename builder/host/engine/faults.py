"""The errors of the engine's SDK as our own; and retries while something is busy."""

import contextlib
import json
import os
import re
import socket
import ssl
import traceback
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import docker.errors
import requests.exceptions
import urllib3.exceptions
from docker.utils.socket import SocketError
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_fixed

from builder.basics.errors import BuilderError, HostError
from builder.basics.printable import short

_ADVICE_GONE = (
    "Check that the engine is running (`distroclone-builder doctor`). If it stopped during a "
    "build, run `distroclone-builder sweep` once it is back."
)
_PATIENCE = 10  # seconds


class EngineSilentError(HostError):
    """The engine did not answer, or not to the end: it is gone, or the line to it is."""

    @property
    def reason(self) -> str:
        """What the system says of it."""
        return self.values.get("reason") or str(self)


class EngineNonsenseError(HostError):
    """The engine answered with something of another shape than its API has."""


class EngineRefusedError(HostError):
    """The engine did not do what it was asked; the subclasses say why, if that is known.

    `path` is the path on the engine's machine that it complains about; "" if it names none.
    """

    path = ""


class BindMissingError(EngineRefusedError):
    """A path to be mounted in a container does not exist on the engine's machine."""


class DeviceMissingError(EngineRefusedError):
    """A device for a container does not exist on the engine's machine."""


class NoSpaceError(EngineRefusedError):
    """The disk under the engine's data is full."""


class NotAllowedError(EngineRefusedError):
    """The engine is not allowed to do that: it lacks a capability, or access to a mount or path."""


class NameTakenError(EngineRefusedError):
    """Something else has the name already."""


# How engines word it, the more exact first; a group is the path. Docker: daemon/ and volume/mounts
# of moby, 20.10 to 28; Podman: pkg/specgen of libpod, 4 and 5; the rest comes from runc and crun.
_WORDINGS: Final[tuple[tuple[str, type[EngineRefusedError]], ...]] = (
    (r"bind source path does not exist: (\S.*)", BindMissingError),
    (r"error gathering device information .*custom device \"([^\"]+)\"", DeviceMissingError),
    (r"\bstat `?(/dev/[^\s`]+)`?: no such file or directory", DeviceMissingError),
    (r"\bstatfs (/.*): no such file or directory", BindMissingError),
    (r"mounting \"(/[^\"]+)\" to rootfs .*no such file or directory", BindMissingError),
    (r"cannot stat `(/.*)`: no such file or directory", BindMissingError),
    (r"\bname \S+ is already in use", NameTakenError),
    (r"no space left on device|disk quota exceeded", NoSpaceError),
    (r"mounts denied|operation not permitted|permission denied|capabilit", NotAllowedError),
    (r"privileged mode is incompatible with user namespaces", NotAllowedError),
)
_SILENCE = (
    docker.errors.DockerException,
    requests.exceptions.RequestException,
    urllib3.exceptions.HTTPError,  # the SDK reads some streams behind requests' back
    SocketError,
    OSError,
)
_SHAPES: Final = (
    AttributeError, LookupError, OverflowError, RecursionError, TypeError, ValueError,
)  # fmt: skip
_READERS: Final = ("docker.", "json.", __package__)


@contextlib.contextmanager
def translated(doing: str) -> Iterator[None]:
    """Raise HostError, saying what was being done, for whatever the SDK raises in the body."""
    try:
        yield
    except docker.errors.APIError as error:
        raise _refused(error, doing) from error
    except (docker.errors.StreamParseError, json.JSONDecodeError) as error:
        raise EngineSilentError(
            "What the container engine said while {doing} breaks off, or makes no sense",
            hint=_ADVICE_GONE,
            temporary=True,
            doing=doing,
        ) from error
    except _SILENCE as error:
        raise EngineSilentError(
            "The container engine did not answer while {doing}: {reason}",
            hint=_ADVICE_GONE,
            temporary=True,
            doing=doing,
            reason=reason(error),
        ) from error
    except BuilderError:
        raise
    except Exception as error:
        if not _is_about_an_answer(error):
            raise
        raise EngineNonsenseError(
            "What the container engine said while {doing} makes no sense: {reason}",
            hint="Check what really answers there, and that nothing in between changes it: "
            "`distroclone-builder doctor` says which engine is taken. If it is one that "
            "docs/engines.md names, please report this.",
            doing=doing,
            reason=short(f"{type(error).__name__}: {error}", longest=200),
        ) from error


def _is_about_an_answer(error: Exception) -> bool:
    """Whether it is one of those that reading an unexpected shape raises, raised by what reads."""
    if not isinstance(error, _SHAPES) and type(error) is not Exception:  # the SDK raises that too
        return False
    frames = [frame for frame, _line in traceback.walk_tb(error.__traceback__)]
    return str(frames[-1].f_globals.get("__name__")).startswith(_READERS)


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
    """Return what is at the bottom of an error, in the system's own words where it has some."""
    for each in causes(error):
        if isinstance(each, socket.gaierror | ssl.SSLError):  # their numbers are others
            return each.strerror or str(each)
        if isinstance(each, OSError) and isinstance(each.errno, int):
            return os.strerror(each.errno)
    return str(error)


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and all that is inside.

    The libraries between us and the socket each wrap it once more.
    """
    seen: list[BaseException] = []
    waiting = [error]
    while waiting:
        each = waiting.pop()
        if each in seen:
            continue
        seen.append(each)
        yield each
        inner = (*each.args, each.__cause__, each.__context__)
        waiting += [one for one in reversed(inner) if isinstance(one, BaseException)]


def _is_busy(error: BaseException) -> bool:
    return isinstance(error, docker.errors.APIError) and error.status_code == 409


def _refused(error: docker.errors.APIError, doing: str) -> EngineRefusedError:
    text = str(error.explanation or error)
    kind, path = classified(text)
    refused = kind(
        "The container engine failed while {doing}: {reason}",
        hint=_ADVICE[kind],
        temporary=error.is_server_error() or _is_busy(error),
        doing=doing,
        reason=text,
    )
    refused.path = path
    return refused


def classified(text: str) -> tuple[type[EngineRefusedError], str]:
    """Return which kind of fault an engine speaks of, and the path that it names."""
    for wording, kind in _WORDINGS:
        if found := re.search(wording, text, re.IGNORECASE):
            return kind, (found[1] if found.re.groups else "")
    return EngineRefusedError, ""


_ADVICE: Final[Mapping[type[EngineRefusedError], str]] = {
    EngineRefusedError: "These are the engine's own words, and its log may have more of them "
    "(`journalctl -u docker` or `-u podman`, on its machine). `distroclone-builder doctor` tries "
    "what it can do.",
    BindMissingError: "Paths are those of the engine's machine: check that it is there.",
    DeviceMissingError: "The engine's machine lacks this device, or the driver for it is not "
    "loaded there.",
    NameTakenError: "Another command is at the same work. Wait for its end, and try again.",
    NoSpaceError: "Free space where the engine keeps its data; `distroclone-builder doctor` "
    "shows where.",
    NotAllowedError: "This engine does not allow such a container. Run `distroclone-builder "
    "doctor` to see what it allows; `--isolation confined` needs the fewest privileges.",
}
