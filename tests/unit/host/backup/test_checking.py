"""What a check of a cache complains about, and what it does not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from builder.border.backups import CacheState, Checked, CheckedSnapshot, Wholeness
from builder.host.backup.checking import Scrub, last_scrub, troubles_of
from tests.support.stored import state, stored

NOW = datetime(2026, 6, 20, 14, 30, tzinfo=UTC)
FSID = "0f3a9c9e-3d0e-4a53-8f5b-6a7c1b2d3e4f"
DISTRO = "Debian GNU/Linux 13 (trixie)"


def checked(*snapshots: CheckedSnapshot, of: CacheState | None = None, **more: object) -> Checked:
    given: dict[str, object] = {
        "state": of or state(stored("1")), "snapshots": snapshots, "filesystem": FSID, "read": 0,
        "device_errors": (), "tree_distro": DISTRO,
    }  # fmt: skip
    return Checked(**(given | more))  # type: ignore[arg-type]


def snapshot(wholeness: Wholeness, *, read_only: bool = True, path: str = "") -> CheckedSnapshot:
    reason = "Input/output error" if path else ""
    return CheckedSnapshot(
        selector="1", wholeness=wholeness, read_only=read_only, path=path, reason=reason
    )


def troubles(found: Checked, *, scrub: Scrub | None = None) -> tuple[str, ...]:
    return troubles_of(found, now=NOW, zone=UTC, scrub=scrub)


@pytest.mark.parametrize("how", [Wholeness.WHOLE, Wholeness.INCOMPLETE, Wholeness.UNKNOWN])
def test_what_is_as_it_was_or_cannot_be_known_is_no_trouble(how: Wholeness) -> None:
    assert troubles(checked(snapshot(how))) == ()


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (snapshot(Wholeness.CHANGED), "Snapshot 1 is not what was backed up: files in it were"),
        (
            snapshot(Wholeness.DAMAGED, path="/etc/shadow"),
            "Snapshot 1 is damaged: /etc/shadow cannot be read: Input/output error",
        ),
        (snapshot(Wholeness.DAMAGED), "Snapshot 1 is damaged: it cannot be read to its end"),
        (snapshot(Wholeness.WHOLE, read_only=False), "Snapshot 1 can be written to"),
    ],
)
def test_each_snapshot_says_what_is_wrong_with_it(found: CheckedSnapshot, said: str) -> None:
    (only,) = troubles(checked(found))
    assert only.startswith(said)


def test_what_the_status_finds_is_found_too() -> None:
    assert troubles(checked(of=state(began=5)))[0] == "There is no complete snapshot: make a backup"
    old = troubles_of(checked(), now=NOW, zone=UTC, scrub=None, max_age=timedelta(hours=1))
    assert [each.split(":")[0] for each in old] == ["The newest complete snapshot is 3 days old"]


def test_disks_that_had_errors_are_trouble() -> None:
    (said,) = troubles(checked(device_errors=("1: corruption_errs 3",)))
    assert said == "The kernel has counted errors of the disks: 1: corruption_errs 3"
    assert troubles(checked(), scrub=Scrub(began=1_781_000_000, finished=True, errors=0)) == ()
    (said,) = troubles(checked(), scrub=Scrub(began=1_781_000_000, finished=True, errors=2))
    assert "2 errors that it could not correct" in said


def test_a_volume_that_is_nearly_full_is_trouble() -> None:
    full = replace(state(stored("1")), free=1 << 30, total=50 << 30)
    (said,) = troubles(checked(of=full))
    assert said == "The volume is nearly full: 1.0 GiB are free"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"date": ""}, "no metadata"),
        ({"date": "yesterday"}, "invalid date: yesterday"),
        ({"date": "2026-06-15 14:30:05"}, "older than the newest snapshot"),
        ({"distro": "Ubuntu"}, "names Ubuntu, and the copy is of Debian"),
    ],
)
def test_metadata_that_is_not_true_is_trouble(change: dict[str, str], said: str) -> None:
    (only,) = troubles(checked(of=replace(state(stored("1")), **change)))  # type: ignore[arg-type]
    assert said in only


def test_a_zone_away_and_signs_for_a_shell_are_no_lie() -> None:
    west = replace(state(stored("1")), date="2026-06-16 15:00:05")
    assert troubles(checked(of=west)) == ()
    named = replace(state(stored("1")), distro="My OS  x")
    assert troubles(checked(of=named, tree_distro='My "OS" $x')) == ()


SCRUB = (
    "scrub status:1\n"
    f"{FSID}:1|data_extents_scrubbed:3|uncorrectable_errors:0|t_start:1781000000|t_resumed:0|"
    "duration:9|canceled:0|finished:1\n"
    f"{FSID}:2|data_extents_scrubbed:3|uncorrectable_errors:4|t_start:1781000050|finished:0\n"
)


def test_the_last_scrub_is_read_where_it_can_be(tmp_path: Path) -> None:
    assert last_scrub(FSID, folder=tmp_path) is None
    (tmp_path / f"scrub.status.{FSID}").write_text("scrub status:1\n")
    assert last_scrub(FSID, folder=tmp_path) is None
    (tmp_path / f"scrub.status.{FSID}").write_text(SCRUB)
    found = last_scrub(FSID, folder=tmp_path)
    assert found == Scrub(began=1_781_000_000, finished=False, errors=4)
