"""The answer file of the installer: which disk, whose account, how the machine is called.

The same code reads it where the file is checked and in the installer (docs/installing.md).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from builder.basics import forms
from builder.basics.errors import UsageError
from builder.basics.plain_yaml import Group, Groups, Plain, read_plain

NAME: Final = "distroclone-answers.yaml"  # at the top of a stick
LARGEST: Final = 64 << 10  # bytes


class FileSystem(StrEnum):
    """What the root of the installed system is."""

    EXT4 = "ext4"
    BTRFS = "btrfs"  # in subvolumes, for / and /home
    XFS = "xfs"


class Place(StrEnum):
    """Where on its disk the system goes."""

    WHOLE = "whole"  # all of it, and what was there is lost
    BESIDE = "beside"  # into its free space, and what is there stays


class Afterwards(StrEnum):
    """What the machine does when the installation is done."""

    POWEROFF = "poweroff"
    REBOOT = "reboot"


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskName:
    """What the one disk has that may be written to: all that is named here.

    A serial number, a WWN or a name below /dev/disk/by-id is enough; otherwise both model and size.
    `holds` are the kinds of what may be on other disks as well and may be lost, as lsblk(8) calls
    them.
    """

    serial: str | None = None
    wwn: str | None = None
    id: str | None = None
    model: str | None = None
    size: int | None = None  # bytes
    holds: tuple[str, ...] = ()
    path: str | None = None  # said by who sees the machine; no answer file has it


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The first user, who may become root."""

    name: str
    password_hash: str  # as crypt(5) writes it
    full_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """All that an installation has to know; None keeps the system's own setting.

    Without a passphrase nothing is encrypted.
    """

    disk: DiskName
    user: Account
    hostname: str
    locale: str | None = None
    keyboard: str | None = None
    timezone: str | None = None
    file_system: FileSystem | None = None
    passphrase: str | None = field(default=None, repr=False)
    swap_mib: int = 0  # of a swap file
    place: Place = Place.WHOLE
    afterwards: Afterwards = Afterwards.POWEROFF


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """What a value has to look like, and what is said of one that does not."""

    pattern: str
    message: str
    hint: str


def _one_of(words: type[StrEnum]) -> str:
    return "|".join(words)


