"""Answer files: what they say, and why one is refused."""

import re

import pytest

from builder.basics.errors import UsageError
from builder.formats.answers import LARGEST, Afterwards, DiskName, FileSystem, read_answers
from tests.support.installing import HASH

PASSWORD_HASH = "$6$salt$" + 86 * "x"
DISK = "disk:\n  serial: '0123'\n"
USER = f"user:\n  name: anna\n  password_hash: {PASSWORD_HASH}\n"
REST = "hostname: kiosk\n"
WHOLE = DISK + USER + REST


def test_the_least_is_a_disk_a_user_and_a_name() -> None:
    answers = read_answers(WHOLE.encode())
    assert answers.disk == DiskName(serial="0123")
    assert (answers.user.name, answers.user.password_hash) == ("anna", PASSWORD_HASH)
    assert (answers.user.full_name, answers.hostname) == ("", "kiosk")
    assert (answers.locale, answers.keyboard, answers.timezone) == (None, None, None)
    assert (answers.file_system, answers.afterwards) == (None, Afterwards.POWEROFF)
    assert (answers.passphrase, answers.swap_mib) == (None, 0)


def test_everything_can_be_said() -> None:
    text = f"""\
---
disk:
  model: Some Disk 2
  size: 16000900661248
user:
  name: anna
  full_name: Anna Müller
  password_hash: {PASSWORD_HASH}
hostname: kiosk.example.org
locale: de_DE.UTF-8
keyboard: de
timezone: Europe/Berlin
file_system: btrfs
encrypt: true
passphrase: 'correct horse: battery'
swap: 4G
afterwards: reboot
"""
    answers = read_answers(text.encode())
    assert answers.disk == DiskName(model="Some Disk 2", size=16000900661248)
    assert answers.user.full_name == "Anna Müller"
    assert answers.hostname == "kiosk.example.org"
    assert (answers.locale, answers.keyboard) == ("de_DE.UTF-8", "de")
    assert (answers.timezone, answers.afterwards) == ("Europe/Berlin", Afterwards.REBOOT)
    assert (answers.file_system, answers.swap_mib) == (FileSystem.BTRFS, 4096)
    words = "correct horse: battery"
    assert answers.passphrase == words
    assert "horse" not in repr(answers)


@pytest.mark.parametrize(("swap", "size"), [("none", 0), ("512M", 512), ("64G", 65536)])
def test_a_swap_file_has_the_size_that_is_said(swap: str, size: int) -> None:
    assert read_answers(f"{WHOLE}swap: {swap}\n".encode()).swap_mib == size


def test_half_of_an_encryption_is_refused() -> None:
    with pytest.raises(UsageError, match="The answer file lacks passphrase"):
        read_answers(f"{WHOLE}encrypt: true\n".encode())
    for encrypt in ("", "encrypt: false\n"):
        with pytest.raises(UsageError, match="does not say that the disk is encrypted") as caught:
            read_answers(f"{WHOLE}{encrypt}passphrase: battery-staple\n".encode())
        assert "battery" not in f"{caught.value}{caught.value.advice}"


