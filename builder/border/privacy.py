"""What counts as private in what would leave the house, and what a search for it found.

Besides, what of a source was left out of a build, and what came along though no package owns it.
A finding names a path and a kind, never the private text itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class PrivacyMode(StrEnum):
    """What a finding does; it never affects the bytes of the result."""

    STOP = "stop"
    WARN = "warn"


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedFinding:
    """Findings of the kind `rule` at paths that match `path` may stay, for this reason."""

    path: str  # an rsync pattern that starts with "/", as those of `exclude`
    rule: str  # the name of a kind
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Privacy:
    """What happens to findings; in no artefact but as counts."""

    mode: PrivacyMode = PrivacyMode.STOP
    allow: tuple[AllowedFinding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something private at a path; `rule` is the name of its kind."""

    path: str  # "/etc/app.conf", printable
    rule: str
    where: str  # "system", or "initramfs VERSION"
    member: str = ""  # the path inside the archive at `path`
    allowed: str | None = None  # the reason of the row that allows it


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """One path that was left out, with all that is in it."""

    path: str  # absolute in the system
    rule: str  # the name of the reason, docs/what-is-left-out.md
    size: int  # bytes of its files
    entries: int  # it, and what is in it
    whole: bool = True  # all of it was counted; otherwise there is more


@dataclass(frozen=True, slots=True, kw_only=True)
class Stayed:
    """A program, or a folder of programs, that was installed without a package."""

    path: str
    size: int  # bytes of its files
    entries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivacyReport:
    """What a build of a system would leave at home, take along and stumble over."""

    left_out: tuple[LeftOut, ...]
    stayed: tuple[Stayed, ...]
    removed: Mapping[str, int]  # how many paths each rule removed from the copy
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of private thing; `message` has the field `path`, `hint` says what to do."""

    name: str
    message: str
    hint: str


_LEAVE_OUT: Final = "Leave the file out with `exclude`, or delete it in the source system."
_TAKE_OUT: Final = "Take it out of the file in the source system, or leave the file out."
_DATA: Final = "Leave it out with `exclude`: a live system needs programs, not data."

KINDS: Final = (
    Kind(name="private-key", message="{path} holds a private key", hint=_LEAVE_OUT),
    Kind(name="key-store", message="{path} is a store of keys or passwords", hint=_LEAVE_OUT),
    Kind(name="random-key", message="{path} holds nothing but random bytes, as the key files of "
         "disks do",
         hint=_LEAVE_OUT),
    Kind(name="secret-file", message="{path} has a name that only files with secrets have",
         hint=_LEAVE_OUT),
    Kind(name="password-hash", message="{path} holds the hash of a password, which can be guessed "
         "offline",
         hint=_TAKE_OUT),
    Kind(name="token", message="{path} holds a token that opens an account of an online service",
         hint="Take it out of the file, and revoke it if the file was ever given away."),
    Kind(name="credential", message="{path} holds a password, or a secret like one",
         hint=_TAKE_OUT),
    Kind(name="encrypted-volume", message="{path} is the header of an encrypted disk",
         hint=_LEAVE_OUT),
    Kind(name="memory-image", message="{path} holds the memory of a program or of the machine",
         hint=_LEAVE_OUT),
    Kind(name="disk-image", message="{path} is the image of a disk or of a file system",
         hint=_DATA),
    Kind(name="database", message="{path} is a database in a place where programs have none",
         hint=_DATA),
    Kind(name="database-dump", message="{path} is the dump of a database", hint=_DATA),
    Kind(name="mailbox", message="{path} holds mail, addresses of people or appointments",
         hint=_DATA),
    Kind(name="network-capture", message="{path} is a recording of network traffic", hint=_DATA),
    Kind(name="archive-limit", message="{path} is an archive that is too large to be looked into",
         hint="Leave it out with `exclude`, or allow it if you know what it holds."),
    Kind(name="closed-archive", message="{path} is encrypted, or packed in a way that cannot be "
         "looked into",
         hint="Leave it out with `exclude`, replace it by what it holds, or allow it if you know "
         "that."),
    Kind(name="host-name", message="{path} names the source machine or its domain", hint=_TAKE_OUT),
    Kind(name="user-name", message="{path} names a user of the source machine", hint=_TAKE_OUT),
    Kind(name="real-name", message="{path} holds the real name of a user", hint=_TAKE_OUT),
    Kind(name="mail-address", message="{path} holds the mail address of a user", hint=_TAKE_OUT),
    Kind(name="machine-id", message="{path} holds the id of the source machine", hint=_TAKE_OUT),
    Kind(name="network-card", message="{path} holds the hardware address of one of the source "
         "machine's devices", hint=_TAKE_OUT),
    Kind(name="network-name", message="{path} names a wireless network that the machine used",
         hint=_TAKE_OUT),
    Kind(name="network-address", message="{path} holds a public address of the source machine",
         hint=_TAKE_OUT),
    Kind(name="disk-id", message="{path} names one of the source machine's disks", hint=_TAKE_OUT),
    Kind(name="host-key", message="{path} holds the public host key of the source machine",
         hint=_TAKE_OUT),
)  # fmt: skip

KIND_OF: Final[Mapping[str, Kind]] = MappingProxyType({kind.name: kind for kind in KINDS})
