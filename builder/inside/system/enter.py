"""Runs one program confined to a foreign tree: `enter.py TREE ARGV…`.

A plain chroot does not confine root, and what runs here is the tree's own code. So it gets a mount
namespace in which the tree is the only root, without the tree's own device nodes, and it loses
every capability by which root in a container could reach the engine's host: mounting, making
device nodes, opening files by handle, setting file capabilities. This file is run by its path,
without the rest of the package; it only needs the standard library.
"""

import ctypes
import os
import sys
from collections.abc import Sequence
from typing import Final, NoReturn

# linux/capability.h: to create files of any owner and mode, and chroot for `ldconfig -r`.
_KEPT: Final = sum(
    1 << number
    for number in (
        0,  # CHOWN
        1,  # DAC_OVERRIDE
        3,  # FOWNER
        4,  # FSETID
        6,  # SETGID
        7,  # SETUID
        18,  # SYS_CHROOT
    )
)
_VERSION_3: Final = 0x20080522  # _LINUX_CAPABILITY_VERSION_3: two words of 32 bits
_CLONE_NEWNS: Final = 0x00020000  # linux/sched.h
_NOSUID, _NODEV, _REMOUNT, _BIND, _MOVE, _REC, _PRIVATE = (  # linux/mount.h
    2, 4, 32, 4096, 8192, 16384, 1 << 18,
)  # fmt: skip
_PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 38, 47, 4  # linux/prctl.h
_PLACE: Final = "/mnt"  # an empty directory of this image; only covered in the new namespace
NOT_FOUND: Final = 127  # as in shells
FAILED: Final = 126

_libc = ctypes.CDLL(None, use_errno=True)


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Word(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def main(arguments: Sequence[str]) -> NoReturn:
    """Enter the tree in the first argument, and execute the program in the others."""
    tree, *argv = arguments
    os.get_exec_path()  # imports a module now, while our own library is reachable
    try:
        _make_only_root(tree)
        _give_up_privileges()
    except OSError as error:
        _end(f"cannot enter the tree {tree}: {error}", FAILED)
    try:
        os.execvp(argv[0], argv)  # noqa: S606 - an argv list, no shell
    except FileNotFoundError:
        _end(f"{argv[0]} is not installed in the system", NOT_FOUND)
    except OSError as error:
        _end(f"cannot run {argv[0]}: {error}", FAILED)


def _make_only_root(tree: str) -> None:
    """Make the tree, with what is mounted in it, the root of a new mount namespace.

    The container's seccomp profile forbids pivot_root; moving the mount over `/` hides the old
    root from every process that may not mount, which is all of them from here on.
    """
    _call("unshare", _CLONE_NEWNS)
    _call("mount", None, b"/", None, _REC | _PRIVATE, None)
    place = _PLACE.encode()
    _call("mount", os.fsencode(tree), place, None, _BIND | _REC, None)
    _call("mount", None, place, None, _BIND | _REMOUNT | _NODEV | _NOSUID, None)
    os.chdir(place)
    _call("mount", place, b"/", None, _MOVE, None)
    os.chroot(".")
    os.chdir("/")


def _give_up_privileges() -> None:
    """Keep only the capabilities in `_KEPT`; with `no_new_privs` no program regains others."""
    _call("prctl", _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    header, words = _Header(version=_VERSION_3, pid=0), (_Word * 2)()
    _call("capget", ctypes.byref(header), words)
    for position, word in enumerate(words):
        word.permitted &= _KEPT >> 32 * position & 0xFFFFFFFF
        word.effective = word.permitted
        word.inheritable = 0
    _call("capset", ctypes.byref(header), words)
    _call("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def _call(name: str, *arguments: object) -> None:
    if getattr(_libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _end(message: str, code: int) -> NoReturn:
    sys.stderr.write(f"{message}\n")
    sys.stderr.flush()
    os._exit(code)  # no imports from here on: the standard library is now the tree's


if __name__ == "__main__":
    main(sys.argv[1:])
