"""Runs the tools of this machine that signatures need."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from builder.basics.errors import LAST_LINES, HostError

_PACKAGES: Final[Mapping[str, str]] = MappingProxyType(
    {"ssh-keygen": "openssh-client", "gpg": "gnupg"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """How a tool ended."""

    code: int
    output: bytes  # standard output
    errors: str  # standard error

    @property
    def last_lines(self) -> tuple[str, ...]:
        """The last of what it printed for people."""
        return tuple(self.errors.splitlines()[-LAST_LINES:])


def has_gpg_keyring() -> bool:
    """Whether gpg has a folder with anything in it; it would make one, which we do not want.

    Source: gpg(1), GNUPGHOME and --homedir.
    """
    home = Path(os.environ.get("GNUPGHOME") or Path("~/.gnupg").expanduser())
    try:
        return any(home.iterdir())
    except FileNotFoundError:
        return False
    except OSError:
        return True  # gpg says what is wrong with it


def run_tool(argv: Sequence[str], *, stdin: bytes = b"", timeout: float | None = None) -> Ran:
    """Run a tool to its end, or for `timeout` seconds.

    Raises HostError when it is not installed, or does not end in time.
    """
    try:
        done = subprocess.run(argv, input=stdin, capture_output=True, check=False, timeout=timeout)
    except FileNotFoundError as error:
        raise HostError(
            "{tool} is not installed",
            hint="Install it with your package manager (Debian and Ubuntu: apt-get install "
            "{package}).",
            tool=argv[0],
            package=_PACKAGES[argv[0]],
        ) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HostError(
            "{tool} cannot be run: {reason}",
            hint="Try it by itself: `{tool} --help`.",
            tool=argv[0],
            reason=error,
        ) from error
    errors = done.stderr.decode("utf-8", "backslashreplace")
    return Ran(code=done.returncode, output=done.stdout, errors=errors)
