"""`backup` and `backup status`: words, JSON and exit codes."""

import json
from pathlib import Path

import pytest

from builder.border.backups import CacheState
from builder.border.jobs import BACKUP, BACKUP_STATE, DELETE_SNAPSHOTS
from builder.border.requests import Nothing
from builder.host.cli import main
from builder.host.cli.root import cli
from builder.host.cli.surroundings import Surroundings
from tests.support.fake_engine import FakeEngine, answering, without_engine
from tests.support.stored import backed_up, state, stored


def ran(engine: FakeEngine, *words: object) -> int:
    surroundings = Surroundings(open_engine=lambda: engine)
    return main.run(["backup", *map(str, words)], surroundings=surroundings)


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
