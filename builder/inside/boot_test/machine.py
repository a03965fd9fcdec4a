"""A test machine: QEMU's command line, and watching QEMU until a sign appears.

Every device is named, so that the machine does not depend on QEMU's defaults. QEMU is not started
through `System`: it is no tool that is run to its end, but is watched byte by byte, up to a
deadline, and killed when it has said enough.
"""

import contextlib
import os
import select
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, assert_never

from builder.basics.errors import LAST_LINES
from builder.border.boot_test import Accelerator, Attachment, BootTestRequest, Firmware
from builder.inside.boot_test.serial_console import Lookout, Sighting, Sign
from builder.inside.system.tool_error import not_installed

# The report unit of our ISOs only reports on a machine with this name.
_PRODUCT: Final = "distroclone-builder-boot-test"
_BEFORE_TYPING: Final = 1.0  # seconds: who asks may drop what was typed before
_OVMF_CODE: Final = "/usr/share/OVMF/OVMF_CODE_4M.fd"
_OVMF_32_CODE: Final = "/usr/share/OVMF/OVMF32_CODE_4M.fd"
_OVMF_SECURE_CODE: Final = "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """Why watching ended: a sign, the end of QEMU, or (if neither) the timeout."""

    sighting: Sighting | None
    exit_code: int | None  # of QEMU, if it exited by itself
    seconds: float
    last_lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What is typed where a program asks for it."""

    prompt: str
    text: str = field(repr=False)

    def is_asked(self, lines: Iterable[str]) -> bool:
        """Whether some line has the prompt: not only the last, since the kernel may go on in it."""
        return any(self.prompt in line for line in lines)


def qemu_argv(
    request: BootTestRequest,
    *,
    iso: Path,
    accelerator: Accelerator,
    variables: Path | None,
    monitor: Path | None = None,
    screen: bool = True,
) -> tuple[str, ...]:
    """Return the command of a machine that boots `iso`; `variables` is its UEFI variable store.

    With `monitor`, QEMU takes orders on that socket. Without a screen, what GRUB says of a failure
    is on the serial port.
    """
    drive: tuple[str, ...]
    match request.attach:
        case Attachment.CD:
            drive = ("-device", "ide-cd,bus=ide.0,drive=medium,bootindex=0")
        case Attachment.DISK:
            drive = ("-device", "qemu-xhci", "-device", "usb-storage,drive=medium,bootindex=0")
        case _:
            assert_never(request.attach)
    uefi = request.firmware is not Firmware.BIOS
    if uefi is (variables is None):
        message = "UEFI needs a variable store, and BIOS has none"
        raise ValueError(message)
    return (
        *bare_argv(accelerator=accelerator, memory_mib=request.memory_mib,
            processors=request.processors, variables=variables,
            code=firmware_code(request.firmware, secure_boot=request.secure_boot)),
        *(("-device", "VGA") if screen else ()),
        "-blockdev", f"driver=file,node-name=medium,read-only=on,filename={escaped(iso)}",
        *drive,
        *(() if monitor is None else ("-qmp", f"unix:{escaped(monitor)},server=on,wait=off")),
    )  # fmt: skip


