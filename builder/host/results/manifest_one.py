"""Manifests of format 1, which named every changed path, and the user's own words.

Nothing writes them any more. One is read as a manifest of today and its private file in one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from builder.basics.codec import Read, read_data
from builder.formats.changes import ChangedPath, count_changes
from builder.formats.manifest import Manifest, check_no_null
from builder.formats.private_record import PRIVATE_FORMAT, PrivateFile, PrivateRecord
from builder.formats.private_settings import private_settings

_CHANGES: Final = "changes"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Snapshot:
    """What format 1 said of a snapshot, and format 2 does not."""

    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Own:
    """What only format 1 has."""

    snapshot: _Snapshot
    changes: tuple[ChangedPath, ...] | None = None


def manifest_of_format_one(data: Mapping[str, object]) -> tuple[Read[Manifest], PrivateFile]:
    """Return the manifest in a JSON object, and what it says that is private today.

    The recipe keeps its private settings. Raises ValueError as `manifest_of` does.
    """
    check_no_null(data)
    own = read_data(_Own, data)
    rest = {name: value for name, value in data.items() if name != _CHANGES}
    snapshot = data["snapshot"]
    assert isinstance(snapshot, Mapping)  # or it could not have been read
    rest["snapshot"] = {name: value for name, value in snapshot.items() if name != "description"}
    read = read_data(Manifest, rest)
    changes = own.value.changes
    private = PrivateFile(
        format=PRIVATE_FORMAT,
        key="",
        description=own.value.snapshot.description,
        left_out=(),
        record=PrivateRecord(
            settings=private_settings(read.value.recipe), changes=changes or (), findings=()
        ),
    )
    return Read(
        value=replace(read.value, changes=None if changes is None else count_changes(changes)),
        unknown=(*read.unknown, *(each for each in own.unknown if each.place[0] == _CHANGES)),
        absent=tuple(place for place in read.absent if place != (_CHANGES,) or changes is None),
    ), private
