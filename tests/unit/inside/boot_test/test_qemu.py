"""The test machine: its command line, how it is watched, and what an ending proves."""

import os
import signal
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from builder.basics.errors import BuilderError, Interrupted, StepError, VerificationError
from builder.basics.signals import interruptible
from builder.border.boot_test import Accelerator, Attachment, BootTestRequest, Firmware
from builder.inside.boot_test.machine import Ending, qemu_argv, watch
from builder.inside.boot_test.qemu import judge
from builder.inside.boot_test.serial_console import BOOT_SIGNS, Meaning, Sighting

ISO = Path("/medium.iso")
VARIABLES = Path("/tmp/variables.fd")
REPORT = "distroclone-builder boot-report: ok root=overlay"


def request(
    firmware: Firmware = Firmware.BIOS, attach: Attachment = Attachment.CD
) -> BootTestRequest:
    return BootTestRequest(
        firmware=firmware, attach=attach, timeout_seconds=60, memory_mib=1024, processors=3
    )


def argv(
    firmware: Firmware = Firmware.BIOS,
    attach: Attachment = Attachment.CD,
    accelerator: Accelerator = Accelerator.TCG,
    iso: Path = ISO,
) -> str:
    variables = None if firmware is Firmware.BIOS else VARIABLES
    return " ".join(
        qemu_argv(request(firmware, attach), iso=iso, accelerator=accelerator, variables=variables)
    )


@pytest.mark.parametrize("firmware", list(Firmware))
@pytest.mark.parametrize("attach", list(Attachment))
@pytest.mark.parametrize("accelerator", list(Accelerator))
def test_every_machine_is_headless_named_and_cannot_write_to_the_iso(
    firmware: Firmware, attach: Attachment, accelerator: Accelerator
) -> None:
    command = argv(firmware, attach, accelerator)
    for part in (
        "-display none",
        "-nodefaults",
        "-no-reboot",
        "-netdev user,id=cable",
        "-smp 3 -m 1024",
        "-smbios type=1,product=distroclone-builder-boot-test",
        "-blockdev driver=file,node-name=medium,read-only=on,filename=/medium.iso",
    ):
        assert part in command


@pytest.mark.parametrize(
    ("attach", "device"),
    [
        (Attachment.CD, "-device ide-cd,bus=ide.0,drive=medium,bootindex=0"),
        (Attachment.DISK, "-device qemu-xhci -device usb-storage,drive=medium,bootindex=0"),
    ],
)
def test_the_iso_is_attached_as_asked(attach: Attachment, device: str) -> None:
    assert argv(attach=attach).endswith(device)


@pytest.mark.parametrize(
    ("accelerator", "speed"),
    [
        (Accelerator.KVM, "-accel kvm -cpu host"),
        (Accelerator.TCG, "-accel tcg,thread=multi -cpu max"),
    ],
)
def test_the_accelerator_decides_the_processor(accelerator: Accelerator, speed: str) -> None:
    assert speed in argv(accelerator=accelerator)


def test_uefi_code_is_read_only_and_its_variables_are_not() -> None:
    command = argv(Firmware.UEFI)
    assert "unit=0,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd" in command
    assert f"unit=1,format=raw,file={VARIABLES}" in command
    assert "pflash" not in argv(Firmware.BIOS)


def test_firmware_of_32_bits_has_its_own_code_on_the_same_machine() -> None:
    command = argv(Firmware.UEFI32)
    assert "unit=0,format=raw,readonly=on,file=/usr/share/OVMF/OVMF32_CODE_4M.fd" in command
    assert command.replace("OVMF32", "OVMF") == argv(Firmware.UEFI)


def test_secure_boot_has_its_own_firmware_and_keys_that_nobody_else_can_change() -> None:
    asked = replace(request(Firmware.UEFI), secure_boot=True)
    command = " ".join(
        qemu_argv(asked, iso=ISO, accelerator=Accelerator.TCG, variables=VARIABLES, screen=False)
    )
    assert "-machine q35,graphics=off,smm=on" in command
    assert "-global driver=cfi.pflash01,property=secure,value=on" in command
    assert "readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.secboot.fd" in command
    assert "-device VGA" not in command
    assert "smm=on" not in argv(Firmware.UEFI)
    assert "-device VGA" in argv(Firmware.UEFI)


def test_a_comma_in_a_path_does_not_end_the_option() -> None:
    assert "filename=/a,,b.iso" in argv(iso=Path("/a,b.iso"))


def test_uefi_without_variables_is_our_own_mistake() -> None:
    with pytest.raises(ValueError, match="variable store"):
        qemu_argv(request(Firmware.UEFI), iso=ISO, accelerator=Accelerator.TCG, variables=None)


def test_nobody_gives_a_machine_orders_unless_a_picture_was_asked_for() -> None:
    assert "-qmp" not in argv()
    command = qemu_argv(
        request(), iso=ISO, accelerator=Accelerator.TCG, variables=None, monitor=Path("/a,b/qmp")
    )
    assert command[-2:] == ("-qmp", "unix:/a,,b/qmp,server=on,wait=off")


def watched(script: str, *, limit: float = 20.0) -> tuple[Ending, list[str]]:
    """Watch a process that stands in for QEMU."""
    lines: list[str] = []
    ending = watch(
        [sys.executable, "-u", "-c", script],
        signs=BOOT_SIGNS,
        limit_seconds=limit,
        on_line=lines.append,
    )
    return ending, lines


