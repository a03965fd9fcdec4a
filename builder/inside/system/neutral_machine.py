"""The machine that a system's own programs see while a build runs them: the same on every host.

Hooks of an initramfs ask for the processor, the kernel's command line and the disks; what they
decide by that would make an ISO depend on the machine that builds it, and would carry news of that
machine away. So nothing of /proc but the processes of the namespace is real: each other entry that
the kernel has is covered, by a file below or by an empty one, and /sys is a small tree of our own.
A hook that wants to see one of the two makers of processors sees both, so that the firmware of both
goes into the initramfs (`amd64-microcode`, `intel-microcode`).

What stays visible, because nothing can cover it: the kernel's release in uname(2), the instructions
that the processor really has, time, the mounts of the namespace, and the file system's numbers.
"""

import os
import resource
from collections.abc import Mapping
from typing import Final

from builder.inside.system import kernel_calls as kernel

HOST_NAME: Final = "distroclone-builder"
_RELEASE: Final = "6.1.0"
_BOOT: Final = 1_577_836_800  # seconds since 1970: 2020, before any system that is built

_PROCESSOR: Final = """\
processor\t: {number}
vendor_id\t: {maker}
cpu family\t: {family}
model\t\t: 1
model name\t: x86-64
stepping\t: 1
microcode\t: 0x1
cpu MHz\t\t: 1000.000
cache size\t: 1024 KB
flags\t\t: fpu tsc msr cx8 apic cmov pat clflush mmx fxsr sse sse2 syscall nx lm
address sizes\t: 40 bits physical, 48 bits virtual

"""
_MAKERS: Final = (("GenuineIntel", 6), ("AuthenticAMD", 23))

# What differs between machines and is asked for; what the kernel has besides is empty.
PROC: Final[Mapping[str, str]] = {
    "cpuinfo": "".join(
        _PROCESSOR.format(number=number, maker=maker, family=family)
        for number, (maker, family) in enumerate(_MAKERS)
    ),
    "cmdline": "quiet\n",
    "devices": "Character devices:\n  1 mem\n  5 /dev/tty\n\nBlock devices:\n",
    "filesystems": "nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\nnodev\tdevtmpfs\nnodev\toverlay\n"
    "\text4\n\tsquashfs\n\tiso9660\n\tvfat\n",
    "loadavg": "0.00 0.00 0.00 1/1 1\n",
    "mdstat": "Personalities : \nunused devices: <none>\n",
    "meminfo": "MemTotal:        2097152 kB\nMemFree:         1048576 kB\n"
    "MemAvailable:    1572864 kB\nBuffers:               0 kB\nCached:           524288 kB\n"
    "SwapTotal:             0 kB\nSwapFree:              0 kB\n",
    "partitions": "major minor  #blocks  name\n\n",
    "stat": f"cpu  0 0 0 0 0 0 0 0 0 0\ncpu0 0 0 0 0 0 0 0 0 0 0\nintr 0\nctxt 0\nbtime {_BOOT}\n"
    "processes 1\nprocs_running 1\nprocs_blocked 0\n",
    "swaps": "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n",
    "uptime": "60.00 60.00\n",
    "version": f"Linux version {_RELEASE} ({HOST_NAME}) #1 SMP\n",
    "sys/kernel/core_pattern": "core\n",
    "sys/kernel/domainname": "(none)\n",
    "sys/kernel/hostname": f"{HOST_NAME}\n",
    "sys/kernel/osrelease": f"{_RELEASE}\n",
    "sys/kernel/ostype": "Linux\n",
    "sys/kernel/pid_max": "4194304\n",
    "sys/kernel/random/boot_id": "00000000-0000-4000-8000-000000000001\n",
    "sys/kernel/random/uuid": "00000000-0000-4000-8000-000000000002\n",
    "sys/kernel/version": "#1 SMP\n",
    "sys/vm/overcommit_memory": "0\n",
}
SYS: Final[Mapping[str, str]] = {
    "devices/system/cpu/online": "0\n",
    "devices/system/cpu/possible": "0\n",
    "devices/system/cpu/present": "0\n",
}
_SYS_FOLDERS: Final = (
    "block", "bus", "class", "dev/block", "dev/char", "firmware", "fs", "kernel", "module", "power",
)  # fmt: skip
# With settings of its own, a package can limit its firmware to the processor that runs it.
SETTINGS: Final[Mapping[str, str]] = {
    "/etc/default/amd64-microcode": "AMD64UCODE_INITRAMFS=early\n",
    "/etc/default/intel-microcode": "IUCODE_TOOL_INITRAMFS=early\nIUCODE_TOOL_SCANCPUS=no\n",
}
LIMITS: Final[Mapping[int, int]] = {
    resource.RLIMIT_CORE: 0,
    resource.RLIMIT_FSIZE: 8 << 30,  # bytes of one file
    resource.RLIMIT_MEMLOCK: 64 << 10,
    resource.RLIMIT_MSGQUEUE: 0,
    resource.RLIMIT_NOFILE: 1024,
    resource.RLIMIT_SIGPENDING: 1024,
    resource.RLIMIT_STACK: 8 << 20,
}
_PARTS: Final = "/media"  # an empty directory of this image; only covered in the new namespace
_FLAGS: Final = kernel.NOSUID | kernel.NODEV | kernel.NOEXEC


