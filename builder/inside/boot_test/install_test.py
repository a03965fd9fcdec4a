"""The install test: an ISO installs itself to an empty disk, which then starts without the ISO.

The answers come on a stick, as they would anywhere. What counts is the report of the installed
system alone, which the installer gives to test machines (`builder/inside/installing/report.py`).
"""

import contextlib
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
from builder.inside.boot_test.machine import Ending, bare_argv, escaped, watch
from builder.inside.boot_test.serial_console import (
    INSTALL_SIGNS,
    INSTALLED_SIGNS,
    Meaning,
    Sign,
)

_INSTALLING: Final = "install-to-disk"
_STARTING: Final = "start-from-disk"
_SERIAL: Final = "INSTALL-TEST"
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
"""
_LAST_WORDS: Final = "The lines above are the last serial output of the test machine."
_NO_INSTALLER: Final = (
    "The lines above are the last serial output of the test machine. Only ISOs that were built "
    "with `installer: text` can install."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bench:
    """The parts of the test machine that stay when it is switched off, and how it is run."""

    request: InstallTestRequest
    accelerator: Accelerator
    disk: Path
    variables: Path | None
    on_event: OnEvent

    def start(self, step: str, more: tuple[str, ...], signs: tuple[Sign, ...]) -> Ending:
        argv = (
            *bare_argv(
                accelerator=self.accelerator,
                memory_mib=self.request.memory_mib,
                processors=self.request.processors,
                variables=self.variables,
            ),
            "-device", "VGA",
            "-blockdev", f"driver=file,node-name=disk,filename={escaped(self.disk)}",
            "-device", f"virtio-blk-pci,drive=disk,serial={_SERIAL},bootindex=1",
            *more,
        )  # fmt: skip
        self.on_event(ToolOutput(step=step, text="$ " + " ".join(argv)))
        return watch(
            argv,
            signs=signs,
            limit_seconds=self.request.timeout_seconds,
            on_line=lambda line: self.on_event(ToolOutput(step=step, text=line)),
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
        with disk.open("wb") as stream:
            stream.truncate(request.disk_mib << 20)
        bench = _Bench(
            request=request,
            accelerator=Accelerator.TCG if reason else Accelerator.KVM,
            disk=disk,
            variables=variables,
            on_event=on_event,
        )
        with announced(_INSTALLING, on_event, position=1, total=2):
            installed = bench.start(_INSTALLING, _medium(iso, Path(folder)), INSTALL_SIGNS)
            _check(_INSTALLING, installed, request)
        with announced(_STARTING, on_event, position=2, total=2):
            started = bench.start(_STARTING, (), INSTALLED_SIGNS)
            report = _check(_STARTING, started, request)
        return InstallTestResult(
            install_seconds=installed.seconds,
            boot_seconds=started.seconds,
            accelerator=bench.accelerator,
            report=report,
            failed_units=failed_units_in(report) or (),
            state=state_in(report),
            written=disk.stat().st_blocks * _BLOCK,
        )


def _medium(iso: Path, folder: Path) -> tuple[str, ...]:
    """Return what is plugged in for the installation: the ISO, and a stick with the answers."""
    stick = folder / "stick"
    stick.mkdir()
    (stick / NAME).write_text(_ANSWERS, encoding="ascii")
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
        hint=_NO_INSTALLER if step == _INSTALLING else _LAST_WORDS,
        step=step,
        seconds=ending.seconds,
        firmware=request.firmware,
    )


@contextlib.contextmanager
def _variables(request: InstallTestRequest) -> Iterator[Path | None]:
    if request.firmware is Firmware.BIOS:
        yield None
        return
    with uefi_variables() as variables:
        yield variables
