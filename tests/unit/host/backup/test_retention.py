"""Which old snapshots go, and which never do."""

from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo

import pytest

from builder.border.backups import StoredSnapshot
from builder.host.backup.retention import Retention, moment, superfluous
from tests.support.stored import stored

BERLIN = ZoneInfo("Europe/Berlin")


def gone(snapshots: list[StoredSnapshot], *, zone: tzinfo = BERLIN, **kept: int) -> list[str]:
    found = superfluous(snapshots, Retention(**kept), zone=zone)
    return [each.selector for each in found]


def of_days(*days: int) -> list[StoredSnapshot]:
    """One snapshot a day, numbered from 1 on."""
    return [stored(str(n), f"2026-06-{day:02} 12:00") for n, day in enumerate(days, start=1)]


@pytest.mark.parametrize(("count", "expected"), [(9, []), (10, []), (12, ["1", "2"])])
def test_ten_are_kept_unless_somebody_says_else(count: int, expected: list[str]) -> None:
    assert gone(of_days(*range(1, count + 1))) == expected


def test_of_each_day_the_newest_is_kept_besides_the_last_ones() -> None:
    twice_a_day = [
        stored(str(2 * day + half + 1), f"2026-06-{day + 1:02} {6 + 12 * half:02}:00")
        for day in range(5)
        for half in (0, 1)
    ]
    assert gone(twice_a_day, last=1, daily=3) == ["1", "2", "3", "4", "5", "7", "9"]


def test_days_without_a_snapshot_are_no_days() -> None:
    assert gone(of_days(1, 2, 20, 28), last=1, daily=3) == ["1"]


def test_weeks_and_months_are_those_of_the_calendar() -> None:
    snapshots = [
        stored("1", "2026-04-30 12:00"), stored("2", "2026-05-03 12:00"),  # Thursday, Sunday
        stored("3", "2026-05-04 12:00"), stored("4", "2026-05-31 12:00"),
        stored("5", "2026-06-01 12:00"),
    ]  # fmt: skip
    assert gone(snapshots, last=1, weekly=4) == ["1"]
    assert gone(snapshots, last=1, monthly=2) == ["1", "2", "3"]
    assert gone(snapshots, last=1, monthly=3) == ["2", "3"]


def test_a_day_begins_where_the_user_lives() -> None:
    late = [stored("1", "2026-06-01 21:30"), stored("2", "2026-06-01 22:30")]
    assert gone(late, last=1, daily=2) == []  # 23:30, and 00:30 of the next day
    assert gone(late, last=1, daily=2, zone=UTC) == ["1"]


def test_a_raw_name_is_of_the_users_clock_already() -> None:
    assert f"{moment(stored('@2026-06-01_23:30', '2026-06-01 23:30'), zone=BERLIN):%H}" == "23"
    assert f"{moment(stored('1', '2026-06-01 21:30'), zone=BERLIN):%H}" == "23"


def test_what_a_person_made_counts_for_nothing_and_stays() -> None:
    mine = stored("2", routine=False)
    assert gone([stored("1"), mine, stored("3"), stored("4")], last=2) == ["1"]


def test_the_newest_complete_one_stays_whoever_made_it() -> None:
    assert gone([stored("1"), stored("2", complete=False)], last=1) == []
    assert gone([stored("1", routine=False), stored("2", complete=False)], last=1) == []


def test_an_incomplete_one_goes_when_all_others_of_its_age_do() -> None:
    empty = stored("1", complete=False)
    assert gone([empty, stored("2"), stored("3")], last=2) == ["1"]
    between = [stored("1"), stored("2", complete=False), stored("3")]
    assert gone(between, last=2) == []
    assert gone(between, last=1) == ["1", "2"]


def test_a_clock_that_went_wrong_does_not_make_the_newest_one_old() -> None:
    """Snapshots are in the order of their making, not of their dates."""
    future = [stored(str(number), "2099-01-01 12:00") for number in range(1, 4)]
    assert gone([*future, stored("4", "2026-06-01 12:00")], last=1) == ["1", "2", "3"]


def test_nothing_goes_where_there_is_nothing() -> None:
    assert gone([]) == []


@pytest.mark.parametrize("zone", [BERLIN, ZoneInfo("America/New_York")])
def test_a_snapshot_of_the_end_of_time_is_counted_by_its_number(zone: tzinfo) -> None:
    snapshots = [stored(str(n), "9999-12-31 23:59") for n in (1, 2, 3)]
    assert gone(snapshots, zone=zone, last=1, daily=2) == ["1", "2"]
