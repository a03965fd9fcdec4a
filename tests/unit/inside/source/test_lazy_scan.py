"""Of many snapshots, a scan examines those that a selector may mean, and decides as one of all."""

from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from builder.basics.errors import BuilderError
from builder.border.cache_report import CacheReport
from builder.host.source.selection import choose
from builder.inside.linux.btrfs import Subvolume
from builder.inside.source import scan as module
from builder.inside.source import snapshots
from builder.inside.source.scan import scan_cache
from builder.inside.source.unfinished import mark
from tests.support.trees import make_cache, make_system, put

INFO = "<snapshot><type>single</type><num>{}</num><date>2026-06-{} 12:30:05</date></snapshot>"
DAMAGED = {"1", "6", "9"}  # empty, half written, without a kernel
WRITABLE = "8"


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with nine snapshots, one a day, and a raw one of the sixth day."""

    def seen(path: Path) -> Subvolume | None:
        name = path.parent.name if path.name == "snapshot" else path.name
        return Subvolume(id=1, uuid=name, read_only=name != WRITABLE, created=0, changed=0)

    monkeypatch.setattr(snapshots, "subvolume", seen)
    base = make_cache(tmp_path / "cache")
    folder = base / ".rootfs_cache/.snapshots"
    for number in range(1, 10):
        put(folder, f"{number}/info.xml", INFO.format(number, 10 + number))
        (folder / f"{number}/snapshot").mkdir()
        if number > 1:
            make_system(folder / f"{number}/snapshot")
    mark(folder / "6/snapshot", now=1)
    (folder / "9/snapshot/boot").rename(tmp_path / "boot")
    make_system(folder / "@2026-06-16_12:30")
    return base


@pytest.fixture
def examined(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Return how many trees were examined since the last call."""
    usual, count = module._inspect, [0]

    def counted(tree):  # type: ignore[no-untyped-def]
        count[0] += 1
        return usual(tree)

    def taken() -> int:
        number, count[0] = count[0], 0
        return number

    monkeypatch.setattr(module, "_inspect", counted)
    return taken


ALL = 11  # with the cache itself


@pytest.mark.parametrize(
    ("wanted", "trees"),
    [
        ("latest", 3),  # the newest one is broken, and the next one writable
        ("3", 2),
        ("@2026-06-16_12:30", 2),
        ("cache", 1),
        ("2026-06-13", 4),  # and its neighbours, since days are the user's
        ("1", ALL),  # the error names what can be built
        ("6", ALL),
        ("2026-06-30", ALL),
        ("12", ALL),
        ("", ALL),
    ],
)
def test_no_more_is_examined_than_is_needed_for_the_same_answer(
    base: Path, examined: Callable[[], int], wanted: str, trees: int
) -> None:
    lazy = scan_cache(base, wanted=wanted)
    assert examined() == trees
    whole = scan_cache(base)
    names = [[each.selector for each in report.candidates] for report in (lazy, whole)]
    assert names[0] == names[1]
    for zone in (UTC, ZoneInfo("Pacific/Kiritimati"), ZoneInfo("Pacific/Pago_Pago")):
        assert said(lazy, wanted, zone) == said(whole, wanted, zone)


def said(report: CacheReport, wanted: str, zone: tzinfo) -> object:
    """Return what is chosen, or why nothing is."""
    try:
        return choose(report, wanted, zone=zone)
    except BuilderError as error:
        return (type(error), str(error), error.advice)


def test_what_was_not_examined_is_never_taken_for_complete(base: Path) -> None:
    found = {each.selector: each for each in scan_cache(base, wanted="3").candidates}
    assert found["3"].complete
    assert (found["5"].examined, found["5"].complete, found["5"].problems) == (False, False, ())
    assert found["5"].taken == int(datetime(2026, 6, 15, 12, 30, 5, tzinfo=UTC).timestamp())
