"""The questions on the console: wrong answers are asked again, and nothing begins by accident."""

import pytest

from builder.basics.errors import UsageError
from builder.formats.answers import Afterwards, Answers
from builder.inside.installing.disks import Disk
from builder.inside.installing.questions import ask_answers, hashed

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


def asked(typist: Typist) -> Answers:
    return ask_answers(typist, [SMALL, LARGE], needed=4 * GIB, check=refuse_root)


def test_the_answers_are_what_was_typed() -> None:
    typist = Typist("1", "anna", "Anna", "secret", "secret", "kiosk", "erase")
    answers = asked(typist)
    assert (answers.disk.path, answers.disk.serial) == ("/dev/sdb", "2")
    assert (answers.user.name, answers.user.full_name) == ("anna", "Anna")
    assert (answers.hostname, answers.afterwards) == ("kiosk", Afterwards.REBOOT)
    assert "secret" not in answers.user.password_hash
    assert any(
        "All that is on this disk will be lost: /dev/sdb, Large" in line for line in typist.seen
    )
    assert not any("/dev/sda" in line for line in typist.seen)


def test_what_cannot_be_is_asked_again() -> None:
    typist = Typist(
        "0", "2", "x", "1", "Anna", "root", "anna", "a:b", "", "", "one", "two", "one", "one",
        "a_b", "kiosk", "erase",
    )  # fmt: skip
    answers = asked(typist)
    assert (answers.user.name, answers.user.full_name, answers.hostname) == ("anna", "", "kiosk")
    assert "taken" in typist.seen


def test_anything_but_the_word_stops_it() -> None:
    with pytest.raises(UsageError, match="stopped; nothing was written"):
        asked(Typist("1", "anna", "", "x", "x", "kiosk", "yes"))


def test_without_a_disk_nothing_is_asked() -> None:
    with pytest.raises(UsageError, match="No disk of this machine can take the system") as caught:
        ask_answers(Typist(), [SMALL], needed=4 * GIB, check=refuse_root)
    assert "/dev/sda" in caught.value.advice


def test_a_hash_has_its_own_salt_and_the_method_of_every_system() -> None:
    first, second = hashed("live"), hashed("live")
    assert first.startswith("$6$")
    assert first != second
    assert len(first.rpartition("$")[2]) == 86
