"""The questions on the console: wrong answers are asked again, and nothing begins by accident."""

from dataclasses import replace

import pytest

from builder.basics.errors import UsageError
from builder.formats.answers import Afterwards, Answers, FileSystem, Place
from builder.inside.installing.disks import Disk
from builder.inside.installing.questions import Choice, ask_answers, hashed

GIB = 1 << 30
SMALL = Disk(path="/dev/sda", size=GIB)
LARGE = Disk(path="/dev/sdb", size=64 * GIB, serial="2", model="Large")


class Typist:
    """Somebody who types these lines."""

    def __init__(self, *lines: str) -> None:
        self._lines = list(lines)
        self.seen: list[str] = []

    def show(self, text: str) -> None:
        """See it."""
        self.seen.append(text)

    def ask(self, question: str) -> str:
        """Type the next line."""
        self.seen.append(question)
        return self._lines.pop(0)

    ask_secret = ask


def refuse_root(name: str) -> None:
    if name == "root":
        raise UsageError("taken")


CHOICE = Choice(
    size=4 * GIB, file_systems=tuple(FileSystem), file_system=FileSystem.XFS, no_encryption=None
)


def asked(typist: Typist, choice: Choice = CHOICE) -> Answers:
    return ask_answers(typist, [SMALL, LARGE], choice, check=refuse_root)


def test_the_answers_are_what_was_typed() -> None:
    typist = Typist("1", "", "", "", "anna", "Anna", "secret", "secret", "kiosk", "erase")
    answers = asked(typist)
    assert (answers.disk.path, answers.disk.serial) == ("/dev/sdb", "2")
    assert (answers.user.name, answers.user.full_name) == ("anna", "Anna")
    assert (answers.hostname, answers.afterwards) == ("kiosk", Afterwards.REBOOT)
    assert (answers.file_system, answers.passphrase, answers.swap_mib) == (FileSystem.XFS, None, 0)
    assert "secret" not in answers.user.password_hash
    assert any(
        "All that is on this disk will be lost: /dev/sdb, Large" in line for line in typist.seen
    )
    assert not any("/dev/sda" in line for line in typist.seen)


def test_what_cannot_be_is_asked_again() -> None:
    typist = Typist(
        "0", "2", "x", "1", "ntfs", "btrfs", "no", "yes", "seven77", "one two 3", "three",
        "one two 3", "one two 3", "1.5", "60", "8", "Anna", "root", "anna", "a:b", "", "", "one",
        "two", "one", "one", "a_b", "kiosk", "erase",
    )  # fmt: skip
    answers = asked(typist)
    assert (answers.user.name, answers.user.full_name, answers.hostname) == ("anna", "", "kiosk")
    assert (answers.file_system, answers.passphrase) == (FileSystem.BTRFS, "one two 3")
    assert answers.swap_mib == 8192
    assert "taken" in typist.seen
    assert "What is on it then is encrypted; without the passphrase it is lost." in typist.seen
    assert "one two 3" not in repr(answers)


def test_what_cannot_be_encrypted_is_said_and_not_asked() -> None:
    without = replace(CHOICE, no_encryption="it lacks a tool", file_systems=(FileSystem.EXT4,))
    typist = Typist("1", "ext4", "", "anna", "", "x", "x", "kiosk", "erase")
    answers = asked(typist, without)
    assert (answers.file_system, answers.passphrase) == (FileSystem.EXT4, None)
    assert "it lacks a tool" in typist.seen
    assert not any("Encrypt" in line for line in typist.seen)


def test_where_there_is_room_what_is_on_the_disk_can_stay() -> None:
    roomy = replace(CHOICE, room=lambda disk: disk.size // 4)
    typist = Typist("1", "besides", "beside", "", "", "11", "8", "anna", "", "x", "x", "kiosk",
                    "install")  # fmt: skip
    answers = asked(typist, roomy)
    assert (answers.place, answers.swap_mib) == (Place.BESIDE, 8192)
    assert any("It has 16 GiB free. Type beside" in line for line in typist.seen)
    assert any("What is on this disk stays as it is: /dev/sdb" in line for line in typist.seen)
    assert not any("will be lost" in line for line in typist.seen)
    typist = Typist("1", "whole", "", "", "", "anna", "", "x", "x", "kiosk", "erase")
    assert asked(typist, roomy).place is Place.WHOLE
    with pytest.raises(UsageError, match="stopped; nothing was written") as caught:
        asked(Typist("1", "beside", "", "", "", "anna", "", "x", "x", "kiosk", "erase"), roomy)
    assert "type install at the end" in caught.value.advice


def test_anything_but_the_word_stops_it() -> None:
    with pytest.raises(UsageError, match="stopped; nothing was written"):
        asked(Typist("1", "", "", "", "anna", "", "x", "x", "kiosk", "yes"))


def test_without_a_disk_nothing_is_asked() -> None:
    with pytest.raises(UsageError, match="No disk of this machine can take the system") as caught:
        ask_answers(Typist(), [SMALL], CHOICE, check=refuse_root)
    assert "/dev/sda" in caught.value.advice


def test_a_hash_has_its_own_salt_and_the_method_of_every_system() -> None:
    first, second = hashed("live"), hashed("live")
    assert first.startswith("$6$")
    assert first != second
    assert len(first.rpartition("$")[2]) == 86
