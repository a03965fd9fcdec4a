"""The few calls by which a process confines itself; Python's own library has none of them.

Used before a foreign tree becomes the root, by programs that are run by their path: nothing but the
standard library and this package's own tables may be imported here.
"""

import ctypes
import os
import resource
import signal
from collections.abc import Collection, Mapping
from typing import Final

NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWPID, NEWNET = (  # linux/sched.h, CLONE_…
    0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x20000000, 0x40000000,
)  # fmt: skip
OWN_EVERYTHING: Final = NEWNS | NEWCGROUP | NEWUTS | NEWIPC | NEWPID | NEWNET
RDONLY, NOSUID, NODEV, NOEXEC, REMOUNT, BIND, MOVE, REC, PRIVATE = (  # linux/mount.h
    1, 2, 4, 8, 32, 4096, 8192, 16384, 1 << 18,
)  # fmt: skip
CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER, FSETID, SETGID, SETUID = 0, 1, 2, 3, 4, 6, 7
SYS_CHROOT, SYS_ADMIN, MKNOD, SETFCAP = 18, 21, 27, 31  # linux/capability.h

_VERSION_3: Final = 0x20080522  # _LINUX_CAPABILITY_VERSION_3: two words of 32 bits
_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 22, 38  # linux/prctl.h
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
_SECCOMP_MODE_FILTER: Final = 2  # linux/seccomp.h

_libc = ctypes.CDLL(None, use_errno=True)


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Word(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def unshare(namespaces: int) -> None:
    """Leave the namespaces named by the flags for new ones. Raises OSError, as all here do."""
    _call("unshare", namespaces)


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    """Call mount(2); "" stands for an argument that does not matter."""
    texts = (os.fsencode(text) if text else None for text in (source, target, kind, options))
    first, second, third, last = texts
    _call("mount", first, second, third, flags, last)


def bind(source: str, target: str, flags: int = 0) -> None:
    """Mount `source` at `target`; the flags hold for `target` only."""
    mount(source, target, "", BIND | (flags & REC))
    if restrictions := flags & ~REC:
        mount("", target, "", BIND | REMOUNT | restrictions)


def end_with_parent() -> None:
    """Be killed when the parent process ends, in whatever way."""
    _call("prctl", _PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def go_early(score: int) -> None:
    """When memory runs out, let this process end before those of a lower score: at most 1000.

    See oom_score_adj in proc(5).
    """
    with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:  # noqa: PTH123
        file.write(str(score))


def set_host_name(name: str) -> None:
    """Set the name in this process's UTS namespace."""
    _call("sethostname", name.encode(), len(name))


def current_processor() -> int:
    """Return the number of the processor that runs this process."""
    return int(_libc.sched_getcpu())


def set_limits(limits: Mapping[int, int]) -> None:
    """Set resources (`resource.RLIMIT_…`) to fixed limits, or to lower ones that are set."""
    for kind, wanted in limits.items():
        _soft, hard = resource.getrlimit(kind)
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(kind, (limit, limit))


def give_up_privileges(kept: Collection[int], filtered: ctypes.Structure) -> None:
    """Keep only the capabilities in `kept`; with `no_new_privs` no program regains others.

    `filtered` is the filter for system calls, in force from here on.
    """
    mask = sum(1 << number for number in kept)
    _call("prctl", _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    header, words = _Header(version=_VERSION_3, pid=0), (_Word * 2)()
    _call("capget", ctypes.byref(header), words)
    for position, word in enumerate(words):
        word.permitted &= mask >> 32 * position & 0xFFFFFFFF
        word.effective = word.permitted
        word.inheritable = 0
    _call("capset", ctypes.byref(header), words)
    _call("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _call("prctl", _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(filtered), 0, 0)


def _call(name: str, *arguments: object) -> None:
    if getattr(_libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