@pytest.mark.parametrize(
    "disk", ["disk:\n  model: Some Disk\n", "disk:\n  size: 16000900661248\n", ""]
)
def test_a_disk_that_is_not_named_for_certain_is_refused(disk: str) -> None:
    with pytest.raises(UsageError, match="does not say which disk is written to") as caught:
        read_answers((disk + USER + REST).encode())
    assert "/dev/sda is no name" in caught.value.advice


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ("disk:\n  path: /dev/sda\n", 'Line 2: an answer file has no "disk.path"'),
        ("---\ndisks:\n  serial: x\n", 'Line 2: an answer file has no "disks"'),
        ("# one\ndisk: /dev/sda\n", 'Line 2: "disk" has no value of its own'),
        ("user: anna\n", 'Line 1: "user" has no value of its own'),
        ("swap:\n  size: 4G\n", 'Line 1: "swap" is one value, and this has lines below it'),
        ("disk:\n  serial: ''\n", "Line 2: the disk cannot be named like this"),
        ("disk:\n  id: ../sda\n", "Line 2: the disk cannot be named like this"),
        ("disk:\n  size: 16G\n", "Line 2: this is not the size of a disk"),
        ("user:\n  name: Anna\n", "Line 2: this is not a valid user name"),
        ("user:\n  full_name: 'a:b'\n", "Line 2: this is not a valid full name"),
        ("user:\n  password_hash: live\n", "Line 2: this is not a password hash"),
        ("hostname: a_b\n", "Line 1: this is not a valid host name"),
        ("locale: german\n", "Line 1: this is not a valid locale"),
        ("keyboard: DE\n", "Line 1: this is not a valid keyboard layout"),
        ("timezone: CET/\n", "Line 1: this is not a valid time zone"),
        ("file_system: ntfs\n", "Line 1: this is no file system that can be made"),
        ("encrypt: yes\n", "Line 1: this does not say whether the disk is encrypted"),
        ("passphrase: seven77\n", "Line 1: this passphrase cannot be used"),
        ("passphrase: größer als 8\n", "Line 1: this passphrase cannot be used"),
        ("swap: 4\n", "Line 1: this is not the size of a swap file"),
        ("swap: 0G\n", "Line 1: this is not the size of a swap file"),
        ("place: somewhere\n", "Line 1: this is no place on a disk"),
        ("afterwards: dance\n", "Line 1: this is nothing that the machine can do afterwards"),
    ],
)
def test_what_is_wrong_is_named(wrong: str, reason: str) -> None:
    with pytest.raises(UsageError, match=re.escape(reason)) as caught:
        read_answers(wrong.encode())
    assert caught.value.advice


def test_a_device_is_no_name_of_a_disk() -> None:
    with pytest.raises(UsageError, match='Line 1: "disk" has no value of its own') as caught:
        read_answers(b"disk: /dev/sda\n")
    assert "its id (the name in /dev/disk/by-id)" in caught.value.advice
    with pytest.raises(UsageError, match='Line 1: "user" has no value of its own') as caught:
        read_answers(b"user: anna\n")
    assert "user.name, user.full_name, user.password_hash" in caught.value.advice


@pytest.mark.parametrize("key", ["user.name", "user.password_hash", "hostname"])
def test_what_is_missing_is_named(key: str) -> None:
    lines = [line for line in WHOLE.splitlines() if key.rpartition(".")[2] not in line]
    with pytest.raises(UsageError, match=f"The answer file lacks {key}"):
        read_answers("\n".join(lines).encode())


def test_a_file_that_is_no_text_or_too_large_is_refused() -> None:
    with pytest.raises(UsageError, match="not UTF-8"):
        read_answers(b"hostname: \xe9\n")
    with pytest.raises(UsageError, match="larger than"):
        read_answers(b"#" * (LARGEST + 1))


def test_no_refusal_shows_the_password() -> None:
    with pytest.raises(UsageError) as caught:
        read_answers(b"user:\n  password_hash: geheim\n")
    assert "geheim" not in f"{caught.value}{caught.value.advice}"


SPOKEN = """\
disk:
  path: /dev/sda
user:
  name: anna
  password: 'it''s: # "x"'
hostname: pc
"""


def test_who_is_at_the_machine_may_say_a_password_and_a_device() -> None:
    hashed: list[str] = []

    def remember(password: str) -> str:
        hashed.append(password)
        return HASH

    found = read_answers(SPOKEN.encode(), hashed=remember)
    assert (hashed, found.user.password_hash) == (['it\'s: # "x"'], HASH)
    assert found.disk == DiskName(path="/dev/sda")


def test_a_file_that_waits_on_a_stick_may_not() -> None:
    for key in ("path: /dev/sda", "password: secret"):
        text = f"{'disk' if 'path' in key else 'user'}:\n  {key}\n"
        with pytest.raises(UsageError, match='Line 2: an answer file has no "'):
            read_answers(text.encode())


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ("disk:\n  path: /tmp/x\n", "Line 2: the disk cannot be named like this"),
        ("disk:\n  path: /dev/../x\n", "Line 2: the disk cannot be named like this"),
        ("user:\n  password: ''\n", "This password cannot be used"),
    ],
)
def test_what_is_said_wrongly_is_named(wrong: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason) as caught:
        read_answers(wrong.encode(), hashed=str)
    assert caught.value.advice
