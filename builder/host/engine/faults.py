"""What the engine's SDK raises, as our own errors."""

import contextlib
from collections.abc import Iterator

import docker.errors
import requests.exceptions

from builder.errors import HostError

_ADVICE_GONE = (
    "Check that the engine runs (`docker info`). If it stopped during a build, run "
    "`distroclone-builder sweep` once it is back."
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
            temporary=error.is_server_error(),
            doing=doing,
            reason=error.explanation or error,
        ) from error
    except (docker.errors.DockerException, requests.exceptions.RequestException, OSError) as error:
        raise HostError(
            "The container engine did not answer while {doing}: {reason}",
            hint=_ADVICE_GONE,
            temporary=True,
            doing=doing,
            reason=error,
        ) from error


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
