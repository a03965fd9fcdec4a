"""None of our units waits for what waits for it: systemd would leave one of both out."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from builder import inside

UNITS = sorted((Path(inside.__file__).parent / "files").glob("*.service"))


def words(unit: Path, name: str) -> Iterator[str]:
    for line in unit.read_text().splitlines():
        key, _, value = line.partition("=")
        if key == name:
            yield from value.split()


def test_there_are_units() -> None:
    assert len(UNITS) >= 5


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_what_comes_before_early_units_does_not_wait_for_them(unit: Path) -> None:
    """systemd.service(5), "Default Dependencies": a service is after basic.target.

    That is after every socket, timer, path and mount.
    """
    early = [each for each in words(unit, "Before") if not each.endswith(".service")]
    if "no" in words(unit, "DefaultDependencies"):
        assert "shutdown.target" in early
        assert "shutdown.target" in words(unit, "Conflicts")
    else:
        assert early == []
