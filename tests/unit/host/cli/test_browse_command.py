"""`browse`: what a snapshot has, in lines that do nothing to a terminal, and as data."""

import json
from pathlib import Path

import pytest

from builder.border.backups import BrowseRequest, Change, ListedEntry, Listing
from builder.border.jobs import BACKUP_STATE, BROWSE
from builder.formats.inventory import EntryType
from builder.host.backup import browsing
from builder.host.cli import main
from builder.host.command_line.surroundings import Surroundings
from tests.support.fake_engine import FakeEngine, answering
from tests.support.stored import seconds, state, stored

CACHE = ("--cache", "/mnt/x")


def entry(path: str, *, target: str = "", change: Change | None = None) -> ListedEntry:
    return ListedEntry(
        path=path, type=EntryType.LINK if target else EntryType.FILE, mode=0o4755, uid=0, gid=1000,
        size=0 if target else 2048, mtime=seconds("2026-06-17 14:30"), target=target, change=change,
    )  # fmt: skip


def engine_with(*entries: ListedEntry, count: int | None = None) -> FakeEngine:
    found = state(
        stored("1", "2001-06-01 12:00"),
        stored("2", "2001-06-02 12:00", complete=False),
        stored("3", "2001-06-03 12:00"),
    )
    listing = Listing(entries=entries, count=len(entries) if count is None else count)
    return FakeEngine(
        answers={BACKUP_STATE.name: answering(found), BROWSE.name: answering(listing)}
    )


def ran(engine: FakeEngine, *words: str) -> int:
    return main.run(
        ["browse", *words, *CACHE], surroundings=Surroundings(open_engine=lambda: engine)
    )


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")


def test_people_get_a_line_for_each_name(capsys: pytest.CaptureFixture[str]) -> None:
    engine = engine_with(entry("/bin/su"), entry("/bin/sh", target="dash"))
    assert ran(engine, "latest", "/bin") == 0
    assert capsys.readouterr().out.splitlines() == [
        "-rwsr-xr-x  0:1000  2.0 KiB  2026-06-17 14:30  /bin/su",
        "lrwsr-xr-x  0:1000  -        2026-06-17 14:30  /bin/sh -> dash",
    ]
    expected = BrowseRequest(path="/bin", pattern=None, compared=False, most=browsing.MOST)
    assert engine.asked(BROWSE) == [expected]
    assert [(each.source, each.read_only) for each in engine.specs[-1].binds] == [
        ("/mnt/x/.rootfs_cache/.snapshots/3/snapshot", True)
    ]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("two\nlines\\n", r"two\nlines\\n"),
        ("\udcff\xa0", r"\xff\u00a0"),
        ("odt.\u202egpj", r"odt.\u202egpj"),
        ("\U000e0041", r"\U000e0041"),
        ("Grüße 你好", "Grüße 你好"),
    ],
)
def test_no_name_does_anything_to_a_terminal_and_programs_get_it_as_it_is(
    capsys: pytest.CaptureFixture[str], name: str, shown: str
) -> None:
    engine = engine_with(entry(f"/home/{name}", target=name))
    assert ran(engine, "3") == 0
    assert capsys.readouterr().out.endswith(f"  /home/{shown} -> {shown}\n")
    assert ran(engine, "3", "--json") == 0
    data = json.loads(capsys.readouterr().out.splitlines()[-1])["data"]
    assert (data["entries"][0]["path"], data["entries"][0]["target"]) == (f"/home/{name}", name)
    assert (data["selector"], data["count"]) == ("3", 1)


def test_two_snapshots_are_compared(capsys: pytest.CaptureFixture[str]) -> None:
    engine = engine_with(entry("/etc/a", change=Change.DELETED))
    assert ran(engine, "latest", "/etc", "--changed-since", "1", "--find", "a") == 0
    assert capsys.readouterr().out.startswith("deleted  -rwsr-xr-x")
    expected = BrowseRequest(path="/etc", pattern="a", compared=True, most=browsing.MOST)
    assert engine.asked(BROWSE) == [expected]
    assert [(Path(each.source).parent.name, each.read_only) for each in engine.specs[-1].binds] == [
        ("3", True), ("1", True),
    ]  # fmt: skip


def test_nothing_and_too_much_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert ran(engine_with(), "latest", "--find", "x") == 0
    assert capsys.readouterr().out == "Nothing to list\n"
    assert ran(engine_with(entry("/etc/a"), count=12_001), "latest") == 0
    assert "and 12000 more" in capsys.readouterr().out


def test_an_incomplete_snapshot_is_listed_with_a_warning(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert ran(engine_with(entry("/etc")), "2") == 0
    captured = capsys.readouterr()
    assert "Snapshot 2 is not complete" in captured.out + captured.err


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("4",), "The cache has no snapshot 4"),
        (("1", "--changed-since", "2001-06-09"), "The cache has no snapshot 2001-06-09"),
        (("latest", "--changed-since", "3"), "Both are snapshot 3"),
        (("",), "The cache has no snapshot"),
    ],
)
def test_a_snapshot_that_is_not_there_is_said(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], reason: str
) -> None:
    engine = engine_with()
    assert ran(engine, *words) == 2
    assert reason in capsys.readouterr().err
    assert engine.asked(BROWSE) == []
