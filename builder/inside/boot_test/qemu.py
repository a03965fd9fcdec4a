"""The boot test: an ISO has to boot into its live system, which reports on the serial port.

Each of our ISOs has a unit that, only on the test machine, checks its own root and live user and
writes one line. Nothing else counts as success.
"""

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import replace
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
    lockdown_in,
    network_in,
    remote_passwords_in,
    rights_in,
    secure_boot_in,
    session_in,
    state_in,
)
from builder.inside.boot_test.machine import Ending, qemu_argv, watch
from builder.inside.boot_test.screen import save_screen
from builder.inside.boot_test.serial_console import BOOT_SIGNS, Meaning, Sighting
from builder.inside.boot_test.spoiled import CONTROLS, Control, spoiled
from builder.inside.system.system import System

_STEP: Final = "boot-test"
_LAST_WORDS: Final = "The lines above are the last serial output of the test machine."
_MAYBE_UNSIGNED: Final = (
    "The lines above are the last serial output of the test machine. `boot_chain` in the manifest "
    "says whether the ISO was made to start with Secure Boot."
)
_NO_WORD: Final = (
    "The lines above are the last serial output of the test machine. Only ISOs made by "
    "distroclone-builder send a report."
)


def boot_test(
    request: BootTestRequest, *, system: System, on_event: OnEvent, iso: Path = paths.MEDIUM
) -> BootTestResult:
    """Boot `iso` and wait for its live system's own report.

    With Secure Boot, copies of it that must not boot are tried, too: only if they are refused was
    anything enforced.

    Raises VerificationError, with the last serial lines, when the live system does not report
    success; StepError when QEMU itself fails.
    """
    with announced(_STEP, on_event):
        accelerator, ending = _boot_as_fast_as_possible(request, iso=iso, on_event=on_event)
        result = judge(ending, request, accelerator=accelerator)
        if not request.secure_boot:
            return result
        refused = tuple(
            _refusal(request, each, iso=iso, accelerator=accelerator, system=system,
                     on_event=on_event)
            for each in CONTROLS
        )  # fmt: skip
        return replace(result, refused=refused)


def _refusal(
    request: BootTestRequest,
    control: Control,
    *,
    iso: Path,
    accelerator: Accelerator,
    system: System,
    on_event: OnEvent,
) -> str:
    """Return what the machine says of a spoiled copy; VerificationError if it starts it."""
    asked = replace(request, screenshot=False)
    with spoiled(iso, control, system=system) as copy:
        ending = _boot(asked, iso=copy, accelerator=accelerator, on_event=on_event, screen=False)
    seen = ending.sighting
    said = [each.text for each in control.signs if seen is not None and each.text in seen.line]
    if not said:
        raise VerificationError(
            "The test machine did not refuse {what}: Secure Boot was not enforced",
            output=ending.last_lines,
            hint=_LAST_WORDS,
            what=control.what,
        )
    return said[0]


def judge(ending: Ending, request: BootTestRequest, *, accelerator: Accelerator) -> BootTestResult:
    """Return the result of a successful boot. Raises VerificationError or StepError otherwise."""
    seen = ending.sighting
    if seen is not None and seen.meaning is Meaning.OK:
        if request.secure_boot and not _is_secure(seen.line):
            raise VerificationError(
                "The live system started, but not under Secure Boot and lockdown: {report}",
                output=ending.last_lines,
                hint=_LAST_WORDS,
                report=seen.line,
            )
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
            secure_boot=secure_boot_in(seen.line),
            lockdown=lockdown_in(seen.line),
        )
    raise _failure(ending, request, accelerator=accelerator)


def _is_secure(report: str) -> bool:
    return bool(secure_boot_in(report)) and lockdown_in(report) not in (None, "none")


def _failure(ending: Ending, request: BootTestRequest, *, accelerator: Accelerator) -> BuilderError:
    secure = ", Secure Boot" if request.secure_boot else ""
    how = f"{request.firmware}{secure}, as {request.attach}, {accelerator}"
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
            hint=_MAYBE_UNSIGNED if request.secure_boot else _LAST_WORDS,
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
    request: BootTestRequest,
    *,
    iso: Path,
    accelerator: Accelerator,
    on_event: OnEvent,
    screen: bool = True,
) -> Ending:
    with _variables(request) as variables, _monitor(request) as monitor:
        argv = qemu_argv(
            request,
            iso=iso,
            accelerator=accelerator,
            variables=variables,
            monitor=monitor,
            screen=screen,
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
def _variables(request: BootTestRequest) -> Iterator[Path | None]:
    if request.firmware is Firmware.BIOS:
        yield None
        return
    with uefi_variables(request.firmware, secure_boot=request.secure_boot) as variables:
        yield variables
