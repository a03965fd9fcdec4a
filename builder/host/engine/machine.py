"""What of this machine decides how an engine comes to it."""

import contextlib
import grp
import os
import platform
import pwd
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from builder.basics.regular import read_whole

_OS_RELEASE: Final = ("/etc/os-release", "/usr/lib/os-release")  # os-release(5)
_PROGRAMS: Final = (("docker", "dockerd"), ("podman", "podman"))
_LARGEST: Final = 64 << 10  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The facts. Names of systems are those of os-release(5)."""

    kernel: str  # "Linux", "Darwin"
    kernel_release: str = ""
    system: str = ""  # ID: "debian"
    like: tuple[str, ...] = ()  # ID_LIKE
    systemd: bool = False  # it runs here
    root: bool = False
    user_in_group: bool = False  # the user database has the user in the group `docker`
    session_in_group: bool = False  # this process is in it
    engines: frozenset[str] = frozenset()  # of "docker", "podman": those that are installed

    @property
    def is_wsl(self) -> bool:
        """Whether it is Windows' Subsystem for Linux, by the release that Microsoft gives."""
        return "microsoft" in self.kernel_release.lower()

    @property
    def is_wsl_one(self) -> bool:
        """Whether it is the first one, which imitates Linux 4.4 without its namespaces."""
        return self.is_wsl and self.kernel_release.startswith("4.4.")


def this_machine() -> Machine:
    """Look at this machine."""
    known = os_release(_text(_OS_RELEASE))
    group = _members("docker")
    path = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
    return Machine(
        kernel=platform.system(),
        kernel_release=platform.release(),
        system=known.get("ID", ""),
        like=tuple(known.get("ID_LIKE", "").split()),
        systemd=Path("/run/systemd/system").is_dir(),
        root=os.geteuid() == 0,
        user_in_group=_own_name() in group.gr_mem if group else False,
        session_in_group=group.gr_gid in os.getgroups() if group else False,
        engines=frozenset(name for name, file in _PROGRAMS if shutil.which(file, path=path)),
    )


def os_release(text: str) -> dict[str, str]:
    """Return the variables of an os-release file; what is no assignment is left out."""
    found = {}
    for line in text.split("\n"):
        name, equals, value = line.strip().partition("=")
        if equals and name.isidentifier():
            with contextlib.suppress(ValueError):  # a quote without its other half
                found[name] = "".join(shlex.split(value))
    return found


def _text(paths: tuple[str, ...]) -> str:
    for path in paths:
        with contextlib.suppress(OSError):
            return read_whole(Path(path).resolve(), limit=_LARGEST).decode("utf-8", "replace")
    return ""


def _members(name: str) -> grp.struct_group | None:
    try:
        return grp.getgrnam(name)
    except KeyError:
        return None


def _own_name() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return ""
