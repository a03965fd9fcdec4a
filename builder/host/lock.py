"""The lock file: the exact version of every tool in the builder image that decides bytes."""

from dataclasses import dataclass
from pathlib import Path

from builder.errors import HostError
from builder.events import Event, ToolOutput
from builder.host.engine import Engine
from builder.host.image import OnEvent, build_builder
from builder.host.resources import containers_folder


@dataclass(frozen=True, slots=True, kw_only=True)
class LockChange:
    """One tool whose version the refresh changed."""

    name: str
    before: str
    after: str


def refresh_lock(engine: Engine, *, on_event: OnEvent) -> tuple[LockChange, ...]:
    """Write the versions that an unlocked image gets today into the lock file."""
    found: dict[str, str] = {}

    def listen(event: Event) -> None:
        if isinstance(event, ToolOutput) and event.text.startswith("tool: "):
            name, _equals, version = event.text.removeprefix("tool: ").partition("=")
            found[name] = version
        on_event(event)

    build_builder(engine, locked=False, on_event=listen, fresh=True)
    path = containers_folder() / "packages.lock"
    text = path.read_text("utf-8")
    renewed, changes = renew(text, found)
    _write(path, renewed)
    return changes


def renew(text: str, found: dict[str, str]) -> tuple[str, tuple[LockChange, ...]]:
    """Return the lock file's text with the versions in `found`, and what that changes."""
    lines, changes = [], []
    for line in text.splitlines():
        name, equals, before = line.partition("=")
        after = found.get(name, before)
        if equals and not name.startswith("#") and after != before:
            changes.append(LockChange(name=name, before=before, after=after))
            lines.append(f"{name}={after}")
        else:
            lines.append(line)
    return "\n".join(lines) + "\n", tuple(changes)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise HostError(
            "The lock file {path} cannot be written: {reason}",
            hint="Refresh the lock in a checkout of the project.",
            path=path,
            reason=error.strerror or error,
        ) from error
