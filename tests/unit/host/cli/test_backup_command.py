"""`backup`, `backup status`, `delete` and `restore`: words, JSON and exit codes."""

import json
import stat
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from builder.basics.errors import HostError, SourceError
from builder.border.backups import (
    CacheState,
    Checked,
    CheckedSnapshot,
    CheckRequest,
    Restored,
    SnapshotName,
    Wholeness,
)
from builder.border.jobs import (
    BACKUP,
    BACKUP_STATE,
    CHECK_CACHE,
    DELETE_CACHE,
    DELETE_SNAPSHOTS,
    RESTORE,
)
from builder.border.requests import Nothing
from builder.host.backup import timer
from builder.host.cli import main
from builder.host.cli.root import cli
from builder.host.command_line.surroundings import Surroundings
from tests.support.fake_engine import FakeEngine, answering, without_engine
from tests.support.stored import backed_up, state, stored


def command(engine: FakeEngine, *words: object) -> int:
    surroundings = Surroundings(open_engine=lambda: engine)
    return main.run([*map(str, words)], surroundings=surroundings)


def ran(engine: FakeEngine, *words: object) -> int:
    return command(engine, "backup", *words)


@pytest.fixture
def engine() -> FakeEngine:
    done = backed_up(stored("1"), stored("2"), stored("3"))
    return FakeEngine(
        answers={BACKUP.name: answering(done), DELETE_SNAPSHOTS.name: answering(Nothing())}
    )


def test_a_backup_says_what_it_did(
    engine: FakeEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ran(engine, "--source", tmp_path, "--keep-last", 2, "--cache", "/mnt/x") == 0
    out = capsys.readouterr().out
    assert "Kept snapshot 3 of 2026-06-17 14:30:05" in out
    assert "200000, of which 12 were copied" in out
    assert "deleted: 1" in out


def test_programs_get_the_same_as_data(
    engine: FakeEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ran(engine, "--source", tmp_path, "--json", "--keep-last", 1, "--new") == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["event"] == "result"
    assert (result["data"]["selector"], result["data"]["deleted_snapshots"]) == ("3", ["1", "2"])
    assert engine.asked(BACKUP)[0].new


@pytest.mark.parametrize(
    ("words", "expected"),
    [((), ["1"]), (("--keep-last", 10), ["1", "2", "3"]), (("--keep-weekly", 1), ["1", "2", "3"])],
)
def test_a_cache_that_another_program_filled_does_not_shrink_unasked(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: tuple[object, ...],
    expected: list[str],
) -> None:
    done = backed_up(*(stored(str(number)) for number in range(1, 14)))
    engine = FakeEngine(
        answers={BACKUP.name: answering(done), DELETE_SNAPSHOTS.name: answering(Nothing())}
    )
    assert ran(engine, "--source", tmp_path, "--json", *words) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["data"]["deleted_snapshots"] == expected


def test_what_the_user_leaves_out_comes_before_all_else(engine: FakeEngine, tmp_path: Path) -> None:
    assert ran(engine, "--source", tmp_path, "--exclude", "/opt/a", "--exclude", "/opt/b*") == 0
    assert engine.asked(BACKUP)[0].filters[:2] == ("- /opt/a", "- /opt/b*")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--exclude", "opt"), "is not a valid exclude pattern"),
        (("--keep-last", "0"), "is not in the range x>=1"),
        (("--keep-daily", "-1"), "is not in the range x>=0"),
        (("--source", "/nowhere/at/all"), "There is no folder at /nowhere/at/all"),
        (("status", "--max-age", "soon"), 'Invalid time "soon"'),
        (("--cache", "/mnt/x", "status"), "--cache stands before status, where it would be"),
        (("--keep-daily", "0", "status"), "--keep-daily stands before status"),
        (("--new", "schedule", "daily"), "--new stands before schedule"),
        (("schedule", "daily", "--off"), "--off stands alone"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    engine: FakeEngine, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], reason: str
) -> None:
    assert ran(engine, *words) in (2, 4)
    assert reason in capsys.readouterr().err
    assert engine.specs == []


def test_no_engine_is_asked_for_help() -> None:
    surroundings = Surroundings(open_engine=without_engine)
    with pytest.raises(SystemExit) as caught:
        cli.main(["backup", "--help"], obj=surroundings)
    assert caught.value.code == 0


def status_of(
    capsys: pytest.CaptureFixture[str], found: CacheState, *words: str
) -> tuple[int, str]:
    code = ran(FakeEngine(answers={BACKUP_STATE.name: answering(found)}), "status", *words)
    return code, capsys.readouterr().out


def test_the_status_of_a_good_cache(capsys: pytest.CaptureFixture[str]) -> None:
    code, out = status_of(capsys, state(stored("1", "2026-06-16 14:30"), stored("2")))
    assert code == 0
    assert "2 complete of 2" in out
    assert "5.0 GiB of 50.0 GiB" in out
    assert "Warning" not in out


@pytest.mark.parametrize("words", [("status",), ("--new",)])
def test_where_there_is_no_cache_the_folder_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, words: tuple[str, ...]
) -> None:
    nothing = answering(SourceError("There is no backup cache in this folder", hint="Mount it."))
    engine = FakeEngine(answers={BACKUP_STATE.name: nothing, BACKUP.name: nothing})
    source = ("--source", tmp_path) if words == ("--new",) else ()
    assert ran(engine, *words, "--cache", "/mnt/usb", *source) == 4
    said = capsys.readouterr().err
    assert "There is no backup cache in this folder" in said
    assert "The cache is /mnt/usb" in said


