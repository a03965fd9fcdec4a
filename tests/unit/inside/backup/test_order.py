"""Snapshots of both kinds come in the order of their making, whatever clocks said."""

from pathlib import Path

import pytest

from builder.formats.snapshot import SnapshotKind
from builder.inside.backup.stored import in_order
from builder.inside.linux.btrfs import Subvolume
from builder.inside.source.snapshots import FoundSnapshot


def found(selector: str, number: int, *, taken: int = 0) -> FoundSnapshot:
    raw = selector.startswith("@")
    return FoundSnapshot(
        selector=selector,
        kind=SnapshotKind.RAW if raw else SnapshotKind.SNAPPER,
        path=Path(selector),
        taken=taken,
        description="",
        size="",
        subvolume=Subvolume(id=number, uuid=selector, read_only=True, created=0, changed=0),
        routine=True,
    )


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ({"@a": 300, "1": 301, "2": 302}, ["@a", "1", "2"]),
        ({"1": 300, "@a": 301, "2": 302, "@b": 303}, ["1", "@a", "2", "@b"]),
        ({"10": 310, "9": 309, "@a": 320}, ["9", "10", "@a"]),
        # Sent to another volume, the newest one first: the numbers are right.
        ({"1": 303, "2": 302, "3": 301, "@a": 304}, ["1", "2", "3", "@a"]),
    ],
)
def test_the_numbers_count_and_raw_ones_lie_where_their_ids_say(
    ids: dict[str, int], expected: list[str]
) -> None:
    one = [found(selector, number) for selector, number in ids.items()]
    assert [each.selector for each in in_order(one)] == expected
    assert [each.selector for each in in_order(reversed(one))] == expected


def test_a_clock_that_was_set_back_changes_nothing() -> None:
    ordered = in_order([found("@2026-06-01_12:00", 301, taken=9), found("1", 300, taken=99)])
    assert [each.selector for each in ordered] == ["1", "@2026-06-01_12:00"]