_MAKE_ONE: Final = "Make one with `mkpasswd` or `openssl passwd -6`."
# No more: what is typed at the start of the machine may come before its keyboard's layout is known.
UNLOCKING: Final = r"[ -~]{8,512}"
_NO_SWAP: Final = "none"
# Of udev's names and kernel's texts; lsblk shows them.
_WORD: Final = r"[ -~]{1,200}"
_DISK_HINT: Final = (
    "Below `disk:`, give its serial, its wwn, its id (the name in /dev/disk/by-id), or both model "
    "and size. /dev/sda is no name: it may be another disk after the next start."
)
_GROUP_HINT: Final = "Write what it has in lines of its own, indented below it: {known}."
_NAME_HINT: Final = "`lsblk --bytes --nodeps --output SERIAL,WWN,MODEL,SIZE` shows what it is."
_NO_NAME: Final = "Line {line}: the disk cannot be named like this"
_FORMS: Final[Mapping[str, _Form]] = MappingProxyType(
    {
        "disk.serial": _Form(pattern=_WORD, message=_NO_NAME, hint=_NAME_HINT),
        "disk.wwn": _Form(pattern=_WORD, message=_NO_NAME, hint=_NAME_HINT),
        "disk.id": _Form(
            pattern=r"[^/\x00-\x20\x7f-\U0010ffff]{1,200}",
            message=_NO_NAME,
            hint="Name it as in /dev/disk/by-id, without the folder.",
        ),
        "disk.model": _Form(pattern=_WORD, message=_NO_NAME, hint=_NAME_HINT),
        "disk.size": _Form(
            pattern=r"[1-9][0-9]{6,17}",
            message="Line {line}: this is not the size of a disk",
            hint="Give the number of bytes, as `lsblk --bytes` shows it.",
        ),
        "disk.holds": _Form(
            pattern=r"[A-Za-z0-9_]{1,40}(,? [A-Za-z0-9_]{1,40}){0,9}",
            message="Line {line}: this is not what a disk can hold",
            hint="Give the words that `lsblk --output NAME,FSTYPE` shows, such as LVM2_member or "
            "linux_raid_member.",
        ),
        "user.name": _Form(
            pattern=forms.USER_NAME,
            message="Line {line}: this is not a valid user name",
            hint="Use up to 32 of a-z, 0-9, _ and -, starting with a letter.",
        ),
        "user.full_name": _Form(
            pattern=forms.FULL_NAME,
            message="Line {line}: this is not a valid full name",
            hint='Use up to 100 characters, but not : , = " \\ $ or `.',
        ),
        "user.password_hash": _Form(
            pattern=forms.PASSWORD_HASH,
            message="Line {line}: this is not a password hash that crypt(5) makes",
            hint=_MAKE_ONE,
        ),
        "hostname": _Form(
            pattern=forms.HOSTNAME,
            message="Line {line}: this is not a valid host name",
            hint="Use up to 63 letters, digits and hyphens, with no hyphen at either end.",
        ),
        "locale": _Form(
            pattern=forms.LOCALE,
            message="Line {line}: this is not a valid locale",
            hint="For example de_DE.UTF-8 or C.UTF-8.",
        ),
        "keyboard": _Form(
            pattern=forms.KEYBOARD,
            message="Line {line}: this is not a valid keyboard layout",
            hint="For example de, or us,it.",
        ),
        "timezone": _Form(
            pattern=forms.TIMEZONE,
            message="Line {line}: this is not a valid time zone",
            hint="For example Europe/Rome or UTC.",
        ),
        "file_system": _Form(
            pattern=_one_of(FileSystem),
            message="Line {line}: this is no file system that can be made",
            hint="Use ext4, btrfs or xfs.",
        ),
        "encrypt": _Form(
            pattern="true|false",
            message="Line {line}: this does not say whether the disk is encrypted",
            hint="Use true or false.",
        ),
        "passphrase": _Form(
            pattern=UNLOCKING,
            message="Line {line}: this passphrase cannot be used",
            hint="Use 8 to 512 letters, digits and signs of ASCII, which every keyboard has. One "
            "with blanks or special characters stands in single quotes.",
        ),
        "swap": _Form(
            pattern=f"{_NO_SWAP}|[1-9][0-9]{{0,5}}[MG]",
            message="Line {line}: this is not the size of a swap file",
            hint="Use none, or a size such as 512M or 4G.",
        ),
        "place": _Form(
            pattern=_one_of(Place),
            message="Line {line}: this is no place on a disk",
            hint="Use whole, which erases the disk, or beside, which keeps what is there.",
        ),
        "afterwards": _Form(
            pattern=_one_of(Afterwards),
            message="Line {line}: this is nothing that the machine can do afterwards",
            hint="Use poweroff or reboot.",
        ),
    }
)
# What only whoever is at the machine can say: a file that waits somewhere must not have it.
_SPOKEN: Final[Mapping[str, _Form]] = MappingProxyType(
    {
        "disk.path": _Form(pattern=r"/dev/[A-Za-z0-9/_-]{1,100}", message=_NO_NAME,
                           hint="For example /dev/sda."),
        "user.password": _Form(
            pattern=r"[^\x00-\x1f\x7f]{1,512}",
            message="This password cannot be used",
            hint="Use 1 to 512 letters, digits and signs.",
        ),
    }
)  # fmt: skip
_GROUPS: Final = frozenset(key.partition(".")[0] for key in _FORMS if "." in key)
_NEEDED: Final = ("user.name", "user.password_hash", "hostname")


