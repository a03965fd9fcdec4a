"""`installer check` says what an answer file does, or why it cannot be used."""

import json
from pathlib import Path

import pytest

from builder.formats.answers import LARGEST
from builder.host.cli.main import run
from tests.support.installing import HASH

ANSWERS = f"""\
disk:
  serial: S1
user:
  name: anna
  password_hash: {HASH}
hostname: kiosk
"""


def checked(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    code = run(["installer", "check", *words])
    output = capsys.readouterr()
    return code, output.out + output.err


def test_a_good_file_is_told_with_its_disk(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(ANSWERS)
    code, text = checked(capsys, str(file))
    assert code == 0
    assert "installs to the disk with serial S1, and anna is its first user" in text
    code, text = checked(capsys, str(file), "--json")
    result = json.loads(text.splitlines()[-1])
    assert result["event"] == "result"
    assert result["data"] == {
        "disk": {"serial": "S1"},
        "place": "whole",
        "user": "anna",
        "file_system": None,
        "encrypted": False,
        "swap_mib": 0,
    }


def test_it_says_that_what_is_there_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(f"{ANSWERS}place: beside\n")
    code, text = checked(capsys, str(file))
    assert code == 0
    assert "It goes into the free space of the disk; what is there stays" in text


def test_it_says_what_goes_with_the_disk(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(
        ANSWERS.replace("serial: S1", "serial: S1\n  holds: LVM2_member, linux_raid_member")
    )
    code, text = checked(capsys, str(file))
    assert code == 0
    assert "to the disk with serial S1, and" in text
    assert "is erased with it: LVM2_member, linux_raid_member" in text


def test_it_says_what_the_disk_becomes_and_not_the_passphrase(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(f"{ANSWERS}file_system: xfs\nencrypt: true\npassphrase: horse battery\n")
    code, text = checked(capsys, str(file))
    assert code == 0
    assert "The root becomes xfs\nIt is encrypted, and the file has the passphrase" in text
    assert "battery" not in text


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (ANSWERS.replace("serial: S1", "serial: [S1]"), "Line 2 is not understood"),
        (ANSWERS.replace("kiosk", "a_b"), "this is not a valid host name"),
        ("#" * (LARGEST + 1), "The answer file is larger than"),
    ],
)
def test_a_bad_one_is_refused_with_the_reason(
    content: str, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(content)
    code, text = checked(capsys, str(file))
    assert code == 2
    assert reason in text
    assert HASH not in text


def test_what_is_no_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert checked(capsys, str(tmp_path / "no"))[0] == 2
    code, text = checked(capsys, str(tmp_path))
    assert code == 2
    assert "answer file" in text
