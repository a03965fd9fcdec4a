"""The install test: an ISO installs itself to an empty disk, which then starts without the ISO.

The answers come on a stick, as they would anywhere. What counts is the report of the installed
system alone, which the installer gives to test machines (`builder/inside/installing/report.py`).
"""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from builder.basics.errors import StepError, VerificationError
from builder.border import paths
from builder.border.boot_test import (
    Accelerator,
    Firmware,
    InstallTestRequest,
    InstallTestResult,
)
from builder.border.events import Note, OnEvent, ToolOutput, announced
from builder.formats.answers import NAME
from builder.inside.boot_test.accelerator import fault_of_kvm, uefi_variables
from builder.inside.boot_test.boot_report import failed_units_in, state_in
from builder.inside.boot_test.machine import Ending, Reply, bare_argv, escaped, firmware_code, watch
from builder.inside.boot_test.serial_console import (
    INSTALL_SIGNS,
    INSTALLED_SIGNS,
    Meaning,
    Sign,
)

_INSTALLING: Final = "install-to-disk"
_STARTING: Final = "start-from-disk"
_SERIAL: Final = "INSTALL-TEST"
_USED: Final = b"somebody's data\n" * 4096
_CHUNK: Final = 1 << 20
_BLOCK: Final = 512  # bytes, of st_blocks
# The password is "live"; nobody logs in.
_HASH: Final = (
    "$6$live$DGwTyJOHVdGXnIgakdVYF1yqVFI2k5.sn.mrenraSfBaEVrgfoJsHHqnGjq52SMkEo.KOT3SAoEGgtnPYZOFl1"
)
_ANSWERS: Final = f"""\
disk:
  serial: {_SERIAL}
user:
  name: anna
  full_name: Anna Test
  password_hash: {_HASH}
hostname: installed
swap: 256M
"""
# What the initramfs of Debian's cryptsetup asks; plymouth and systemd ask in other words.
_PROMPT: Final = "Please unlock disk"
_PASSPHRASE: Final = "only for the test"  # noqa: S105 - of a disk that is deleted after it
_LAST_WORDS: Final = "The lines above are the last serial output of the test machine."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bench:
    """The parts of the test machine that stay when it is switched off, and how it is run."""

    request: InstallTestRequest
    accelerator: Accelerator
    disk: Path
    variables: Path | None
    bystander: Path
    on_event: OnEvent

    def start(self, step: str, more: tuple[str, ...], signs: tuple[Sign, ...]) -> Ending:
        argv = (
            *bare_argv(
                accelerator=self.accelerator,
                memory_mib=self.request.memory_mib,
                processors=self.request.processors,
                variables=self.variables,
                code=firmware_code(self.request.firmware, secure_boot=self.request.secure_boot),
            ),
            "-device", "VGA",
            "-blockdev", f"driver=file,node-name=disk,filename={escaped(self.disk)}",
            "-device", f"virtio-blk-pci,drive=disk,serial={_SERIAL},bootindex=1",
            # Another one of its kind, which has to stay as it is.
            "-blockdev", f"driver=file,node-name=other,filename={escaped(self.bystander)}",
            "-device", "virtio-blk-pci,drive=other,serial=BYSTANDER",
            *more,
        )  # fmt: skip
        self.on_event(ToolOutput(step=step, text="$ " + " ".join(argv)))
        return watch(
            argv,
            signs=signs,
            limit_seconds=self.request.timeout_seconds,
            on_line=lambda line: self.on_event(ToolOutput(step=step, text=line)),
            reply=Reply(prompt=_PROMPT, text=_PASSPHRASE) if self.request.encrypt else None,
        )


