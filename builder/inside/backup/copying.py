"""Copies a system into a cache with rsync; what the system no longer has goes there too."""

import os
import re
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from builder.basics.errors import BuilderError, HostError, StepError
from builder.basics.printable import clean
from builder.inside.backup.aside import aside
from builder.inside.backup.changes import changed_since
from builder.inside.backup.recording import Recorded, record_tree
from builder.inside.source.scan import SNAPSHOTS
from builder.inside.source.unfinished import MARK
from builder.inside.system.system import Sight, System
from builder.inside.system.tool_error import ToolError

# `--info=progress2`:   1,234,567  12%  10.00MB/s  0:00:00 (xfr#5, ir-chk=95/123)
# An error is printed right after it, on the same line.
_PROGRESS: Final = re.compile(
    r"\s*[\d,]+\s+\d+%\s+\S+/s\s+[\d:?]+(?:\s+\(xfr#\d+, (ir|to)-chk=(\d+)/(\d+)\))?\s*"
)
_STATISTIC: Final = re.compile(r"^(Number of [a-z ]+): ([\d,]+)")
ENTRIES: Final = "Number of files"
COPIED: Final = "Number of regular files transferred"
DELETED: Final = "Number of deleted files"
_VANISHED: Final = 24  # rsync(1), EXIT VALUES
_PARTIAL: Final = 23
_CLOCK: Final = 1.0  # seconds by which the times of a file system may be behind ours
_MOST_NAMED: Final = 20
_FULL: Final = ("No space left on device", "Disk quota exceeded")