def test_who_else_is_at_work_is_said_of_which_cache(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    busy = answering(HostError("Another backup, or a deletion, is at work", hint="Wait for it."))
    engine = FakeEngine(answers={BACKUP.name: busy})
    assert ran(engine, "--cache", "/mnt/usb", "--source", tmp_path) == 3
    assert "The cache is /mnt/usb" in capsys.readouterr().err


def test_monitoring_learns_of_trouble_by_the_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    code, out = status_of(capsys, state(stored("1", "2001-06-16 14:30")), "--max-age", "2d")
    assert (code, "Warning: The newest complete snapshot is" in out) == (8, True)
    code, out = status_of(capsys, state(began=5), "--json")
    assert code == 8
    data = json.loads(out.splitlines()[-1])["data"]
    assert (data["age"], data["running"], len(data["troubles"])) == (None, False, 2)


def test_a_backup_that_runs_is_told_and_is_no_trouble(capsys: pytest.CaptureFixture[str]) -> None:
    code, out = status_of(capsys, state(stored("1"), began=5, running=True))
    assert (code, "A backup is running." in out) == (0, True)


@pytest.fixture
def units(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in the place of systemd's."""
    monkeypatch.setattr(timer, "UNITS", tmp_path / "units")
    monkeypatch.setattr(sys, "argv", ["/usr/bin/true"])
    (tmp_path / "units").mkdir()
    return tmp_path / "units"


def test_a_schedule_is_shown_written_known_to_status_and_removed(
    units: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    monkeypatch.setattr(timer, "_systemctl", lambda *words: asked.append(words))
    words = ("schedule", "weekly", "--cache", "/mnt/x", "--keep-last", 3)
    assert ran(FakeEngine(), *words, "--dry-run") == 0
    shown = capsys.readouterr().out
    assert "OnCalendar=weekly" in shown
    assert [*units.iterdir()] == []
    assert ran(FakeEngine(), "--engine", "podman", *words) == 0
    service = (units / "distroclone-builder-backup.service").read_text()
    assert "ExecStart=/usr/bin/true --engine=podman backup --cache=/mnt/x --keep-last=3" in service
    assert asked == [("daemon-reload",), ("enable", "--now", "distroclone-builder-backup.timer")]
    capsys.readouterr()
    monkeypatch.setattr(timer, "_asked", lambda words: done(words, "Mon 2026-06-22 00:00:00 UTC"))
    _code, out = status_of(capsys, state(stored("1")), "--cache", "/mnt/x")
    assert "Next run     Mon 2026-06-22 00:00:00 UTC" in out
    _code, out = status_of(capsys, state(stored("1")), "--cache", "/mnt/other")
    assert "Next run     no schedule" in out
    assert ran(FakeEngine(), "schedule") == 0
    assert "Next backup: Mon 2026-06-22" in capsys.readouterr().out
    assert ran(FakeEngine(), "schedule", "--off") == 0
    assert [*units.iterdir()] == []
    assert ran(FakeEngine(), "schedule") == 0
    assert "There is no schedule" in capsys.readouterr().out


def done(words: Sequence[str], output: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.CompletedProcess(args=words, returncode=0, stdout=f"{output}\n", stderr="")


@pytest.fixture
def stocked() -> FakeEngine:
    """An engine whose cache has three snapshots, of which the second is empty."""
    found = state(
        stored("1", "2001-06-01 12:00"),
        stored("2", "2001-06-02 12:00", complete=False),
        stored("3", "2001-06-03 12:00"),
    )
    return FakeEngine(
        answers={
            BACKUP_STATE.name: answering(found),
            DELETE_SNAPSHOTS.name: answering(Nothing()),
            DELETE_CACHE.name: answering(Nothing()),
            RESTORE.name: answering(Restored(entries=7, files=5, powerful=0, powerful_paths=())),
        }
    )


def test_snapshots_are_deleted_by_name(
    stocked: FakeEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(stocked, "delete", "--snapshot", "1", "--snapshot", "2001-06-01", "--yes") == 0
    out = capsys.readouterr().out
    assert "To be deleted:\n  1  2001-06-01" in out
    assert "Deleted: 1" in out
    (asked,) = stocked.asked(DELETE_SNAPSHOTS)
    assert [each.uuid for each in asked.snapshots] == ["uuid-1"]


def test_by_age_the_newest_complete_one_stays(
    stocked: FakeEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(stocked, "delete", "--older-than", "1w", "--yes", "--json") == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])["data"]
    assert result["deleted_snapshots"] == ["1", "2"]
    assert command(stocked, "delete", "--older-than", "99999w", "--json") == 0
    assert len(stocked.asked(DELETE_SNAPSHOTS)) == 1  # there was nothing to delete, nor to ask


def test_a_whole_cache_goes_with_all_its_snapshots(
    stocked: FakeEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(stocked, "delete", "--all", "--cache", "/mnt/x", "--yes") == 0
    out = capsys.readouterr().out
    assert "whole cache in /mnt/x" in out
    assert stocked.jobs == ["backup-state", "delete-cache"]


def test_what_is_no_snapshot_and_goes_with_the_cache_is_named_first(
    capsys: pytest.CaptureFixture[str],
) -> None:
    mine = SnapshotName(path=".rootfs_cache/.snapshots/mine", uuid="uuid-mine")
    answers = {
        BACKUP_STATE.name: answering(state(stored("1"), others=(mine,))),
        DELETE_CACHE.name: answering(Nothing()),
    }
    engine = FakeEngine(answers=answers)
    assert command(engine, "delete", "--all", "--cache", "/mnt/x", "--yes") == 0
    out = capsys.readouterr().out
    assert out.index(".rootfs_cache/.snapshots/mine  is no snapshot") < out.index("Deleted")
    (asked,) = engine.asked(DELETE_CACHE)
    assert [each.uuid for each in asked.subvolumes] == ["uuid-1", "uuid-mine"]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ((), "Give one of"),
        (("--all", "--snapshot", "1"), "Give one of"),
        (("--snapshot", "1", "--older-than", "1w"), "Give one of"),
        (("--snapshot", "9", "--yes"), "The cache has no snapshot 9"),
        (("--older-than", "x", "--yes"), 'Invalid time "x"'),
        (("--all",), "Nobody can be asked here"),
        (("--snapshot", "1", "--json"), "Nobody can be asked here"),
    ],
)
def test_nothing_is_deleted_unless_it_is_meant(
    stocked: FakeEngine, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], reason: str
) -> None:
    assert command(stocked, "delete", *words) == 2
    assert reason in capsys.readouterr().err
    assert stocked.asked(DELETE_SNAPSHOTS) == []
    assert stocked.asked(DELETE_CACHE) == []


@pytest.mark.parametrize(
    ("wholeness", "code", "said"),
    [
        (Wholeness.WHOLE, 0, "1           as it was backed up"),
        (Wholeness.CHANGED, 8, "Warning: Snapshot 1 is not what was backed up"),
    ],
)
def test_a_check_says_how_each_snapshot_is_and_ends_for_monitoring(
    capsys: pytest.CaptureFixture[str], wholeness: Wholeness, code: int, said: str
) -> None:
    snapshot = CheckedSnapshot(selector="1", wholeness=wholeness, read_only=True)
    found = Checked(
        state=state(stored("1")), snapshots=(snapshot,), filesystem="none", read=3 << 30,
        device_errors=(), tree_distro="Debian GNU/Linux 13 (trixie)",
    )  # fmt: skip
    engine = FakeEngine(answers={CHECK_CACHE.name: answering(found)})
    assert command(engine, "check", "--read-data", "--cache", "/mnt/x") == code
    out = capsys.readouterr().out
    assert said in out
    assert "3.0 GiB read" in out
    assert ("Nothing is wrong." in out) is (code == 0)
    assert engine.asked(CHECK_CACHE) == [CheckRequest(read_data=True)]
    (spec,) = engine.specs
    assert [each.read_only for each in spec.binds] == [True]
    assert command(engine, "check", "--json") == code
    data = json.loads(capsys.readouterr().out.splitlines()[-1])["data"]
    assert (data["scrub"], len(data["troubles"])) == (None, int(code == 8))


def test_files_are_restored_into_a_folder_that_is_made(
    stocked: FakeEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "restored"
    code = command(stocked, "restore", "latest", "/etc/fstab", "--to", target, "--cache", "/mnt/x")
    assert code == 0
    assert "Restored 7 files and folders of snapshot 3" in capsys.readouterr().out
    assert stat.S_IMODE(target.stat().st_mode) == 0o700
    spec = stocked.specs[-1]
    assert spec.request.paths == ("/etc/fstab",)
    assert [(each.source, each.read_only) for each in spec.binds] == [
        ("/mnt/x/.rootfs_cache/.snapshots/3/snapshot", True), (str(target), False),
    ]  # fmt: skip


def test_an_incomplete_snapshot_is_restored_with_a_warning(
    stocked: FakeEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(stocked, "restore", "2", "--to", tmp_path / "x") == 0
    captured = capsys.readouterr()
    assert "Snapshot 2 is not complete" in captured.out + captured.err


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("2001-06-02", "--to", "{}/x"), "The cache has no snapshot 2001-06-02"),
        (("1", "--to", "{}/no/such/place"), "cannot be made"),
        (("1",), "--to"),
    ],
)
def test_what_cannot_be_restored_is_said(
    stocked: FakeEngine,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    reason: str,
) -> None:
    assert command(stocked, "restore", *(word.format(tmp_path) for word in words)) in (2, 3)
    assert reason in capsys.readouterr().err
    assert stocked.asked(RESTORE) == []


def test_a_cache_without_a_complete_snapshot_has_nothing_to_restore(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = FakeEngine(answers={BACKUP_STATE.name: answering(state(stored("1", complete=False)))})
    assert command(engine, "restore", "latest", "--to", tmp_path / "x") == 4
    assert "no complete snapshot" in capsys.readouterr().err
