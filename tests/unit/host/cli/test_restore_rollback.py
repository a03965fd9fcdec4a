"""`restore --rollback`: which words go together, and that nothing is rolled back unasked."""

from pathlib import Path

import pytest

from builder.host.backup import rollback
from tests.unit.host.backup.test_rollback import engine, jobs, system
from tests.unit.host.backup.test_target_disk import Place, place
from tests.unit.host.cli.test_restore_system import command

__all__ = ["place", "system"]


@pytest.fixture
def words(system: Place, monkeypatch: pytest.MonkeyPatch) -> tuple[object, ...]:
    """What is given for a system of this machine."""
    for function in (rollback.planned_rollback, rollback.carry_back):
        monkeypatch.setattr(function, "__kwdefaults__", {"machine": system.machine})
    return (
        "restore", "latest", "--rollback", "--root", system.target, "--cache", system.cache,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        (("--rollback", "--to", "x"), "Give one of --to, --system and --rollback"),
        (("--rollback", "--system", "x"), "Give one of --to, --system and --rollback"),
        (("/etc", "--rollback"), "A whole system is restored without paths"),
        (("--to", "x", "--include-home"), "are for --rollback"),
        (("--to", "x", "--no-backup"), "are for --rollback"),
        (("--system", "x", "--root", "y"), "are for --rollback"),
        (("--system", "x", "--exclude", "/srv"), "are for --rollback"),
        (("--rollback", "--exclude", "srv"), "srv"),
    ],
)
def test_words_that_do_not_go_together_are_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, more: tuple[str, ...], reason: str
) -> None:
    told = engine()
    assert command(told, "restore", "latest", "--cache", tmp_path, *more) == 2
    assert reason in capsys.readouterr().err
    assert told.specs == []


def test_a_dry_run_shows_the_plan_and_ends(
    words: tuple[object, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    told = engine()
    assert command(told, *words, "--dry-run") == 0
    assert "To be rolled back" in capsys.readouterr().out
    assert jobs(told) == ["backup-state", "look-back"]
    assert command(told, *words, "--dry-run", "--json") == 0
    assert '"done":null' in capsys.readouterr().out


def test_nothing_is_rolled_back_where_nobody_can_be_asked(
    words: tuple[object, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    told = engine()
    assert command(told, *words) == 2
    assert "Nobody can be asked here" in capsys.readouterr().err
    assert command(told, *words, "--yes") == 0
    assert "What was there before is snapshot 19" in capsys.readouterr().out
    assert jobs(told)[-2:] == ["backup", "roll-back"]
    assert command(told, *words, "--yes", "--no-backup", "--json") == 0
    assert '"saved":null' in capsys.readouterr().out
