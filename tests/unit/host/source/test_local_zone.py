"""The user's time zone, also where TZ is no zone's name."""

from datetime import UTC, datetime, timedelta

import pytest

from builder.host.source.local_zone import local_zone


@pytest.mark.parametrize("name", ["Europe/Rome", ":Europe/Rome"])
def test_the_zone_that_tz_names_is_taken(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("TZ", name)
    assert datetime(2026, 6, 17, tzinfo=local_zone()).utcoffset() == timedelta(hours=2)


@pytest.mark.parametrize("name", ["CET-1CEST,M3.5.0,M10.5.0/3", "No/Such_Zone", "/etc/x", "../x"])
def test_a_tz_that_names_no_zone_is_utc(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("TZ", name)
    assert local_zone() is UTC
