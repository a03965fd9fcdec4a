"""What a hostile system's own tools might try, run inside the builder's chroot.

Prints one JSON object: each attempt, and "" for success or why it failed. Nothing is written
outside the tree even where an attempt succeeds.
"""

import ctypes
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

_CLONE_NEWNS, _CLONE_NEWUSER, _CLONE_NEWPID = 0x20000, 0x10000000, 0x20000000
_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _opens_for_writing(path: str) -> None:
    os.close(os.open(path, os.O_WRONLY))


def make_a_device() -> None:
    os.mknod("/tmp/loop", stat.S_IFBLK | 0o600, os.makedev(7, 0))


def open_its_own_device() -> None:
    os.close(os.open("/node", os.O_RDONLY))


def mount() -> None:
    _checked(_libc.mount(b"none", b"/tmp", b"tmpfs", 0, None))


def show_what_is_below() -> None:
    _checked(_libc.umount2(b"/", 2))


def change_the_host_kernel() -> None:
    _opens_for_writing("/proc/sys/kernel/core_pattern")


def change_the_host_kernel_from_a_user_namespace() -> None:
    _in_child(_mount_own_proc)


def _mount_own_proc() -> None:
    _checked(_libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNS | _CLONE_NEWPID))
    _in_child(_write_own_proc)


def _write_own_proc() -> None:
    Path("/tmp/proc").mkdir(exist_ok=True)
    _checked(_libc.mount(b"proc", b"/tmp/proc", b"proc", 0, None))
    _opens_for_writing("/tmp/proc/sys/kernel/core_pattern")


def climb_out() -> None:
    _in_child(_climb)


def _climb() -> None:
    Path("/tmp/cell").mkdir(exist_ok=True)
    os.chroot("/tmp/cell")
    for _ in range(20):
        os.chdir("..")
    os.chroot(".")
    Path("/request.json").stat()


def look_through_another_process() -> None:
    list(Path("/proc/1/root").iterdir())


def open_by_handle() -> None:
    handle = ctypes.create_string_buffer(b"\x08\0\0\0\x01\0\0\0" + bytes(8), 16)
    descriptor = os.open("/", os.O_RDONLY)
    if _libc.open_by_handle_at(descriptor, handle, 0) < 0 and ctypes.get_errno() == 1:
        raise PermissionError("not permitted")


def _in_child(attempt: Callable[[], None]) -> None:
    """Try in a process of its own, whose exit code is the errno."""
    child = os.fork()
    if child == 0:
        try:
            attempt()
            os._exit(0)
        except OSError as error:
            os._exit(error.errno or 255)
        finally:
            os._exit(254)
    _pid, status = os.waitpid(child, 0)
    if code := os.waitstatus_to_exitcode(status):
        raise OSError(code, os.strerror(code))


def _outcome(attempt: Callable[[], None]) -> str:
    try:
        attempt()
    except OSError as error:
        return error.strerror or str(error)
    return ""


ATTEMPTS = (
    make_a_device, open_its_own_device, mount, show_what_is_below, change_the_host_kernel,
    change_the_host_kernel_from_a_user_namespace, climb_out, look_through_another_process,
    open_by_handle,
)  # fmt: skip

if __name__ == "__main__":
    with Path("/dev/null").open("w") as nothing:  # the devices that we give must work
        nothing.write("x")
    print(json.dumps({attempt.__name__: _outcome(attempt) for attempt in ATTEMPTS}))  # noqa: T201