@dataclass(frozen=True, slots=True, kw_only=True)
class Copying:
    """A copy of the system at `source` to the tree at `target`, on one file system and `mounts`."""

    source: Path
    target: Path
    filters: tuple[str, ...]
    mounts: tuple[str, ...]
    frozen: bool  # the source cannot change

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules for rsync: what is left out stays in the target, above all its snapshots."""
        return (f"- /{MARK}", f"- /{SNAPSHOTS}", *self.filters)

    def argv(self, rules: Path) -> tuple[str, ...]:
        """Return the command that copies, by the rules in a file, each of which ends with NUL.

        With `--relative`, several file systems become one tree to which all rules and deletions
        apply; `--one-file-system` holds for each of them. Times are compared to the nanosecond:
        by the second, a file that is written twice in one would be as before.
        """
        sources = [f"{self.source}/./", *(f"{self.source}/./{each}/" for each in self.mounts)]
        return (
            "rsync", "-aAXH", "--numeric-ids", "--sparse", "--one-file-system", "--relative",
            "--modify-window=-1", "--delete", "--stats", "--info=progress2",
            "--from0", f"--filter=merge {rules}",
            *sources, f"{self.target}/",
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """What rsync said, and what changed under its hands."""

    entries: int
    copied: int
    deleted: int
    changed: int = 0
    paths: tuple[str, ...] = ()  # some of the changed ones


def copy(copying: Copying, *, system: System) -> tuple[Copied, Recorded]:
    """Copy, and copy again what changed meanwhile where the source can change.

    Returns what is recorded of the copy, too. Raises HostError where the cache is full, StepError
    where anything was not copied.
    """
    expected = _files_in_use(copying.source)
    with tempfile.TemporaryDirectory() as folder:
        rules = Path(folder) / "filters"
        rules.write_bytes(b"".join(os.fsencode(rule) + b"\0" for rule in copying.rules))
        began = time.time()
        first = _run(copying, rules, system=system, expected=expected, last=copying.frozen)
        if copying.frozen:
            return first, record_tree(copying.target)
        if first.entries:
            recorded, (count, _paths) = _looked_at(copying, since=began)
            if not count:
                return first, recorded
        system.note("Some files changed while they were copied, so they are copied again")
        again = time.time()
        second = _run(copying, rules, system=system, expected=expected, last=True)
        recorded, (count, paths) = _looked_at(copying, since=again)
    both = Copied(
        entries=second.entries,
        copied=first.copied + second.copied,
        deleted=first.deleted + second.deleted,
        changed=count,
        paths=paths,
    )
    return both, recorded


def _looked_at(copying: Copying, *, since: float) -> tuple[Recorded, tuple[int, tuple[str, ...]]]:
    """Look through copy and source at once: what is recorded of one, what changed of the other."""
    with aside(lambda: _changed(copying, since=since)) as changed:
        return record_tree(copying.target), changed()


def _run(copying: Copying, rules: Path, *, system: System, expected: int, last: bool) -> Copied:
    """Run rsync; an incomplete run that is not the `last` one is an empty result."""
    mounts = tuple(copying.source / each for each in copying.mounts)
    sight = Sight(
        reads=(copying.source, *mounts, rules), writes=(copying.target,), keeps_owners=True
    )
    try:
        output = system.run(
            copying.argv(rules),
            sight=sight,
            success=(0,) if copying.frozen else (0, _VANISHED),
            progress=progress_of(expected),
        )
    except ToolError as error:
        if error.code == _PARTIAL and not last:
            return Copied(entries=0, copied=0, deleted=0)
        raise explained(error) from error
    counts = statistics(output)
    return Copied(
        entries=counts.get(ENTRIES, 0),
        copied=counts.get(COPIED, 0),
        deleted=counts.get(DELETED, 0),
    )


def statistics(output: str) -> dict[str, int]:
    """Return what rsync counted, by its own names."""
    found = map(_STATISTIC.match, output.split("\n"))
    return {each[1]: int(each[2].replace(",", "")) for each in found if each}


def progress_of(expected: int) -> Callable[[str], float | None]:
    """Return what reads the fraction in a line of progress2, of about `expected` files.

    rsync finds files while it copies; until it has them all (`to-chk`), the larger number counts.
    """

    def read(line: str) -> float | None:
        found = _PROGRESS.fullmatch(line)
        if found is None:
            return None
        state, left, known = found.groups()
        if state is None:
            return 0.0
        done = int(known) - int(left)
        total = max(int(known), expected if state == "ir" else 0, 1)
        return done / total if state == "to" or expected else 0.0

    return read


def explained(error: ToolError) -> BuilderError:
    """Explain an exit code of rsync; rsync(1), EXIT VALUES."""
    if full := full_cache(error):
        return full
    if error.code == _VANISHED:
        message = "The frozen system was deleted while it was copied"
        hint = "Leave .distroclone-builder-* alone during a backup, then run it again."
    elif error.code == _PARTIAL:
        message = "Some files of the system could not be copied, so the backup did not finish"
        hint = (
            "The log names them. Their disk may be damaged, or the cache cannot hold them; what "
            "you can do without can be left out with --exclude."
        )
    else:
        return error
    return StepError(message, hint=hint, command=error.command, output=error.output)


def full_cache(error: ToolError) -> HostError | None:
    """Return the error for a cache that has no room; None where something else failed."""
    if any(words in line for line in error.output for words in _FULL):
        return HostError(
            "The cache's volume is full, so the backup did not finish",
            hint="Earlier snapshots, where there are any, are as good as before. Free space on "
            "that volume, or delete snapshots with `distroclone-builder delete`. Then run the "
            "backup again.",
            command=error.command,
            output=error.output,
        )
    return None


def _changed(copying: Copying, *, since: float) -> tuple[int, tuple[str, ...]]:
    """Return how many paths changed since then, and some of them."""
    found = changed_since(
        copying.source, since - _CLOCK, filters=copying.rules, mounts=copying.mounts
    )
    count = 0
    named: list[str] = []
    for path in found:
        count += 1
        if len(named) < _MOST_NAMED:
            named.append(clean(path))
    return count, tuple(named)


def _files_in_use(root: Path) -> int:
    """Return how many files its file system has; 0 where it does not say, as btrfs."""
    facts = os.statvfs(root)
    return max(facts.f_files - facts.f_ffree, 0)


def shown(paths: Sequence[str]) -> str:
    """Return a few paths for a sentence."""
    return ", ".join(f"/{path}" for path in paths[:5])
