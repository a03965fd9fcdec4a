"""`restore --system`: which words go together, and that nobody's disk is filled unasked."""

from pathlib import Path

import click
import pytest

from builder.border.jobs import BACKUP_STATE
from builder.host.backup import target_disk, whole_system
from builder.host.cli import main
from builder.host.command_line.surroundings import Surroundings
from tests.support.fake_engine import FakeEngine, answering
from tests.support.stored import state, stored
from tests.unit.host.backup.test_target_disk import CACHE, OURS, ROOT, Place, place
from tests.unit.host.backup.test_whole_system import ESP, engine

__all__ = ["place"]


def command(told: FakeEngine, *words: object) -> int:
    surroundings = Surroundings(open_engine=lambda: told)
    return main.run([*map(str, words)], surroundings=surroundings)


@pytest.fixture
def disk(place: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A target of this machine."""
    for function in (whole_system.planned_system, whole_system.restore_system):
        monkeypatch.setattr(function, "__kwdefaults__", {"machine": place.machine})
    return place.with_mounts(OURS, CACHE, ROOT, ESP)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ((), "Give one of --to, --system and --rollback"),
        (("--to", "x", "--system", "y"), "Give one of --to, --system and --rollback"),
        (("/etc", "--system", "y"), "A whole system is restored without paths"),
        (("--to", "x", "--dry-run"), "--dry-run and --yes are for --system"),
        (("--to", "x", "--yes"), "--dry-run and --yes are for --system"),
    ],
)
def test_words_that_do_not_go_together_are_refused(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], reason: str
) -> None:
    told = engine()
    assert command(told, "restore", "latest", *words) == 2
    assert reason in capsys.readouterr().err
    assert told.specs == []


def test_a_folder_that_nothing_is_mounted_at_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = FakeEngine(answers={BACKUP_STATE.name: answering(state(stored("1")))})
    assert command(told, "restore", "latest", "--system", tmp_path) == 2
    assert "is not where a file system is mounted" in capsys.readouterr().err
    assert target_disk.HERE.mountinfo == Path("/proc/self/mountinfo")


def test_a_dry_run_says_what_would_be_done_and_ends(
    disk: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    told = engine()
    words = ("restore", "latest", "--system", disk.target, "--cache", disk.cache, "--dry-run")
    assert command(told, *words) == 0
    assert f"To be restored to {disk.target}" in capsys.readouterr().out
    assert len(told.specs) == 3
    assert command(told, *words, "--json") == 0
    assert '"done":null' in capsys.readouterr().out


def test_nothing_is_written_where_nobody_can_be_asked(
    disk: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    told = engine()
    words = ("restore", "latest", "--system", disk.target, "--cache", disk.cache)
    assert command(told, *words) == 2
    assert "Nobody can be asked here" in capsys.readouterr().err
    assert len(told.specs) == 3
    assert command(told, *words, "--yes") == 0
    assert "Restored snapshot 1" in capsys.readouterr().out
    assert len(told.specs) == 8


def test_who_says_no_is_heard(
    disk: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told = engine()
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)

    def refuse(text: str, *, abort: bool) -> None:
        assert (text, abort) == ("Restore?", True)
        raise click.Abort

    monkeypatch.setattr(click, "confirm", refuse)
    words = ("restore", "latest", "--system", disk.target, "--cache", disk.cache)
    assert command(told, *words) == 130
    assert len(told.specs) == 3
