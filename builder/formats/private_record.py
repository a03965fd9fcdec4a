"""The private file of a build: docs/private-file.md explains every field.

It lies beside the ISO, for whoever built it, and holds what the published files only count: paths,
patterns, descriptions. Nothing that is published contains or lists it.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from builder.basics.codec import Read, read_data, to_data
from builder.formats.changes import ChangedPath

PRIVATE_FORMAT: Final = 1
_ALGORITHM: Final = "hmac-sha256"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPath:
    """A place in the ISO where something private was found, and let through."""

    path: str
    rule: str
    where: str  # "system", or "initramfs" and its version


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOutPath:
    """A path of the source that was never copied, with everything below it."""

    path: str
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateRecord:
    """What follows from the source tree and the recipe, so that a rebuild gives the same."""

    settings: Mapping[str, tuple[str, ...]]  # the recipe's private ones, by dotted name
    changes: tuple[ChangedPath, ...]  # in the order in which they happened
    findings: tuple[FoundPath, ...]
    # What the source has, and the ISO not or otherwise: the ten fields of each record, as text.
    # None where there are too many, and in files of earlier versions.
    originals: tuple[tuple[str, ...], ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateFile:
    """Everything in a private file.

    What stands beside `record` says more of the source than its digest names (the name of the
    snapshot, what was never read), so a rebuild from another copy of the tree may differ there.
    """

    format: int
    key: str  # 64 hexadecimal digits; "" where the source has nothing to make one from
    description: str  # the snapshot's own
    left_out: tuple[LeftOutPath, ...]
    record: PrivateRecord


def private_text(private: PrivateFile) -> str:
    """Return the text of a private file."""
    data = to_data(private) | {"record": _record_data(private.record)}
    return json.dumps(data, indent=2, sort_keys=True) + "\n"


def private_of(data: object) -> Read[PrivateFile]:
    """Return the private file in JSON data. Raises ValueError, naming the place."""
    return read_data(PrivateFile, data)


def record_digest(record: PrivateRecord, *, key: str) -> str | None:
    """Return what a manifest says of a record; None without a key, since anyone could guess then.

    The names in a record are few and guessable ("/etc/wireguard/acme.conf"), so a plain digest of
    them would confirm a guess. `key` is as secret as the most secret thing in the source tree.
    """
    if not key:
        return None
    text = json.dumps(_record_data(record), sort_keys=True, separators=(",", ":"))
    found = hmac.new(bytes.fromhex(key), text.encode("ascii"), hashlib.sha256)
    return f"{_ALGORITHM}:{found.hexdigest()}"


def _record_data(record: PrivateRecord) -> dict[str, Any]:
    data: dict[str, Any] = to_data(record)
    if data["originals"] is None:  # as in files of earlier versions, so that their digest holds
        del data["originals"]
    return data