def make_parts() -> None:
    """Write all fixed files to a place that no program of the system will see."""
    kernel.mount("tmpfs", _PARTS, "tmpfs", _FLAGS, "mode=0755,size=1m")
    for folder in ("proc", "sys", "folder", *(f"sys/{each}" for each in _SYS_FOLDERS)):
        os.makedirs(f"{_PARTS}/{folder}", exist_ok=True)  # noqa: PTH103
    _write("file", "")
    for top, files in (("proc", PROC), ("sys", SYS), ("settings", SETTINGS)):
        for name, text in files.items():
            _write(f"{top}/{name.lstrip('/')}", text)
    kernel.mount("", _PARTS, "", kernel.REMOUNT | kernel.RDONLY | _FLAGS)


def cover(root: str) -> None:
    """Cover what is the host's in the /proc and /sys that are mounted in `root`."""
    for name in sorted(os.listdir(f"{root}/proc")):  # noqa: PTH208
        place, part = f"{root}/proc/{name}", f"{_PARTS}/proc/{name}"
        if name.isdigit() or os.path.islink(place):  # noqa: PTH114 - all lead to processes
            continue
        if not os.path.exists(part):  # noqa: PTH110
            part = f"{_PARTS}/{'folder' if os.path.isdir(place) else 'file'}"  # noqa: PTH112
        kernel.bind(part, place)
    if os.path.ismount(f"{root}/sys"):
        kernel.bind(f"{_PARTS}/sys", f"{root}/sys")


def open_settings() -> Mapping[str, int]:
    """Return a descriptor for each file of settings, by the path where it is wanted."""
    return {
        path: os.open(f"{_PARTS}/settings{path}", os.O_PATH | os.O_CLOEXEC) for path in SETTINGS
    }


def cover_settings(settings: Mapping[str, int]) -> None:
    """Cover those that the system at `/` has: its own links lead nowhere else any more."""
    for path, descriptor in settings.items():
        if os.path.isfile(path):  # noqa: PTH113
            kernel.bind(f"/proc/self/fd/{descriptor}", path)
        os.close(descriptor)


def be_one_machine() -> None:
    """Make this process see one processor, fixed limits, and the fixed name."""
    kernel.set_host_name(HOST_NAME)
    os.sched_setaffinity(0, {kernel.current_processor()})
    kernel.set_limits(LIMITS)


def _write(name: str, text: str) -> None:
    place = f"{_PARTS}/{name}"
    os.makedirs(os.path.dirname(place), exist_ok=True)  # noqa: PTH103, PTH120
    with open(place, "w", encoding="ascii") as file:  # noqa: PTH123
        file.write(text)
    os.utime(place, (_BOOT, _BOOT))
