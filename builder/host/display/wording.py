"""How events and errors read to people; shared by all displays and the log."""

import math
import shlex
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from builder.basics.errors import BuilderError
from builder.basics.printable import printable, printable_lines
from builder.basics.texts import render, say
from builder.border.events import Failed, Note

_TITLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "base": "Bootstrap the base image",
        "image": "Build the image",
        "pack": "Write the image",
        "check": "Check the system",
        "stage": "Stage the system",
        "install": "Add packages",
        "configure": "Take out what is private",
        "search": "Search for what is private",
        "live": "Make the live layer",
        "initramfs": "Make the initramfs",
        "installer": "Pack the installer",
        "squashfs": "Compress the file system",
        "boot": "Prepare the boot loader",
        "iso": "Write the ISO",
        "sbom": "List the packages",
        "manifest": "Check the ISO and write the manifest",
        "provenance": "Write provenance and checksums",
        "boot-test": "Boot the ISO",
        "stick": "Write the stick",
        "read-back": "Read the stick back",
        "install-to-disk": "Install to an empty disk",
        "start-from-disk": "Start from that disk",
        "sums": "Compare the checksums",
        "open": "Look inside the ISO",
        "list": "List its contents",
        "digest": "Find the source tree",
        "explain": "Find the differences",
        "copy": "Copy the system",
        "keep": "Keep a snapshot of the copy",
        "check-cache": "Check snapshots",
        "prune": "Delete snapshots",
        "delete": "Delete the cache",
        "restore": "Restore",
        "look-at-target": "Look at the snapshot and the disk",
        "make-start": "Make the system start",
        "look-back": "Look at the snapshot and the system",
        "roll-back": "Roll the system back",
        "resolve": "Find the packages to add",
        "fetch-packages": "Fetch the packages to add",
        "read-source": "Read the source on this machine",
        "send": "Send it to the engine",
        "fetch": "Fetch the results",
        "deliver": "Deliver the results",
    }
)


def step_title(step: str) -> str:
    """Return what a step is called for people; the step's own name when it is not known."""
    return say(_TITLES[step]) if step in _TITLES else printable(step)


def note_text(note: Note) -> str:
    """Return the note's sentence."""
    return printable_lines(_filled(note.message, note.values))


def note_line(note: Note) -> str:
    """Return the note's sentence, marked as a warning if it is one."""
    text = note_text(note)
    return say("Warning: {warning}", warning=text) if note.level == "warning" else text


def columns(rows: Sequence[tuple[str, str]], *, indent: str = "") -> str:
    """Return a line for each row, its value aligned with those of the others."""
    width = max(len(label) for label, _value in rows)
    return "\n".join(f"{indent}{label:{width}}  {value}".rstrip() for label, value in rows)


def clamped(fraction: float) -> float:
    """Return a number from 0.0 to 1.0, whatever a tool's output was read as."""
    return 0.0 if math.isnan(fraction) else min(max(fraction, 0.0), 1.0)


def percent(fraction: float) -> int:
    """Return whole percents, 0 to 100."""
    return math.floor(clamped(fraction) * 100)


def duration(seconds: float) -> str:
    """Return e.g. "12.3 s" or "4 min 05 s"."""
    if not math.isfinite(seconds) or seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest:02} s"


def render_failure(error: BuilderError) -> str:
    """Return the error for people: what failed, the exact command, its last lines, what to do."""
    lines = [say("Error: {message}", message=_filled(error.message, error.values))]
    if error.command:
        lines += ["", say("The command was:"), f"  {shlex.join(error.command)}"]
    if error.output:
        lines += ["", say("Its last lines:")]
        lines += [f"  | {printable(line)}" for line in error.output]
    if advice := _filled(error.hint, error.values):
        lines += ["", say("What to do: {advice}", advice=advice)]
    return printable_lines("\n".join(lines))


def failed_event(error: BuilderError) -> Failed:
    """Return the event for an error, its sentences filled in and the exit code beside them."""
    data = {
        **error.to_data(),
        "message": _filled(error.message, error.values),
        "hint": _filled(error.hint, error.values),
        "values": {},
        "notes": list(getattr(error, "__notes__", ())),
        "exit_code": int(error.exit_code),
    }
    return Failed(error=data)


def _filled(template: str, values: Mapping[str, str]) -> str:
    try:
        return render(template, values)
    except (LookupError, ValueError, AttributeError, TypeError):
        return template  # a wrong template must not hide what it wants to say
