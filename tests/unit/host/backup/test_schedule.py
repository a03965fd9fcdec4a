"""The units that start backups: what is in them, and that systemd reads what was meant."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from builder.basics.errors import HostError, UsageError
from builder.host.backup import timer
from builder.host.backup.planning import BackupPlan
from builder.host.backup.retention import Retention
from builder.host.backup.schedule import (
    SERVICE,
    TIMER,
    Schedule,
    backup_command,
    scheduled_cache,
    units_of,
)

PROGRAM = "/usr/bin/true"
PLAIN = BackupPlan(cache=Path("/mnt/debian_backup"), retention=Retention(at_once=1))
ODD = BackupPlan(
    cache=Path('/media/my "50%" $HOME \\x\'s'),
    source=Path("/srv/a b"),
    include_home=True,
    exclude=("/opt/$x", "/opt/[a-z]*"),
    retention=Retention(last=5, weekly=8),
)


def scheduled(plan: BackupPlan, **more: str) -> Schedule:
    return Schedule(**{"plan": plan, "calendar": "daily", "program": (PROGRAM,), **more})  # type: ignore[arg-type]


def values(text: str, key: str) -> list[str]:
    return [line.partition("=")[2] for line in text.split("\n") if line.startswith(f"{key}=")]


def test_a_backup_is_made_when_it_is_due_or_missed_and_gives_way() -> None:
    units = units_of(scheduled(PLAIN, calendar="Mon..Fri 19:30"))
    assert values(units.timer, "OnCalendar") == ["Mon..Fri 19:30"]
    assert values(units.timer, "Persistent") == ["true"]
    assert values(units.timer, "RandomizedDelaySec") == ["30min"]
    assert values(units.service, "ExecStart") == [f"{PROGRAM} backup --cache=/mnt/debian_backup"]
    assert values(units.service, "RequiresMountsFor") == ["/mnt/debian_backup"]
    assert values(units.service, "Nice") == ["19"]
    assert values(units.service, "IOSchedulingClass") == ["idle"]
    assert values(units.service, "OnFailure") == []
    assert scheduled_cache(units.service) == PLAIN.cache


def test_what_is_kept_is_said_only_if_somebody_did() -> None:
    """Unasked, no more than one old snapshot goes at a time."""
    assert backup_command(PLAIN) == ("backup", "--cache=/mnt/debian_backup")
    assert backup_command(ODD) == (
        "backup", f"--cache={ODD.cache}", "--source=/srv/a b", "--include-home",
        "--exclude=/opt/$x", "--exclude=/opt/[a-z]*", "--keep-last=5", "--keep-weekly=8",
    )  # fmt: skip


def test_a_unit_of_choice_is_started_when_one_fails() -> None:
    units = units_of(scheduled(PLAIN, on_failure="notify@%n.service"))
    assert values(units.service, "OnFailure") == ["notify@%n.service"]


@pytest.mark.parametrize("unit", ["notify", "a b.service", "x.service\nExecStart=x", ".mount"])
def test_what_is_no_unit_is_refused(unit: str) -> None:
    with pytest.raises(UsageError, match="Invalid name of a unit"):
        units_of(scheduled(PLAIN, on_failure=unit))


@pytest.mark.parametrize("path", ["/mnt/a\nUser=x", "/mnt/\x7f", "/mnt/\udcff", "/mnt/a\\"])
def test_what_would_become_another_line_is_refused(path: str) -> None:
    with pytest.raises(UsageError, match="A unit of systemd cannot hold"):
        units_of(scheduled(BackupPlan(cache=Path(path))))
    with pytest.raises(UsageError, match="A unit of systemd cannot hold"):
        units_of(scheduled(PLAIN, calendar=f"daily{path}"))


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
@pytest.mark.parametrize("plan", [PLAIN, ODD])
def test_systemd_itself_finds_nothing_wrong(tmp_path: Path, plan: BackupPlan) -> None:
    timer.install(units_of(scheduled(plan)), folder=tmp_path)
    units = [str(tmp_path / name) for name in (TIMER, SERVICE)]
    words = ["systemd-analyze", "verify", "--man=no", *units]
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    ours = [line for line in done.stderr.split("\n") if "distroclone" in line]
    assert ours == []
    assert scheduled_cache((tmp_path / SERVICE).read_text()) == plan.cache


def test_units_are_written_replaced_and_removed(tmp_path: Path) -> None:
    assert timer.installed(folder=tmp_path) is None
    assert not timer.remove(folder=tmp_path)
    for plan in (ODD, PLAIN):
        timer.install(units_of(scheduled(plan)), folder=tmp_path)
        found = timer.installed(folder=tmp_path)
        assert found is not None
        assert (found.cache, found.units) == (plan.cache, units_of(scheduled(plan)))
    assert sorted(each.name for each in tmp_path.iterdir()) == [SERVICE, TIMER]
    assert {each.stat().st_mode & 0o777 for each in tmp_path.iterdir()} == {0o644}
    assert timer.remove(folder=tmp_path)
    assert [*tmp_path.iterdir()] == []


def test_who_is_not_root_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    with pytest.raises(HostError, match="cannot be written") as caught:
        timer.install(units_of(scheduled(PLAIN)), folder=tmp_path)
    assert "sudo" in caught.value.advice
    assert [*tmp_path.iterdir()] == []


def test_a_link_in_the_place_of_a_unit_leads_nowhere(tmp_path: Path) -> None:
    """As `systemctl mask` makes one."""
    (tmp_path / SERVICE).symlink_to("/dev/null")
    timer.install(units_of(scheduled(PLAIN)), folder=tmp_path)
    assert not (tmp_path / SERVICE).is_symlink()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_a_moment_that_systemd_does_not_know_is_refused() -> None:
    timer.check_calendar("Mon..Fri 19:30")
    for wrong in ("dayly", "25:00", "--version", ""):
        with pytest.raises(UsageError, match="systemd knows no moment"):
            timer.check_calendar(wrong)


def test_where_systemd_cannot_be_asked_it_decides_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    timer.check_calendar("dayly")


def test_a_program_that_others_can_change_is_known(tmp_path: Path) -> None:
    program = tmp_path / "bin/program"
    program.parent.mkdir()
    program.touch()
    program.chmod(0o755)
    program.parent.chmod(0o777)
    assert timer.changeable_by(program) == program.parent
    link = tmp_path / "link"
    link.symlink_to(program)
    assert timer.changeable_by(link) == program.parent
    assert timer.changeable_by(Path("/usr/bin/env")) is None


def test_a_program_without_a_place_is_refused() -> None:
    with pytest.raises(HostError, match="not in a place where systemd could start it"):
        timer.own_program("no-such-program-at-all")
    assert timer.own_program("true") == (shutil.which("true"),)
