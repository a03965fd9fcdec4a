"""The mark at the top of a system while it is restored: whose it is, so that a run can go on."""

import os
from pathlib import Path
from typing import Final

from builder.basics.regular import emptied_regular, read_whole
from builder.inside.backup.folders import sync_folder

MARK: Final = ".distroclone-builder-restoring"
_LONGEST: Final = 64  # bytes; a UUID has 36


def mark(root: Path, snapshot: str) -> None:
    """Put it there, on the disk, for the snapshot with this UUID. Raises OSError."""
    descriptor = emptied_regular(root / MARK, mode=0o600)
    try:
        os.write(descriptor, f"{snapshot}\n".encode("ascii"))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    sync_folder(root)


def marked(root: Path) -> str | None:
    """Return the UUID of the snapshot that is being restored there; None where none is."""
    if not os.path.lexists(root / MARK):
        return None
    try:
        return read_whole(root / MARK, limit=_LONGEST).decode("ascii", "replace").strip()
    except OSError:
        return ""


def unmark(root: Path) -> None:
    """Take it away. Raises OSError."""
    (root / MARK).unlink()
    sync_folder(root)