def read_answers(data: bytes, *, hashed: Callable[[str], str] | None = None) -> Answers:
    """Return what an answer file says. Raises UsageError for one that cannot be used.

    With `hashed`, which makes a password's hash, they come from somebody who is at the machine now:
    they may have `user.password` instead of the hash, and name the disk by `disk.path`.

    No message shows a value: among them are a password's hash and a passphrase.
    """
    if len(data) > LARGEST:
        raise too_large()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError("The answer file is not UTF-8", hint="Save it as UTF-8.") from error
    forms_of = _FORMS if hashed is None else {**_FORMS, **_SPOKEN}
    said = dict(_checked(read_plain(text), forms_of))
    if hashed is not None and "user.password" in said:
        said["user.password_hash"] = hashed(said.pop("user.password"))
    for key in _NEEDED:
        if key not in said:
            raise _lacking(key)
    found = said.get
    size = found("disk.size")
    return Answers(
        disk=_stable(
            DiskName(
                serial=found("disk.serial"),
                wwn=found("disk.wwn"),
                id=found("disk.id"),
                model=found("disk.model"),
                size=None if size is None else int(size),
                holds=tuple(said.get("disk.holds", "").replace(",", "").split()),
                path=found("disk.path"),
            )
        ),
        user=Account(
            name=said["user.name"],
            password_hash=said["user.password_hash"],
            full_name=said.get("user.full_name", ""),
        ),
        hostname=said["hostname"],
        locale=found("locale"),
        keyboard=found("keyboard"),
        timezone=found("timezone"),
        file_system=FileSystem(said["file_system"]) if "file_system" in said else None,
        passphrase=_passphrase(said),
        swap_mib=_swap_mib(said.get("swap", _NO_SWAP)),
        place=Place(said.get("place", Place.WHOLE)),
        afterwards=Afterwards(said.get("afterwards", Afterwards.POWEROFF)),
    )


def too_large() -> UsageError:
    """Return the refusal of a file that has more than `LARGEST` bytes."""
    return UsageError(
        "The answer file is larger than {limit} bytes",
        hint="Nobody needs as much: check that it is the right file.",
        limit=LARGEST,
    )


def _checked(groups: Groups, forms_of: Mapping[str, _Form]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, value in groups.items():
        if isinstance(value, Plain):
            found.append((name, _checked_value(name, value, forms_of)))
        elif name in _FORMS:
            raise UsageError(
                'Line {line}: "{key}" is one value, and this has lines below it',
                hint="Write `{key}: value` in one line.",
                line=value.line,
                key=name,
            )
        elif name not in _GROUPS:
            raise _unknown(name, value)
        else:
            found += [
                (f"{name}.{key}", _checked_value(f"{name}.{key}", each, forms_of))
                for key, each in value.values.items()
            ]
    return found


def _checked_value(key: str, value: Plain, forms_of: Mapping[str, _Form]) -> str:
    form = forms_of.get(key)
    if form is None:
        raise _unknown(key, value)
    if re.fullmatch(form.pattern, value.text) is None:
        raise UsageError(form.message, hint=form.hint, line=value.line)
    return value.text


def _unknown(key: str, value: Plain | Group) -> UsageError:
    if key in _GROUPS:  # with a value, as in `disk: /dev/sda`
        return UsageError(
            'Line {line}: "{key}" has no value of its own',
            hint=_DISK_HINT if key == "disk" else _GROUP_HINT,
            line=value.line,
            key=key,
            known=", ".join(each for each in _FORMS if each.startswith(f"{key}.")),
        )
    return UsageError(
        'Line {line}: an answer file has no "{key}"',
        hint="It has {known}.",
        line=value.line,
        key=key,
        known=", ".join(_FORMS),
    )


def _lacking(key: str) -> UsageError:
    return UsageError(
        "The answer file lacks {key}",
        hint="Add it. docs/installing.md has a whole file as an example.",
        key=key,
    )


def _passphrase(said: Mapping[str, str]) -> str | None:
    """Return the passphrase if the disk is to be encrypted. Raises UsageError for half of it."""
    encrypt, passphrase = said.get("encrypt") == "true", said.get("passphrase")
    if encrypt and passphrase is None:
        raise _lacking("passphrase")
    if passphrase is not None and not encrypt:
        raise UsageError(
            "The answer file has a passphrase, but does not say that the disk is encrypted",
            hint="Add `encrypt: true`, or take the passphrase out.",
        )
    return passphrase


def _swap_mib(text: str) -> int:
    if text == _NO_SWAP:
        return 0
    return int(text[:-1]) << (10 if text.endswith("G") else 0)


def _stable(disk: DiskName) -> DiskName:
    """Return the disk if its name says which one it is on any day, whatever else is plugged in."""
    if disk.serial or disk.wwn or disk.id or disk.path or (disk.model and disk.size):
        return disk
    raise UsageError("The answer file does not say which disk is written to", hint=_DISK_HINT)
