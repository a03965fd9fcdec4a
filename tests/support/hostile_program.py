"""What a hostile system's own tools might try when a build runs them in their tree.

Prints one JSON object: each attempt, and "" for success or the name of the errno that stopped it.
The same attempts are run beside the wall, as a control: there they have to get further. Paths are
relative, since the current directory is the tree in both cases.
"""

import ctypes
import errno
import json
import os
import signal
import stat
import sys
import time
from collections.abc import Callable
from pathlib import Path

_NEWNS, _NEWUSER, _NEWNET = 0x20000, 0x10000000, 0x40000000
_CLONE, _UNSHARE, _CLONE3, _SETNS, _PIVOT_ROOT = 56, 272, 435, 308, 155
_KEYCTL, _BPF, _IO_URING_SETUP, _USERFAULTFD, _PTRACE = 250, 321, 425, 323, 101
_OPEN_TREE, _FSOPEN, _OPEN_BY_HANDLE_AT = 428, 430, 304
_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def _call(number: int, *arguments: object) -> int:
    return _checked(_libc.syscall(number, *arguments))


def make_a_device() -> None:
    os.mknod("tmp/loop", stat.S_IFBLK | 0o600, os.makedev(7, 0))
    Path("tmp/loop").unlink()


def open_its_own_device() -> None:
    os.close(os.open("node", os.O_RDONLY))


def mount() -> None:
    _checked(_libc.mount(b"none", b"tmp", b"tmpfs", 0, None))
    _checked(_libc.umount2(b"tmp", 0))


def mount_by_the_new_calls() -> None:
    os.close(_call(_FSOPEN, b"tmpfs", 0))


def open_a_detached_tree() -> None:
    os.close(_call(_OPEN_TREE, -100, b".", 1))


def make_a_user_namespace() -> None:
    _in_child(lambda: _call(_UNSHARE, _NEWUSER))


def make_a_network_by_clone() -> None:
    child = _call(_CLONE, _NEWNET | signal.SIGCHLD, 0, 0, 0, 0)
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def hide_flags_in_clone3() -> None:
    _call(_CLONE3, 0, 0)


def enter_a_namespace() -> None:
    _in_child(lambda: _call(_SETNS, os.open("/proc/self/ns/uts", os.O_RDONLY), 0))


def climb_out() -> None:
    _in_child(_climb)


def _climb() -> None:
    Path("tmp/cell").mkdir(exist_ok=True)
    os.chroot("tmp/cell")
    for _ in range(20):
        os.chdir("..")
    os.chroot(".")
    Path("/request.json").stat()


def look_through_another_process() -> None:
    if not any(path.exists() for path in Path("/proc").glob("[0-9]*/root/request.json")):
        raise FileNotFoundError(errno.ENOENT, "nobody sees it")


def signal_the_builder() -> None:
    os.kill(-1, 0)


def trace() -> None:
    _in_child(lambda: _call(_PTRACE, 0, 0, 0, 0))


def open_by_handle() -> None:
    handle = ctypes.create_string_buffer(b"\x08\0\0\0\x01\0\0\0" + bytes(8), 16)
    os.close(_call(_OPEN_BY_HANDLE_AT, os.open(".", os.O_RDONLY), handle, 0))


def load_a_program_into_the_kernel() -> None:
    _call(_BPF, 0, 0, 0)


def queue_calls_past_the_filter() -> None:
    _call(_IO_URING_SETUP, 1, 0)


def stop_the_kernel_at_a_page() -> None:
    os.close(_call(_USERFAULTFD, 0))


def read_keys() -> None:
    _call(_KEYCTL, 0, -3, 0)


def change_the_host_kernel() -> None:
    os.close(os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY))


def uncover_the_hosts_processor() -> None:
    _checked(_libc.umount2(b"/proc/cpuinfo", 0))


def change_the_machine_for_others() -> None:
    os.close(os.open("/proc/cpuinfo", os.O_WRONLY))


def outlive_the_build_when_memory_ends() -> None:
    os.close(os.open("/proc/self/oom_score_adj", os.O_WRONLY))


def _in_child(attempt: Callable[[], object]) -> None:
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


def _leave_somebody_behind() -> None:
    """Start a daemon that writes into the tree when everybody else has gone."""
    if os.fork() == 0:
        os.setsid()
        time.sleep(1)
        Path("tmp/late").write_text("somebody outlived the program")
        os._exit(0)


def _outcome(attempt: Callable[[], None]) -> str:
    try:
        attempt()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    return ""


ATTEMPTS = (
    make_a_device, open_its_own_device, mount, mount_by_the_new_calls, open_a_detached_tree,
    make_a_user_namespace, make_a_network_by_clone, hide_flags_in_clone3, enter_a_namespace,
    climb_out, look_through_another_process, signal_the_builder, trace, open_by_handle,
    load_a_program_into_the_kernel, queue_calls_past_the_filter, stop_the_kernel_at_a_page,
    read_keys, change_the_host_kernel, uncover_the_hosts_processor, change_the_machine_for_others,
    outlive_the_build_when_memory_ends,
)  # fmt: skip

if __name__ == "__main__":
    with Path("/dev/null").open("w") as nothing:  # the devices that we give must work
        nothing.write("x")
    sys.stdout.write(json.dumps({each.__name__: _outcome(each) for each in ATTEMPTS}) + "\n")
    sys.stdout.flush()
    _leave_somebody_behind()
