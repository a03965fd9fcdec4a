"""The units of systemd that start backups by themselves: what is in them, and nothing done.

Formats: systemd.unit(5), systemd.service(5) "COMMAND LINES", systemd.timer(5), systemd.exec(5).
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from builder.basics.errors import UsageError
from builder.host.backup.planning import RUNNING, BackupPlan

NAME: Final = "distroclone-builder-backup"
TIMER: Final = f"{NAME}.timer"
SERVICE: Final = f"{NAME}.service"
_UNIT: Final = re.compile(r"[A-Za-z0-9:_.\\@%-]{1,200}\.(service|target|socket|path|timer)")
_CACHE_KEY: Final = "X-Cache"  # systemd passes over keys that begin with X-
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]|\\$")  # or joins two lines
_DELAY: Final = "30min"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When which backup is made, and what is started when one fails."""

    plan: BackupPlan
    calendar: str  # systemd.time(7), "CALENDAR EVENTS": "daily", "Mon..Fri 19:30"
    program: tuple[str, ...]  # the command and its first words, which name the engine
    on_failure: str = ""  # a unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """The text of both units."""

    timer: str
    service: str


def units_of(schedule: Schedule) -> Units:
    """Return the units. Raises UsageError for what a unit cannot hold."""
    if schedule.on_failure and not _UNIT.fullmatch(schedule.on_failure):
        raise UsageError(
            'Invalid name of a unit: "{unit}"',
            hint="Give its whole name, e.g. --on-failure notify@%n.service.",
            unit=schedule.on_failure[:80],
        )
    command = [*schedule.program, *backup_command(schedule.plan)]
    for each in (schedule.calendar, *command):
        if _CONTROL.search(each):
            raise UsageError(
                "A unit of systemd cannot hold {text}",
                hint="Use names without line breaks and other control characters.",
                text=each.encode("unicode_escape").decode(),
            )
    places = [str(schedule.plan.cache)]
    if schedule.plan.source != RUNNING:
        places.append(str(schedule.plan.source.absolute()))
    return Units(
        timer=_lines(
            "# Written by `distroclone-builder backup schedule`, which also removes it (--off).",
            "[Unit]",
            "Description=Backups of this system by distroclone-builder",
            "",
            "[Timer]",
            f"OnCalendar={schedule.calendar}",
            "# What was missed while the machine was off is made up for.",
            "Persistent=true",
            f"RandomizedDelaySec={_DELAY}",
            "",
            "[Install]",
            "WantedBy=timers.target",
        ),
        service=_lines(
            "# Written by `distroclone-builder backup schedule`, which also removes it (--off).",
            "[Unit]",
            "Description=Back up this system by distroclone-builder",
            f"{_CACHE_KEY}={places[0]}",
            "After=docker.service podman.socket",
            f"RequiresMountsFor={' '.join(_quoted(each) for each in places)}",
            *([f"OnFailure={schedule.on_failure}"] if schedule.on_failure else []),
            "",
            "[Service]",
            "Type=oneshot",
            f"ExecStart={_command_line(command)}",
            "# For the program itself; its container gives way by what the engine is told.",
            "Nice=19",
            "IOSchedulingClass=idle",
        ),
    )


def backup_command(plan: BackupPlan) -> tuple[str, ...]:
    """Return the words that make the program do this backup."""
    kept = plan.retention
    words = ["backup", f"--cache={plan.cache}"]
    if plan.source != RUNNING:
        words.append(f"--source={plan.source.absolute()}")
    if plan.include_home:
        words.append("--include-home")
    words += [f"--exclude={each}" for each in plan.exclude]
    if kept.at_once is None:  # somebody said what is kept
        words.append(f"--keep-last={kept.last}")
        others = (("daily", kept.daily), ("weekly", kept.weekly), ("monthly", kept.monthly))
        words += [f"--keep-{name}={count}" for name, count in others if count]
    return tuple(words)


def scheduled_cache(service: str) -> Path | None:
    """Return the cache that a service's text is about; None where it does not say."""
    for line in service.split("\n"):
        key, _sign, value = line.partition("=")
        if key == _CACHE_KEY and value:
            return Path(value)
    return None


def _command_line(words: list[str]) -> str:
    first, *rest = words
    return " ".join([_quoted(first), *(_quoted(each).replace("$", "$$") for each in rest)])


def _quoted(word: str) -> str:
    """Return a word as systemd reads it back: its quotes, escapes and specifiers are none."""
    if re.fullmatch(r"[A-Za-z0-9_./:=@,+-]+", word):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def _lines(*lines: str) -> str:
    return "\n".join(lines) + "\n"
