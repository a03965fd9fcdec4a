"""The filter of system calls, run as the kernel runs it."""

import errno
import signal

import pytest

from builder.inside.system.syscalls import DENIED, instructions

X86_64, I386 = 0xC000003E, 0x40000003
ALLOWED = 0x7FFF0000
READ, CLONE, FORK, CHROOT, UNSHARE, CLONE3, MKNOD = 0, 56, 57, 161, 272, 435, 133
CLONE_FILES, CLONE_NEWUSER, CLONE_NEWTIME = 0x400, 0x10000000, 0x80


def verdict(number: int, first: int = 0, *, architecture: int = X86_64) -> int:
    """Return what the filter makes of a call; classic BPF as in seccomp(2)."""
    data = {0: number, 4: architecture, 16: first & 0xFFFFFFFF}
    held, place = 0, 0
    rows = instructions()
    while True:
        code, if_true, if_false, value = rows[place]
        place += 1
        match code:
            case 0x20:
                held = data[value]
            case 0x06:
                return value
            case 0x15:
                place += if_true if held == value else if_false
            case 0x35:
                place += if_true if held >= value else if_false
            case 0x45:
                place += if_true if held & value else if_false
            case _:
                pytest.fail(f"no such instruction: {code:#x}")


def refused(number: int, first: int = 0, *, architecture: int = X86_64) -> int | None:
    """Return the errno that a call gets, or None where it is allowed."""
    found = verdict(number, first, architecture=architecture)
    if found == ALLOWED:
        return None
    assert found & 0xFFFF0000 == 0x00050000
    return found & 0xFFFF


@pytest.mark.parametrize("name", DENIED)
def test_what_is_denied_is_not_permitted(name: str) -> None:
    assert refused(DENIED[name]) == errno.EPERM


@pytest.mark.parametrize("number", [READ, FORK, CHROOT, MKNOD])
def test_ordinary_calls_are_allowed(number: int) -> None:
    assert refused(number) is None


def test_new_namespaces_are_refused_and_other_uses_of_these_calls_are_not() -> None:
    assert refused(UNSHARE, CLONE_NEWUSER) == errno.EPERM
    assert refused(UNSHARE, CLONE_NEWTIME) == errno.EPERM
    assert refused(UNSHARE, CLONE_FILES) is None
    assert refused(CLONE, CLONE_NEWUSER | signal.SIGCHLD) == errno.EPERM
    assert refused(CLONE, signal.SIGCHLD) is None
    assert refused(CLONE, 0x3D0F00) is None  # a thread, as C libraries make it
    assert refused(CLONE3) == errno.ENOSYS  # so that C libraries use clone


@pytest.mark.parametrize("number", [READ, CLONE, 5])
def test_other_abis_are_refused_as_a_whole(number: int) -> None:
    assert refused(number, architecture=I386) == errno.EPERM
    assert refused(number | 0x40000000) == errno.EPERM
