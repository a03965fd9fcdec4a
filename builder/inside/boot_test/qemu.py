"""The boot test: an ISO has to boot into its live system, which reports on the serial port.

Each of our ISOs has a unit that, only on the test machine, checks its own root and live user and
writes one line. Nothing else counts as success.
"""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from builder.basics.errors import BuilderError, StepError, VerificationError
from builder.border import paths
from builder.border.boot_test import Accelerator, BootTestRequest, BootTestResult, Firmware
from builder.border.events import Note, OnEvent, ToolOutput, announced
from builder.inside.boot_test.accelerator import fault_of_kvm, uefi_variables
from builder.inside.boot_test.boot_report import (
    failed_units_in,
    listening_in,
    network_in,
    remote_passwords_in,
    rights_in,
    session_in,
    state_in,
)
from builder.inside.boot_test.machine import Ending, qemu_argv, watch
from builder.inside.boot_test.screen import save_screen
from builder.inside.boot_test.serial_console import BOOT_SIGNS, Meaning, Sighting

_STEP: Final = "boot-test"
_LAST_WORDS: Final = "The lines above are the last serial output of the test machine."
_NO_WORD: Final = (
    "The lines above are the last serial output of the test machine. Only ISOs made by "
    "distroclone-builder send a report."
)


def boot_test(
    request: BootTestRequest, *, on_event: OnEvent, iso: Path = paths.MEDIUM
) -> BootTestResult:
    """Boot `iso` and wait for its live system's own report.

    Raises VerificationError, with the last serial lines, when the live system does not report
    success; StepError when QEMU itself fails.
    """
    with announced(_STEP, on_event):
        accelerator, ending = _boot_as_fast_as_possible(request, iso=iso, on_event=on_event)
        return judge(ending, request, accelerator=accelerator)


def judge(ending: Ending, request: BootTestRequest, *, accelerator: Accelerator) -> BootTestResult:
    """Return the result of a successful boot. Raises VerificationError or StepError otherwise."""
    seen = ending.sighting
    if seen is not None and seen.meaning is Meaning.OK:
        return BootTestResult(
            seconds=ending.seconds,
            accelerator=accelerator,
            report=seen.line,
            listening=listening_in(seen.line),
            failed_units=failed_units_in(seen.line),
            session=session_in(seen.line),
            rights=rights_in(seen.line),
            state=state_in(seen.line),
            network=network_in(seen.line),
            remote_passwords=remote_passwords_in(seen.line),
        )
    raise _failure(ending, request, accelerator=accelerator)


def _failure(ending: Ending, request: BootTestRequest, *, accelerator: Accelerator) -> BuilderError:
    how = f"{request.firmware}, as {request.attach}, {accelerator}"
    seen = ending.sighting
    if seen is not None and seen.meaning is Meaning.FAILED:
        return VerificationError(
            "The live system started, but its self-check failed ({how}): {report}",
            output=ending.last_lines,
            hint=_LAST_WORDS,
            how=how,
            report=seen.line,
        )
    if seen is not None:
        return VerificationError(
            "The ISO did not boot into its live system ({how}): {sign}",
            output=ending.last_lines,
            hint=_LAST_WORDS,
            how=how,
            sign=seen.line,
        )
    if ending.exit_code is None:
        return VerificationError(
            "The live system did not report within {seconds} s ({how})",
            output=ending.last_lines,
            hint=_NO_WORD,
            how=how,
            seconds=request.timeout_seconds,
        )
    if ending.exit_code == 0:
        return VerificationError(
            "The test machine shut down or rebooted before the live system was up ({how})",
            output=ending.last_lines,
            hint=_LAST_WORDS,
            how=how,
        )
    return StepError(
        "QEMU failed with exit code {code}",
        output=ending.last_lines,
        code=ending.exit_code,
    )


def _boot_as_fast_as_possible(
    request: BootTestRequest, *, iso: Path, on_event: OnEvent
) -> tuple[Accelerator, Ending]:
    """Boot under KVM if it works, and otherwise without it."""
    fault = fault_of_kvm()
    if not fault:
        ending = _boot(request, iso=iso, accelerator=Accelerator.KVM, on_event=on_event)
        fault = _fault_of(ending)
        if not fault:
            return Accelerator.KVM, ending
    message = "Booting without KVM, which is slower: {reason}"
    on_event(Note(level="info", message=message, values={"reason": fault}))
    return Accelerator.TCG, _boot(request, iso=iso, accelerator=Accelerator.TCG, on_event=on_event)


def _fault_of(ending: Ending) -> str:
    """Return how KVM itself failed during a boot; "" when the outcome is valid."""
    if ending.sighting is not None:
        return ending.sighting.line if ending.sighting.meaning is Meaning.BROKEN else ""
    return f"QEMU failed with exit code {ending.exit_code}" if ending.exit_code else ""


def _boot(
    request: BootTestRequest, *, iso: Path, accelerator: Accelerator, on_event: OnEvent
) -> Ending:
    with _variables(request.firmware) as variables, _monitor(request) as monitor:
        argv = qemu_argv(
            request, iso=iso, accelerator=accelerator, variables=variables, monitor=monitor
        )
        on_event(ToolOutput(step=_STEP, text="$ " + " ".join(argv)))
        return watch(
            argv,
            signs=BOOT_SIGNS,
            limit_seconds=request.timeout_seconds,
            on_line=lambda line: on_event(ToolOutput(step=_STEP, text=line)),
            on_sighting=lambda seen: _picture(seen, monitor),
        )


def _picture(seen: Sighting, monitor: Path | None) -> None:
    """Keep the screen of a live system that is up, if QEMU takes orders."""
    if monitor is not None and seen.meaning is Meaning.OK:
        save_screen(monitor, paths.SCREEN)


@contextlib.contextmanager
def _monitor(request: BootTestRequest) -> Iterator[Path | None]:
    """Provide a place for the socket on which QEMU takes orders, where there are any."""
    if not request.screenshot:
        yield None
        return
    with tempfile.TemporaryDirectory() as directory:
        yield Path(directory) / "monitor"


@contextlib.contextmanager
def _variables(firmware: Firmware) -> Iterator[Path | None]:
    if firmware is Firmware.BIOS:
        yield None
        return
    with uefi_variables() as variables:
        yield variables