def bare_argv(
    *,
    accelerator: Accelerator,
    memory_mib: int,
    processors: int,
    variables: Path | None,
    code: str = _OVMF_CODE,
) -> tuple[str, ...]:
    """Return the command of a machine without a medium; with `variables` it uses UEFI, by `code`.

    That enforces Secure Boot only if nobody but the firmware can write to the variables: it works
    in System Management Mode, which a machine must have for it (OVMF's README).
    """
    match accelerator:
        case Accelerator.KVM:
            speed = ("-accel", "kvm", "-cpu", "host")
        case Accelerator.TCG:
            speed = ("-accel", "tcg,thread=multi", "-cpu", "max")
        case _:
            assert_never(accelerator)
    secure_boot = code == _OVMF_SECURE_CODE
    protection = () if not secure_boot else (
        "-global", "driver=cfi.pflash01,property=secure,value=on",
        "-global", "ICH9-LPC.disable_s3=1",
    )  # fmt: skip
    firmware = () if variables is None else (
        *protection,
        "-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={code}",
        "-drive", f"if=pflash,unit=1,format=raw,file={escaped(variables)}",
    )  # fmt: skip
    return (
        "qemu-system-x86_64", "-nodefaults", "-no-user-config", "-no-reboot",
        # Without a screen, SeaBIOS writes to the serial port, and GRUB through it.
        "-machine", f"q35,graphics=off{',smm=on' if secure_boot else ''}",
        *speed,
        "-smp", str(processors), "-m", str(memory_mib),
        "-smbios", f"type=1,product={_PRODUCT}",
        "-display", "none",
        # A cable with DHCP. It ends in the container, which has no network.
        "-netdev", "user,id=cable", "-device", "virtio-net-pci,netdev=cable,romfile=",
        "-chardev", "stdio,id=port,signal=off", "-serial", "chardev:port",
        *firmware,
    )  # fmt: skip


def firmware_code(firmware: Firmware, *, secure_boot: bool) -> str:
    """Return the file with the code of a UEFI firmware; BIOS, which QEMU has, takes none."""
    match firmware:
        case Firmware.BIOS | Firmware.UEFI:
            return _OVMF_SECURE_CODE if secure_boot else _OVMF_CODE
        case Firmware.UEFI32:
            return _OVMF_32_CODE
        case _:
            assert_never(firmware)


def watch(
    argv: Sequence[str],
    *,
    signs: Sequence[Sign],
    limit_seconds: float,
    on_line: Callable[[str], None],
    on_sighting: Callable[[Sighting], None] = lambda _sighting: None,
    reply: Reply | None = None,
) -> Ending:
    """Run a machine until one of `signs` appears, it exits, or the time is up; then kill it.

    At a sign, `on_sighting` gets it while the machine still runs. `reply` is typed once, on its
    serial port.

    Raises StepError when the program is not installed.
    """
    lookout, last = Lookout(signs), deque[str](maxlen=LAST_LINES)
    began = time.monotonic()
    code: int | None = None
    sighting: Sighting | None = None
    seconds: float | None = None
    with _started(argv) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        for chunk in _chunks(process.stdout.fileno(), until=began + limit_seconds):
            lines, sighting = lookout.feed(chunk)
            for line in lines:
                last.append(line)
                on_line(line)
            if reply is not None and reply.is_asked((*lines, lookout.pending)):
                time.sleep(_BEFORE_TYPING)
                with contextlib.suppress(BrokenPipeError):  # it has ended meanwhile
                    os.write(process.stdin.fileno(), f"{reply.text}\r".encode("ascii"))
                reply = None
            if sighting is not None:
                seconds = time.monotonic() - began
                on_sighting(sighting)
                break
            if not chunk:
                code = process.wait()
                break
    for line in lookout.rest():
        last.append(line)
        on_line(line)
    return Ending(
        sighting=sighting,
        exit_code=code,
        seconds=round(time.monotonic() - began if seconds is None else seconds, 1),
        last_lines=tuple(last),
    )


@contextlib.contextmanager
def _started(argv: Sequence[str]) -> Iterator["subprocess.Popen[bytes]"]:
    try:
        process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
    except FileNotFoundError as error:
        raise not_installed(argv) from error
    with process:
        try:
            yield process
        finally:
            process.kill()


def _chunks(descriptor: int, *, until: float) -> Iterator[bytes]:
    """Yield what arrives until a deadline; empty bytes, once, at the end of the stream."""
    while (remaining := until - time.monotonic()) > 0:
        ready, _, _ = select.select([descriptor], [], [], remaining)
        if ready:
            chunk = os.read(descriptor, 65536)
            yield chunk
            if not chunk:
                return


def escaped(path: Path) -> str:
    """Return a path as a value in QEMU's option lists, where a comma ends a value."""
    return os.fspath(path).replace(",", ",,")