def test_watching_ends_with_the_report_and_kills_the_machine(tmp_path: Path) -> None:
    number = tmp_path / "pid"
    ending, lines = watched(
        "import os, time\n"
        f"open({str(number)!r}, 'w').write(str(os.getpid()))\n"
        f"print('hello'); print({REPORT!r}); time.sleep(60)"
    )
    assert ending.sighting == Sighting(meaning=Meaning.OK, line=REPORT)
    assert lines == ["hello", REPORT]
    assert ending.seconds < 15
    with pytest.raises(ProcessLookupError):
        os.kill(int(number.read_text()), 0)


def test_a_machine_still_runs_when_its_sign_was_seen_and_what_is_done_then_costs_no_time(
    tmp_path: Path,
) -> None:
    number = tmp_path / "pid"
    script = (
        "import os, time\n"
        f"open({str(number)!r}, 'w').write(str(os.getpid()))\n"
        f"print({REPORT!r}); time.sleep(60)"
    )
    alive: list[str] = []

    def look(sighting: Sighting) -> None:
        assert sighting.meaning is Meaning.OK
        alive.append(Path(f"/proc/{number.read_text()}/comm").read_text())
        time.sleep(1.5)

    began = time.monotonic()
    ending = watch(
        [sys.executable, "-u", "-c", script],
        signs=BOOT_SIGNS,
        limit_seconds=20,
        on_line=lambda _line: None,
        on_sighting=look,
    )
    assert len(alive) == 1
    assert ending.seconds <= time.monotonic() - began - 1.5  # however slow the machine is


@pytest.mark.parametrize("script", ["import time; time.sleep(60)", "while True: print('busy')"])
def test_a_machine_that_never_reports_is_given_up_in_time(script: str) -> None:
    began = time.monotonic()
    ending, _ = watched(script, limit=1.0)
    assert ending.sighting is None
    assert ending.exit_code is None
    assert time.monotonic() - began < 10


def test_a_machine_that_ends_by_itself_leaves_its_code_and_last_words() -> None:
    ending, lines = watched("import sys; print('a'); sys.stderr.write('no disk'); sys.exit(3)")
    assert ending.exit_code == 3
    assert ending.last_lines == ("a", "no disk")
    assert lines == ["a", "no disk"]


def test_a_prompt_that_nobody_answers_is_seen_without_its_line_end() -> None:
    ending, _ = watched("import time; print('grub rescue> ', end=''); time.sleep(60)")
    assert ending.sighting == Sighting(meaning=Meaning.DEAD_END, line="grub rescue>")
    assert ending.last_lines[-1].startswith("grub rescue>")


def test_only_the_last_lines_are_kept() -> None:
    ending, lines = watched("for number in range(500): print('line', number)")
    assert len(lines) == 500
    assert ending.last_lines[-1] == "line 499"
    assert len(ending.last_lines) == 25


def test_an_interruption_kills_the_machine(tmp_path: Path) -> None:
    number = tmp_path / "pid"
    script = (
        "import os, time\n"
        f"open({str(number)!r}, 'w').write(str(os.getpid())); print('up'); time.sleep(60)"
    )

    def interrupt() -> None:
        while not number.exists() or not number.read_text():
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(Interrupted), interruptible():
        watched(script)
    thread.join()
    with pytest.raises(ProcessLookupError):
        os.kill(int(number.read_text()), 0)


def test_a_missing_qemu_is_an_error_of_the_image() -> None:
    with pytest.raises(StepError, match="no-such-qemu is not installed"):
        watch(["no-such-qemu"], signs=(), limit_seconds=1, on_line=lambda _line: None)


def ending(meaning: Meaning | None = None, line: str = "", code: int | None = None) -> Ending:
    sighting = None if meaning is None else Sighting(meaning=meaning, line=line)
    return Ending(sighting=sighting, exit_code=code, seconds=12.5, last_lines=("last words",))


def test_only_the_live_systems_own_ok_is_success() -> None:
    result = judge(ending(Meaning.OK, REPORT), request(), accelerator=Accelerator.TCG)
    assert (result.seconds, result.accelerator, result.report) == (12.5, Accelerator.TCG, REPORT)


@pytest.mark.parametrize(
    "words",
    ["", " secure-boot=off lockdown=none", " secure-boot=on lockdown=none",
     " secure-boot=off lockdown=integrity", " secure-boot=on"],
)  # fmt: skip
def test_under_secure_boot_the_live_system_must_say_that_it_is_on_and_the_kernel_locked_down(
    words: str,
) -> None:
    asked = replace(request(Firmware.UEFI), secure_boot=True)
    with pytest.raises(VerificationError, match="not under Secure Boot"):
        judge(ending(Meaning.OK, REPORT + words), asked, accelerator=Accelerator.TCG)
    good = REPORT + " secure-boot=on lockdown=integrity"
    result = judge(ending(Meaning.OK, good), asked, accelerator=Accelerator.TCG)
    assert (result.secure_boot, result.lockdown, result.refused) == (True, "integrity", ())


@pytest.mark.parametrize(
    ("end", "kind", "words"),
    [
        (ending(Meaning.FAILED, "boot-report: failed x"), VerificationError, "self-check failed"),
        (ending(Meaning.DEAD_END, "grub rescue>"), VerificationError, "grub rescue>"),
        (ending(Meaning.BROKEN, "KVM {error}"), VerificationError, "KVM {error}"),
        (ending(), VerificationError, "within 60 s"),
        (ending(code=0), VerificationError, "rebooted"),
        (ending(code=1), StepError, "exit code 1"),
    ],
)
def test_everything_else_fails_with_the_last_words(
    end: Ending, kind: type[BuilderError], words: str
) -> None:
    with pytest.raises(kind) as caught:
        judge(end, request(Firmware.UEFI, Attachment.DISK), accelerator=Accelerator.TCG)
    assert words in str(caught.value)
    assert caught.value.output == ("last words",)
    if kind is VerificationError:
        assert "uefi, as disk, tcg" in str(caught.value)
