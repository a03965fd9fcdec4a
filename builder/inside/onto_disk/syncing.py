"""rsync from a snapshot to a system that may be running, by rules and in passes."""

import os
import tempfile
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Final

from builder.inside.source.scan import SNAPSHOTS
from builder.inside.source.unfinished import MARK
from builder.inside.system.system import Sight, System

PARTIAL: Final = 23  # rsync(1), EXIT VALUES
TRIAL: Final = "--dry-run"


def sync(
    source: Path,
    target: Path,
    rules: Sequence[str],
    more: Sequence[str],
    *,
    system: System,
    progress: Callable[[str], float | None],
    success: Collection[int] = (0,),
    parts: Sequence[str] = (),
) -> str:
    """Copy all that a backup keeps, but for what the rules name. Raises ToolError."""
    with tempfile.TemporaryDirectory() as folder:
        named = Path(folder) / "filters"
        every = (f"- /{SNAPSHOTS}", f"- /{MARK}", *rules)
        named.write_bytes(b"".join(os.fsencode(each) + b"\0" for each in every))
        argv = (
            "rsync", "-aAXH", "--numeric-ids", "--sparse", "--modify-window=-1",
            "--from0", f"--filter=merge {named}", *more, f"{source}/", f"{target}/",
        )  # fmt: skip
        places = (target, *(target / each for each in parts))
        sight = (
            Sight(reads=(source, named, *places), keeps_owners=True)
            if TRIAL in more
            else Sight(reads=(source, named), writes=places, keeps_owners=True)
        )
        return system.run(argv, sight=sight, success=success, progress=progress)
