"""What of a cache's state is a reason to worry."""

from datetime import UTC, datetime, timedelta

import pytest

from builder.border.backups import StoredSnapshot
from builder.host.backup.status import Status, judged, readable_age
from tests.support.stored import seconds, state, stored

NOW = datetime(2026, 6, 20, 14, 30, tzinfo=UTC)


def judge(
    *snapshots: StoredSnapshot,
    max_age: timedelta | None = None,
    began: int | None = None,
    running: bool = False,
) -> Status:
    found = state(*snapshots, began=began, running=running)
    return judged(found, now=NOW, zone=UTC, max_age=max_age)


def test_a_fresh_complete_snapshot_is_no_reason_to_worry() -> None:
    found = judge(stored("1"), stored("2", complete=False), max_age=timedelta(days=3))
    assert found.newest is not None
    assert (found.newest.selector, found.age, found.troubles) == ("1", timedelta(days=3), ())


def test_an_old_one_is_if_somebody_asked() -> None:
    assert judge(stored("1")).troubles == ()
    found = judge(stored("1"), max_age=timedelta(hours=71))
    (told,) = found.troubles
    assert told == (
        "The newest complete snapshot is 3 days old: make a backup; why a schedule did not, "
        "`journalctl -u distroclone-builder-backup.service` says"
    )


def test_a_cache_without_a_complete_one_is() -> None:
    assert judge(stored("1", complete=False)).troubles == (
        "There is no complete snapshot: make a backup",
    )
    assert judge().age is None


def test_a_backup_that_did_not_finish_is_and_one_that_runs_is_not() -> None:
    began = seconds("2026-06-20 02:00")
    assert judge(stored("1"), began=began).troubles == (
        "The backup of 2026-06-20 02:00 did not finish: make another one, which goes on with it",
    )
    assert judge(stored("1"), began=began, running=True).troubles == ()


@pytest.mark.parametrize(("began", "shown"), [(10**60, "9999-12-31"), (-(10**60), "1970-01-01")])
def test_a_mark_with_a_moment_that_no_calendar_has_is_a_reason_like_any_other(
    began: int, shown: str
) -> None:
    found = judge(stored("1"), began=began)
    assert found.troubles == (
        f"The backup of {shown} 00:00 did not finish: make another one, which goes on with it",
    )


@pytest.mark.parametrize(
    ("age", "shown"),
    [
        (timedelta(seconds=-5), "0 minutes"),
        (timedelta(minutes=119), "119 minutes"),
        (timedelta(hours=47, minutes=59), "47 hours"),
        (timedelta(days=400), "400 days"),
    ],
)
def test_an_age_is_told_in_its_largest_unit(age: timedelta, shown: str) -> None:
    assert readable_age(age) == shown
