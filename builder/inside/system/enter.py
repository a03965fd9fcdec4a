"""Runs one program confined to a foreign tree: `enter.py TREE ARGV…`.

A plain chroot does not confine root, and what runs here is the tree's own code. So it gets

- namespaces of its own: of mounts, in which the tree is the only root, without the tree's own
  device nodes; of processes, so that it sees and signals no others and leaves none behind; of IPC,
  host name, network and control groups;
- no capability by which root in a container could reach the engine's host: mounting, making device
  nodes, opening files by handle, setting file capabilities;
- a filter for the system calls that could bring such rights back, or reach the kernel without any
  (`builder.inside.system.syscalls`).

This file is run by its path; it needs the standard library and that one table.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
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
_NEWNS, _NEWCGROUP, _NEWUTS, _NEWIPC, _NEWPID, _NEWNET = (  # linux/sched.h, CLONE_…
    0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x20000000, 0x40000000,
)  # fmt: skip
_RDONLY, _NOSUID, _NODEV, _NOEXEC, _REMOUNT, _BIND, _MOVE, _REC, _PRIVATE = (  # linux/mount.h
    1, 2, 4, 8, 32, 4096, 8192, 16384, 1 << 18,
)  # fmt: skip
_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 22, 38  # linux/prctl.h
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
_SECCOMP_MODE_FILTER: Final = 2  # linux/seccomp.h
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
    """Enter the tree in the first argument, and run the program in the others to its end.

    Ends as the program did. Nothing that the program started is left then.
    """
    sys.path.insert(0, str(Path(__file__).parents[3]))
    from builder.inside.system.syscalls import program

    tree, *argv = arguments
    os.get_exec_path()  # imports a module now, while our own library is reachable
    filtered = program()
    try:
        _call("unshare", _NEWNS | _NEWCGROUP | _NEWUTS | _NEWIPC | _NEWPID | _NEWNET)
        reading, writing = os.pipe()
    except OSError as error:
        _end(f"cannot enter the tree {tree}: {error}", FAILED)
    first = os.fork()  # the first process of the new namespace; with it, all others end
    if first:
        os.close(writing)
        _end_like(first, reading)
    os.close(reading)
    try:
        _call("prctl", _PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        _make_only_root(tree)
        _give_up_privileges(filtered)
    except OSError as error:
        _end(f"cannot enter the tree {tree}: {error}", FAILED)
    _be_first(os.fork(), argv, writing)


def _end_like(first: int, reading: int) -> NoReturn:
    """Wait for the namespace to end, and end as the program in it did."""
    killed_by = os.read(reading, 1)
    _process, status = os.waitpid(first, 0)
    if killed_by:
        if killed_by[0] not in {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(killed_by[0], signal.SIG_DFL)
        os.kill(os.getpid(), killed_by[0])
    code = os.waitstatus_to_exitcode(status)
    os._exit(code if code >= 0 else FAILED)


def _be_first(program: int, argv: list[str], writing: int) -> NoReturn:
    """Start the program, and take over whatever loses its parent until the program ends."""
    if program == 0:
        os.close(writing)
        try:
            os.execvp(argv[0], argv)  # noqa: S606 - an argv list, no shell
        except FileNotFoundError:
            _end(f"{argv[0]} is not installed in the system", NOT_FOUND)
        except OSError as error:
            _end(f"cannot run {argv[0]}: {error}", FAILED)
    while True:
        ended, status = os.wait()
        if ended == program:
            break
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        os.write(writing, bytes((-code,)))
    os._exit(max(code, 0))


def _make_only_root(tree: str) -> None:
    """Make the tree, with what is mounted in it, the root of the new mount namespace.

    The container's seccomp profile forbids pivot_root; moving the mount over `/` hides the old
    root from every process that may not mount, which is all of them from here on.
    """
    _call("mount", None, b"/", None, _REC | _PRIVATE, None)
    place = _PLACE.encode()
    _call("mount", os.fsencode(tree), place, None, _BIND | _REC, None)
    _call("mount", None, place, None, _BIND | _REMOUNT | _NODEV | _NOSUID, None)
    if os.path.ismount(f"{_PLACE}/proc"):  # it shows the processes of the build
        flags = _RDONLY | _NOSUID | _NODEV | _NOEXEC
        _call("mount", b"proc", f"{_PLACE}/proc".encode(), b"proc", flags, None)
    os.chdir(place)
    _call("mount", place, b"/", None, _MOVE, None)
    os.chroot(".")
    os.chdir("/")


def _give_up_privileges(filtered: ctypes.Structure) -> None:
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
    _call("prctl", _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(filtered), 0, 0)


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
