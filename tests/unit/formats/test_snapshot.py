"""A snapshot has the same name on every machine."""

import pytest

from builder.basics.codec import to_data
from builder.formats.snapshot import SnapshotKind, snapshot_name


@pytest.mark.parametrize(
    ("selector", "kind", "number"),
    [
        ("3", SnapshotKind.SNAPPER, 3),
        ("3", SnapshotKind.RAW, None),
        ("@2026-06-17_14:30", SnapshotKind.RAW, None),
        ("cache", SnapshotKind.CACHE, None),
    ],
)
def test_a_snapshot_is_named_without_paths(
    selector: str, kind: SnapshotKind, number: int | None
) -> None:
    name = snapshot_name(selector, kind=kind, taken=1_750_170_600)
    assert to_data(name) == {
        "selector": selector,
        "kind": kind.value,
        "number": number,
        "taken": "2025-06-17T14:30:00Z",
    }
    assert name.seconds == 1_750_170_600