def install_test(
    request: InstallTestRequest,
    *,
    on_event: OnEvent,
    iso: Path = paths.MEDIUM,
    fault: Callable[[], str] = fault_of_kvm,
) -> InstallTestResult:
    """Install `iso` to an empty disk, start that, and wait for the installed system's own report.

    `fault` says why KVM cannot be used, "" when it can.

    Raises VerificationError, with the last serial lines, when either is not reported as a success;
    StepError when QEMU itself fails.
    """
    reason = fault()
    if reason:
        message = "Booting without KVM, which is slower: {reason}"
        on_event(Note(level="info", message=message, values={"reason": reason}))
    with tempfile.TemporaryDirectory() as folder, _variables(request) as variables:
        disk = Path(folder) / "disk.img"
        bystander = disk.with_name("other.img")
        _make_disk(disk, request.disk_mib)
        _make_disk(bystander, request.disk_mib)
        before = _digest(bystander)
        bench = _Bench(
            request=request,
            accelerator=Accelerator.TCG if reason else Accelerator.KVM,
            disk=disk,
            variables=variables,
            bystander=bystander,
            on_event=on_event,
        )
        with announced(_INSTALLING, on_event, position=1, total=2):
            medium = _medium(iso, Path(folder), _answers(request))
            installed = bench.start(_INSTALLING, medium, INSTALL_SIGNS)
            _check(_INSTALLING, installed, request)
        with announced(_STARTING, on_event, position=2, total=2):
            started = bench.start(_STARTING, (), INSTALLED_SIGNS)
            report = _check(_STARTING, started, request)
        _check_secure_boot(report, request)
        if _digest(bystander) != before:
            raise VerificationError("A disk was written to that the answer file does not name")
        return InstallTestResult(
            install_seconds=installed.seconds,
            boot_seconds=started.seconds,
            accelerator=bench.accelerator,
            report=report,
            failed_units=failed_units_in(report) or (),
            state=state_in(report),
            written=disk.stat().st_blocks * _BLOCK,
        )


def _answers(request: InstallTestRequest) -> str:
    kind = f"file_system: {request.file_system}\n" if request.file_system is not None else ""
    locked = f"encrypt: true\npassphrase: {_PASSPHRASE}\n" if request.encrypt else ""
    return f"{_ANSWERS}{kind}{locked}"


def _make_disk(file: Path, mib: int) -> None:
    """Make an empty disk, but for some bytes at its start and its end, where tables are."""
    with file.open("wb") as stream:
        stream.write(_USED)
        stream.truncate((mib << 20) - len(_USED))
        stream.seek(0, os.SEEK_END)
        stream.write(_USED)


def _digest(file: Path) -> str:
    """Return the SHA-256 of a file with holes: of what is written in it, and where."""
    digest, end = hashlib.sha256(), 0
    with file.open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        while end < size:
            try:
                start = os.lseek(stream.fileno(), end, os.SEEK_DATA)
            except OSError:  # ENXIO: nothing more is written
                break
            end = os.lseek(stream.fileno(), start, os.SEEK_HOLE)
            digest.update(f"{start}-{end}:".encode("ascii"))
            for at in range(start, end, _CHUNK):
                digest.update(os.pread(stream.fileno(), min(_CHUNK, end - at), at))
    return digest.hexdigest()


def _medium(iso: Path, folder: Path, answers: str) -> tuple[str, ...]:
    """Return what is plugged in for the installation: the ISO, and a stick with the answers."""
    stick = folder / "stick"
    stick.mkdir()
    (stick / NAME).write_text(answers, encoding="ascii")
    return (
        "-blockdev", f"driver=file,node-name=medium,read-only=on,filename={escaped(iso)}",
        "-device", "ide-cd,bus=ide.0,drive=medium,bootindex=0",
        "-blockdev", f"driver=vvfat,node-name=stick,read-only=on,dir={escaped(stick)}",
        # OVMF opens only what is in its boot order, and GRUB sees no other disks.
        "-device", "virtio-blk-pci,drive=stick,serial=STICK,bootindex=2",
    )  # fmt: skip


def _check(step: str, ending: Ending, request: InstallTestRequest) -> str:
    """Return the line that says it went well. Raises VerificationError or StepError otherwise."""
    seen = ending.sighting
    if seen is not None and seen.meaning is Meaning.OK:
        return seen.line
    if seen is not None:
        raise VerificationError(
            "The test machine failed in the step {step} ({firmware}): {line}",
            output=ending.last_lines,
            hint=_LAST_WORDS,
            step=step,
            firmware=request.firmware,
            line=seen.line,
        )
    if ending.exit_code:
        raise StepError(
            "QEMU failed with exit code {code}", output=ending.last_lines, code=ending.exit_code
        )
    raise VerificationError(
        "The test machine did not report in the step {step}, in {seconds} s ({firmware})",
        output=ending.last_lines,
        hint=_LAST_WORDS,
        step=step,
        seconds=ending.seconds,
        firmware=request.firmware,
    )


def _check_secure_boot(report: str, request: InstallTestRequest) -> None:
    if request.secure_boot and " secure-boot=on " not in report:
        raise VerificationError(
            "The firmware of the test machine did not enforce Secure Boot: {report}", report=report
        )


@contextlib.contextmanager
def _variables(request: InstallTestRequest) -> Iterator[Path | None]:
    if request.firmware is Firmware.BIOS:
        yield None
        return
    with uefi_variables(request.firmware, secure_boot=request.secure_boot) as variables:
        yield variables
