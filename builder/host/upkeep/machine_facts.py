"""What kind of machine this is, as far as it decides how an engine gets here."""

import contextlib
import grp
import os
import platform
import pwd
import shlex
import shutil
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from builder.basics.printable import short
from builder.basics.regular import read_start

_PROGRAMS: Final = (
    "dockerd", "podman", "sudo", "doas", "apt-get", "dnf", "yum", "rpm-ostree", "zypper",
    "transactional-update", "pacman", "apk", "emerge", "rc-service", "service", "mmdebstrap",
)  # fmt: skip
_LIMIT: Final = 16 << 20  # bytes of a file; a list of modules has about one million
_ADMIN_FOLDERS: Final = "/usr/local/sbin:/usr/sbin:/sbin"  # where users have no dockerd


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineFacts:
    """A machine and who asks, with nothing that is not looked at."""

    os_release: Mapping[str, str] = field(default_factory=dict)
    system: str = "Linux"  # uname -s
    kernel: str = ""  # uname -r
    user: str = "root"
    uid: int = 0
    groups: frozenset[str] = frozenset()  # of this process
    account_groups: frozenset[str] = frozenset()  # of the account: those of the next login
    programs: frozenset[str] = frozenset()
    has_systemd: bool = False  # as the running init
    in_container: bool = False
    wsl_name: str = ""  # of the distribution in WSL
    has_btrfs: bool = True  # the running kernel, or a module of it
    has_loop: bool = True

    @property
    def name(self) -> str:
        """What the system calls itself."""
        return self.os_release.get("PRETTY_NAME") or self.os_release.get("ID") or self.system

    @property
    def kinds(self) -> tuple[str, ...]:
        """The distribution and those that it is like, the nearest first (os-release(5))."""
        like = self.os_release.get("ID_LIKE", "").split()
        return tuple(each.lower() for each in (self.os_release.get("ID", "linux"), *like))

    @property
    def major(self) -> int | None:
        """The first number of the version; None where there is none, as in rolling ones."""
        first = self.os_release.get("VERSION_ID", "").split(".")[0]
        return int(first) if first.isdecimal() and len(first) < 9 else None


def gathered(root: Path = Path("/"), variables: Mapping[str, str] = os.environ) -> MachineFacts:
    """Return the facts of this machine, whose files lie below `root`."""
    uname = platform.uname()
    user = _user()
    return MachineFacts(
        os_release=os_release(_text(root / "etc/os-release") or _text(root / "usr/lib/os-release")),
        system=uname.system,
        kernel=uname.release,
        user=user,
        uid=os.getuid(),
        groups=frozenset(filter(None, (_group(each) for each in os.getgroups()))),
        account_groups=frozenset(each.gr_name for each in grp.getgrall() if user in each.gr_mem),
        programs=_programs(variables),
        has_systemd=(root / "run/systemd/system").is_dir(),
        in_container=any((root / each).exists() for each in (".dockerenv", "run/.containerenv"))
        or bool(variables.get("container")),
        wsl_name=variables.get("WSL_DISTRO_NAME", ""),
        has_btrfs=_has_btrfs(root, uname.release),
        has_loop=(root / "dev/loop-control").exists() or _has_module(root, uname.release, "loop"),
    )


def group_of(socket: Path) -> str | None:
    """Return the group that may use a socket, "" if none may, None where that cannot be seen."""
    try:
        found = socket.stat()
    except OSError:
        return None
    return _group(found.st_gid) if found.st_mode & stat.S_IWGRP else ""


def os_release(text: str) -> Mapping[str, str]:
    """Return what an os-release file says; what is no assignment is passed over."""
    found = {}
    for line in text.split("\n"):
        name, equals, value = line.strip().partition("=")
        if equals and name.isidentifier():
            with contextlib.suppress(ValueError):  # a quote without its other half
                found[name] = short("".join(shlex.split(value)), longest=200)
    return found


def _text(path: Path) -> str:
    try:
        content, _whole = read_start(path, limit=_LIMIT, follow=True)
    except OSError:
        return ""
    return content.decode("utf-8", "replace")


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return ""


def _programs(variables: Mapping[str, str]) -> frozenset[str]:
    path = f"{variables.get('PATH', os.defpath)}:{_ADMIN_FOLDERS}"
    return frozenset(each for each in _PROGRAMS if shutil.which(each, path=path))


def _has_btrfs(root: Path, kernel: str) -> bool:
    known = _text(root / "proc/filesystems").split()
    return "btrfs" in known or _has_module(root, kernel, "btrfs")


def _has_module(root: Path, kernel: str, name: str) -> bool:
    """Whether the running kernel has it built in, or its modules are here."""
    folder = root / "lib/modules" / kernel
    listed = _text(folder / "modules.builtin") + _text(folder / "modules.dep")
    files = (line.partition(":")[0].rpartition("/")[2] for line in listed.split("\n"))
    return any(each.startswith(f"{name}.ko") for each in files)
