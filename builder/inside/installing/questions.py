"""The questions of an installation without an answer file, on the console.

What is asked for is little, and of a kind that every console can show. Language, keyboard and time
zone stay those of the system.
"""

import ctypes
import getpass
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from builder.basics import forms
from builder.basics.errors import StepError, UsageError
from builder.basics.texts import say
from builder.formats.answers import (
    UNLOCKING,
    Account,
    Afterwards,
    Answers,
    DiskName,
    FileSystem,
    Place,
)
from builder.inside.installing.disks import Disk, choose_disk
from builder.inside.installing.volumes import Layout, needed_room, needed_size

# The word that starts it; one that nobody types by habit.
_GO: Final[Mapping[Place, str]] = {Place.WHOLE: "erase", Place.BESIDE: "install"}
_METHOD: Final = b"$6$"  # of crypt(5): one that every system of today knows
_GIB: Final = 1 << 30


class Console(Protocol):
    """Whoever sits at the machine."""

    def show(self, text: str) -> None:
        """Show lines."""
        ...

    def ask(self, question: str) -> str:
        """Return the line that is typed."""
        ...

    def ask_secret(self, question: str) -> str:
        """Return the line that is typed, and do not show it."""
        ...


class Terminal:
    """Implements `Console`."""

    def show(self, text: str) -> None:
        """See `Console.show`."""
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    def ask(self, question: str) -> str:
        """See `Console.ask`."""
        try:
            return input(f"{question} ").strip()
        except EOFError as error:
            raise _nobody() from error

    def ask_secret(self, question: str) -> str:
        """See `Console.ask_secret`."""
        try:
            return getpass.getpass(f"{question} ")
        except EOFError as error:
            raise _nobody() from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What can be chosen, as far as the system decides it."""

    size: int  # bytes of the system
    file_systems: tuple[FileSystem, ...]  # which its kernels can mount
    file_system: FileSystem  # what it becomes unless another is chosen
    no_encryption: str | None = None  # why it cannot be encrypted
    room: Callable[[Disk], int] = lambda _disk: 0  # bytes that are free beside another system


def ask_answers(
    console: Console, disks: Sequence[Disk], choice: Choice, *, check: Callable[[str], None]
) -> Answers:
    """Return what is answered, once it is confirmed; `check` raises UsageError for a taken name.

    Raises UsageError where no disk can take the system, and where it is not confirmed: nothing was
    written then.
    """
    disk = _ask_disk(console, disks, choice)
    place = _ask_place(console, disk, choice)
    file_system = _ask_file_system(console, choice)
    passphrase = _ask_passphrase(console, choice)
    swap_mib = _ask_swap(console, disk, choice, place, encrypted=passphrase is not None)
    name = _ask_name(console, check)
    full_name = _ask_text(console, say("Your full name (may be empty):"), f"({forms.FULL_NAME})?")
    password = _ask_secret(console, say("A password:"), ".+")
    hostname = _ask_text(console, say("A name for this machine:"), forms.HOSTNAME)
    console.show("")
    if passphrase is not None:
        console.show(say("What is on it then is encrypted; without the passphrase it is lost."))
    if place is Place.WHOLE:
        console.show(say("All that is on this disk will be lost: {disk}", disk=disk))
    else:
        console.show(say("What is on this disk stays as it is: {disk}", disk=disk))
    console.show(
        say("The first user is {name}, and the machine is called {host}", name=name, host=hostname)
    )
    go = _GO[place]
    if console.ask(say("Type {word} to begin, or anything else to stop:", word=go)) != go:
        raise UsageError(
            "The installation was stopped; nothing was written",
            hint="To install after all, start the installer again and type {word} at the end.",
            word=go,
        )
    return Answers(
        disk=_named(disk),
        user=Account(name=name, full_name=full_name, password_hash=hashed(password)),
        hostname=hostname,
        file_system=file_system,
        passphrase=passphrase,
        swap_mib=swap_mib,
        place=place,
        afterwards=Afterwards.REBOOT,
    )


def usable_disks(disks: Sequence[Disk], *, needed: int) -> tuple[Disk, ...]:
    """Return those that can take `needed` bytes. Raises UsageError where none can."""
    free = tuple(each for each in disks if _can_take(each, needed))
    if not free:
        raise UsageError(
            "No disk of this machine can take the system, which needs {size} GiB",
            hint="A disk that is in use or read-only is not offered. This machine has: {disks}.",
            size=-(-needed // _GIB),
            disks="; ".join(map(str, disks)) or "none",
        )
    return free


def hashed(password: str) -> str:
    """Return the hash of a password with a new salt: crypt(3) and crypt_gensalt(3) of libxcrypt."""
    library = ctypes.CDLL("libcrypt.so.1")
    library.crypt_gensalt.restype = library.crypt.restype = ctypes.c_char_p
    salt = library.crypt_gensalt(_METHOD, ctypes.c_ulong(0), None, 0)
    found: bytes | None = library.crypt(password.encode(), salt) if salt else None
    if found is None or not found.startswith(_METHOD):
        raise StepError("The password cannot be hashed")
    return found.decode("ascii")


def _ask_disk(console: Console, disks: Sequence[Disk], choice: Choice) -> Disk:
    free = usable_disks(disks, needed=needed_size(choice.size, Layout()))
    for number, each in enumerate(free, start=1):
        console.show(f"  {number}) {each}")
    while True:
        answer = console.ask(say("Install to which disk? Its number:"))
        if answer.isascii() and answer.isdigit() and 1 <= int(answer) <= len(free):
            return free[int(answer) - 1]


def _named(disk: Disk) -> DiskName:
    """Return what names a disk to who has seen what is on it."""
    return DiskName(
        path=disk.path,
        size=disk.size,
        serial=disk.serial or None,
        holds=disk.members,
    )


def _can_take(disk: Disk, needed: int) -> bool:
    try:
        choose_disk([disk], _named(disk), needed=needed)
    except UsageError:
        return False
    return True


def _ask_place(console: Console, disk: Disk, choice: Choice) -> Place:
    free = choice.room(disk)
    if free < needed_room(choice.size, Layout()):
        return Place.WHOLE
    question = say(
        "It has {size} GiB free. Type beside to use those and keep what is there, or whole to "
        "erase all of it:",
        size=free // _GIB,
    )
    words = {each.value: each for each in Place}
    while (answer := console.ask(question)) not in words:
        console.show(say("This cannot be used."))
    return words[answer]


def _ask_file_system(console: Console, choice: Choice) -> FileSystem:
    known = {each.value: each for each in choice.file_systems}
    question = say(
        "Which file system: {names}? Enter alone takes {usual}:",
        names=", ".join(known),
        usual=choice.file_system,
    )
    while (answer := console.ask(question) or choice.file_system.value) not in known:
        console.show(say("This cannot be used."))
    return known[answer]


def _ask_passphrase(console: Console, choice: Choice) -> str | None:
    """Return the passphrase if the disk is to be encrypted."""
    if choice.no_encryption is not None:
        console.show(choice.no_encryption)
        return None
    question = say("Encrypt the disk? Type yes, or Enter alone for no:")
    while (answer := console.ask(question)) not in ("yes", ""):
        console.show(say("This cannot be used."))
    return _ask_secret(console, say("A passphrase to unlock the disk, of 8 characters at least:"),
                       UNLOCKING) if answer else None  # fmt: skip


def _ask_swap(
    console: Console, disk: Disk, choice: Choice, place: Place, *, encrypted: bool
) -> int:
    """Return how large the swap file is to be, in MiB: no more than the disk has room for."""
    question = say("A swap file of how many GiB? Enter alone makes none:")
    while True:
        answer = console.ask(question) or "0"
        if re.fullmatch(r"[0-9]{1,4}", answer) is not None:
            layout = Layout(encrypted=encrypted, swap_mib=int(answer) << 10)
            if place is Place.BESIDE:
                fits = choice.room(disk) >= needed_room(choice.size, layout)
            else:
                fits = _can_take(disk, needed_size(choice.size, layout))
            if not layout.swap_mib or fits:
                return layout.swap_mib
        console.show(say("This cannot be used, or the disk is too small for it."))


def _ask_name(console: Console, check: Callable[[str], None]) -> str:
    while True:
        name = _ask_text(console, say("A user name, of small letters and digits:"), forms.USER_NAME)
        try:
            check(name)
        except UsageError as error:
            console.show(str(error))
        else:
            return name


def _ask_text(console: Console, question: str, pattern: str) -> str:
    while re.fullmatch(pattern, answer := console.ask(question)) is None:
        console.show(say("This cannot be used."))
    return answer


def _ask_secret(console: Console, question: str, pattern: str) -> str:
    while True:
        secret = console.ask_secret(question)
        if re.fullmatch(pattern, secret) is None:
            console.show(say("This cannot be used."))
        elif secret == console.ask_secret(say("The same again:")):
            return secret
        else:
            console.show(say("It was not the same."))


def _nobody() -> UsageError:
    return UsageError(
        "Nobody answers on this console, and no stick has an answer file",
        hint="Start the installer where there is a keyboard, or plug in an answer file.",
    )
