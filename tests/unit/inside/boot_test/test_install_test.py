"""The install test: what is plugged into its machine, and which endings are a success."""

from dataclasses import replace
from pathlib import Path

import pytest

from builder.basics.errors import StepError, VerificationError
from builder.border.boot_test import Firmware, InstallTestRequest, InstallTestResult
from builder.border.events import OnEvent, ToolOutput
from builder.formats.answers import FileSystem, read_answers
from builder.inside.boot_test.install_test import install_test

REQUEST = InstallTestRequest(
    firmware=Firmware.BIOS, timeout_seconds=20, memory_mib=256, processors=1, disk_mib=64
)
INSTALLED = "echo; echo 'distroclone-builder install: ok disk=/dev/vda'"
REPORT = "distroclone-builder install-report: ok root=ext4 state=running failed-units="
STARTED = f"echo; echo '{REPORT}'"
QEMU = """\
#!/bin/sh
case "$*" in
*node-name=medium*) {install} ;;
*) {start} ;;
esac
"""


def outcome(
    folder: Path,
    patch: pytest.MonkeyPatch,
    install: str,
    start: str,
    *,
    on_event: OnEvent = lambda _event: None,
    request: InstallTestRequest = REQUEST,
) -> InstallTestResult:
    """Run the test with a QEMU that does these two things."""
    program = folder / "qemu-system-x86_64"
    program.write_text(QEMU.format(install=install, start=start))
    program.chmod(0o755)
    patch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return install_test(
        request, on_event=on_event, iso=Path("/medium.iso"), fault=lambda: "none here"
    )


def test_it_installs_and_starts_the_disk_without_the_iso(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[object] = []
    result = outcome(tmp_path, monkeypatch, INSTALLED, STARTED, on_event=events.append)
    texts = [each.text for each in events if isinstance(each, ToolOutput)]
    first, second = [text for text in texts if text.startswith("$ ")]
    for part in (
        "-device ide-cd,bus=ide.0,drive=medium,bootindex=0",
        "driver=vvfat,node-name=stick,read-only=on,dir=",
        "-device virtio-blk-pci,drive=disk,serial=INSTALL-TEST,bootindex=1",
        "-smbios type=1,product=distroclone-builder-boot-test",
    ):
        assert part in first
    assert "node-name=disk" in second
    assert "medium" not in second
    assert "stick" not in second
    assert (result.report, result.state, result.failed_units) == (REPORT, "running", ())
    assert result.written == 2 * 64 << 10  # what is in both disks from the start


def test_what_is_wished_for_is_in_the_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = r"sed -n 's/.*read-only=on,dir=\([^ ]*\) .*/\1/p'"
    install = f'cat "$(echo "$*" | {folder})/distroclone-answers.yaml"; {INSTALLED}'
    typed = "head -c 18 | grep -q '^only for the test'"
    asks = f"printf 'x\\nPlease unlock disk luks-1: '; {typed} && {STARTED}"
    wished = replace(REQUEST, file_system=FileSystem.BTRFS, encrypt=True)
    events: list[object] = []
    result = outcome(tmp_path, monkeypatch, install, asks, on_event=events.append, request=wished)
    assert result.report == REPORT
    lines = [each.text for each in events if isinstance(each, ToolOutput)]
    said = lines[lines.index("disk:") : lines.index(INSTALLED.split("'")[1])]
    answers = read_answers("\n".join(said).encode())
    assert (answers.disk.serial, answers.swap_mib) == ("INSTALL-TEST", 256)
    assert (answers.file_system, answers.passphrase) == (FileSystem.BTRFS, "only for the test")


def test_secure_boot_has_to_be_enforced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wished = replace(REQUEST, secure_boot=True)
    with pytest.raises(VerificationError, match="did not enforce Secure Boot"):
        outcome(tmp_path, monkeypatch, INSTALLED, STARTED, request=wished)
    enforced = STARTED.replace("root=ext4", "root=ext4 secure-boot=on")
    outcome(tmp_path, monkeypatch, INSTALLED, enforced, request=wished)


@pytest.mark.parametrize("where", ["conv=notrunc", "conv=notrunc seek=500"])
def test_a_disk_that_was_not_named_must_not_change(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = r"sed -n 's/.*node-name=other,filename=\([^ ]*\) .*/\1/p'"
    writes = f'printf x | dd of="$(echo "$*" | {file})" {where} 2>&1; {INSTALLED}'
    with pytest.raises(VerificationError, match="A disk was written to that"):
        outcome(tmp_path, monkeypatch, writes, STARTED)


@pytest.mark.parametrize(
    ("install", "start", "reason"),
    [
        (
            "echo 'distroclone-builder install: failed no disk'",
            STARTED,
            r"step install-to-disk \(bios\): distroclone-builder install: failed no disk",
        ),
        (
            INSTALLED,
            "echo 'distroclone-builder install-report: failed the root is xfs'",
            r"step start-from-disk \(bios\): .*failed the root is xfs",
        ),
        (INSTALLED, "echo 'Kernel panic - not syncing: x'", "start-from-disk .*Kernel panic"),
        ("true", STARTED, "did not report in the step install-to-disk"),
        (INSTALLED, "true", "did not report in the step start-from-disk"),
        # A live system is none that was installed.
        (INSTALLED, "echo 'distroclone-builder boot-report: ok'", "did not report in the step"),
    ],
)
def test_any_other_ending_is_a_failure(
    install: str, start: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(VerificationError, match=reason):
        outcome(tmp_path, monkeypatch, install, start)


def test_a_broken_qemu_is_not_the_isos_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StepError, match="QEMU failed with exit code 3"):
        outcome(tmp_path, monkeypatch, "exit 3", STARTED)
