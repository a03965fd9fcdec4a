"""`image lock`: the lock file, written anew from Debian's archive as it is now."""

from datetime import UTC, datetime
from pathlib import Path

from builder.basics.errors import HostError
from builder.border.events import OnEvent
from builder.host.engine import Engine
from builder.host.image.lock import LockChange, parse_lock, renewed
from builder.host.image.resources import lock_path
from builder.host.image.workshop import workshop


def refresh_lock(engine: Engine, *, on_event: OnEvent) -> tuple[LockChange, ...]:
    """Write the packages that the archive has today into the lock file, and say what changed."""
    path = lock_path()
    text = path.read_text("utf-8")
    with workshop(engine, locked=False, target="packages", on_event=on_event) as shop:
        found = parse_lock(shop.lock_text())
    renewed_text, changes = renewed(text, found, today=datetime.now(UTC).date())
    if renewed_text != text:
        _write(path, renewed_text)
    return changes


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise HostError(
            "The lock file {path} cannot be written: {reason}",
            hint="Run `distroclone-builder image lock` in a checkout of the project.",
            path=path,
            reason=error.strerror or error,
        ) from error
