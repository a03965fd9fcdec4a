"""System calls that a tree's own programs must not make, as a seccomp filter (seccomp(2)).

The container's own profile is no help: an engine opens most of these for whoever has
CAP_SYS_ADMIN, as the build container does. Numbers are those of x86-64
(arch/x86/entry/syscalls/syscall_64.tbl); every other ABI is refused as a whole.
"""

import ctypes
import errno
from typing import Final

# What makes, enters or changes mounts and namespaces.
_MOUNTING: Final = {
    "mount": 165, "umount2": 166, "pivot_root": 155, "open_tree": 428, "move_mount": 429,
    "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433, "mount_setattr": 442,
    "setns": 308,
}  # fmt: skip
# What reaches other processes, or the kernel by large and young interfaces.
_REACHING: Final = {
    "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312,
    "pidfd_getfd": 438, "bpf": 321, "perf_event_open": 298, "userfaultfd": 323,
    "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "keyctl": 250,
    "add_key": 248, "request_key": 249, "open_by_handle_at": 304,
}  # fmt: skip
# What changes the machine.
_RULING: Final = {
    "init_module": 175, "finit_module": 313, "delete_module": 176, "kexec_load": 246,
    "kexec_file_load": 320, "reboot": 169, "swapon": 167, "swapoff": 168, "acct": 163,
    "settimeofday": 164, "clock_settime": 227, "iopl": 172, "ioperm": 173, "quotactl": 179,
    "syslog": 103,
}  # fmt: skip
DENIED: Final = {**_MOUNTING, **_REACHING, **_RULING}

_CLONE, _UNSHARE, _CLONE3 = 56, 272, 435
# linux/sched.h: NEWTIME, NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
_NEW_NAMESPACES: Final = (
    0x80 | 0x20000 | 0x2000000 | 0x4000000 | 0x8000000 | 0x10000000 | 0x20000000 | 0x40000000
)
_NEWTIME: Final = 0x80  # for clone, this bit is part of a signal's number

_ARCHITECTURE: Final = 0xC000003E  # AUDIT_ARCH_X86_64
_X32: Final = 0x40000000  # __X32_SYSCALL_BIT
_NUMBER_AT, _ARCHITECTURE_AT, _FIRST_ARGUMENT_AT = 0, 4, 16  # struct seccomp_data; the low words
# linux/bpf_common.h
_LOAD, _IF_EQUAL, _IF_AT_LEAST, _IF_BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000  # SECCOMP_RET_…
_REFUSE: Final = _ERRNO | errno.EPERM
_UNKNOWN: Final = _ERRNO | errno.ENOSYS

Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, value


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_ushort),
        ("if_true", ctypes.c_ubyte),
        ("if_false", ctypes.c_ubyte),
        ("value", ctypes.c_uint32),
    )


class Program(ctypes.Structure):
    """A filter as prctl(PR_SET_SECCOMP) takes it: struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.POINTER(_Instruction)))


def instructions() -> list[Instruction]:
    """Return the filter.

    clone3 is unknown rather than refused: its flags are out of a filter's sight, and C libraries
    then use clone.
    """
    return [
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_IF_EQUAL, 1, 0, _ARCHITECTURE),
        (_RETURN, 0, 0, _REFUSE),
        (_LOAD, 0, 0, _NUMBER_AT),
        (_IF_AT_LEAST, 0, 1, _X32),
        (_RETURN, 0, 0, _REFUSE),
        (_IF_EQUAL, 0, 1, _CLONE3),
        (_RETURN, 0, 0, _UNKNOWN),
        *(
            step
            for number in sorted(DENIED.values())
            for step in ((_IF_EQUAL, 0, 1, number), (_RETURN, 0, 0, _REFUSE))
        ),
        *_without_flags(_UNSHARE, _NEW_NAMESPACES),
        *_without_flags(_CLONE, _NEW_NAMESPACES & ~_NEWTIME),
        (_RETURN, 0, 0, _ALLOW),
    ]


def _without_flags(number: int, flags: int) -> list[Instruction]:
    """Refuse a call whose first argument has one of the flags."""
    return [
        (_IF_EQUAL, 0, 4, number),
        (_LOAD, 0, 0, _FIRST_ARGUMENT_AT),
        (_IF_BITS, 0, 1, flags),
        (_RETURN, 0, 0, _REFUSE),
        (_LOAD, 0, 0, _NUMBER_AT),
    ]


def program() -> Program:
    """Return the filter in the form that the kernel takes."""
    rows = instructions()
    array = (_Instruction * len(rows))(*(_Instruction(*row) for row in rows))
    return Program(len(rows), array)
