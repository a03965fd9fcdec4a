"""The copy: the frozen source, without what must never be in an ISO, into the work volume.

Beside it the source gets its name: docs/tree-digest.md. The kernel reads each file just once for
both, as long as they keep close together.
"""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from builder.errors import StepError
from builder.inside import acl
from builder.inside.excludes import filters
from builder.inside.system import System
from builder.inside.tree_digest import SourceTree, TreeDigest, digesting

# `--info=progress2`:   1,234,567  12%   10.00MB/s    0:00:00 (xfr#5, to-chk=95/123)
_PROGRESS: Final = re.compile(r"^\s*[\d,.]+[KMGTP]?\s+(\d{1,3})%\s+\S+/s\s")
_EXIT_CODE: Final = re.compile(r"^rsync (?:error|warning): .*\(code (\d+)\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class StageStep:
    """Copy the tree at `source` to `target`, which must be new or empty.

    `exclude` are more rsync patterns, tried before the table in `builder.inside.excludes`.
    `digest` becomes a JSON object with what names the source: digest, format, files, bytes.
    """

    name: ClassVar[str] = "stage"
    needs: ClassVar[tuple[str, ...]] = ("rsync",)

    source: Path
    target: Path
    digest: Path
    exclude: tuple[str, ...] = ()

    def rules(self) -> tuple[str, ...]:
        """Return rsync's filter rules, in the order in which they are tried."""
        return filters(self.exclude)

    def argv(self) -> tuple[str, ...]:
        """Return the command."""
        return (
            "rsync", "-aAXH", "--numeric-ids", "--sparse",
            # Without the whole file list first, the percentages would start at 100 and fall.
            "--info=progress2", "--no-inc-recursive",
            *(f"--filter={rule}" for rule in self.rules()),
            f"{self.source}/", f"{self.target}/",
        )  # fmt: skip

    def run(self, system: System) -> None:
        """Copy. Raises StepError, also when files vanish meanwhile: the copy would be torn."""
        self.target.mkdir(exist_ok=True)
        with digesting(SourceTree(root=self.source, rules=self.rules())) as digest:
            try:
                system.run(self.argv(), progress=rsync_progress)
            except StepError as error:
                raise _explained(error) from error
            found = digest.result()
        acl.fold(self.target)
        for stub in found.stubs:
            os.utime(os.fsencode(self.target) + stub, (0, 0), follow_symlinks=False)
        self.digest.write_text(_described(found), encoding="ascii")


def _described(found: TreeDigest) -> str:
    data = {
        "digest": found.digest,
        "format": found.format,
        "files": found.files,
        "bytes": found.size,
    }
    return f"{json.dumps(data, indent=1)}\n"


def rsync_progress(line: str) -> float | None:
    """Return the fraction that a line of `--info=progress2` tells, None for any other line."""
    match = _PROGRESS.match(line)
    return min(int(match[1]), 100) / 100 if match else None


def _explained(error: StepError) -> StepError:
    """Say what an exit of rsync means here; rsync(1), "EXIT VALUES"."""
    if any("No space left on device" in line for line in error.output):
        message = "There is not enough space for the copy of the system"
        hint = "Free some space where the container engine keeps its volumes, then build again."
    elif _exit_code(error) == 24:
        message = "The source changed while it was copied: files vanished"
        hint = "Let the running backup or deletion finish, then build again."
    elif _exit_code(error) == 23:
        message = "Some files of the source could not be copied"
        hint = "The log names them. A file that cannot be read may be damaged on the disk."
    else:
        return error
    return StepError(message, hint=hint, command=error.command, output=error.output)


def _exit_code(error: StepError) -> int | None:
    codes = [match[1] for line in error.output if (match := _EXIT_CODE.match(line))]
    return int(codes[-1]) if codes else None
