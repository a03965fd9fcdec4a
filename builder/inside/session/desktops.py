"""Which session of those that a system offers is started where the login screen cannot tell.

Format: the Desktop Entry Specification. Only a session whose program is there counts.
"""

from dataclasses import dataclass
from typing import Final

from builder.inside.rules.rule import lines_of
from builder.inside.session.ini import value_in
from builder.inside.tree.tree import Tree

_WAYLAND: Final = "/usr/share/wayland-sessions"
_X11: Final = "/usr/share/xsessions"
_PROGRAMS: Final = ("/usr/local/bin", "/usr/bin", "/bin", "/usr/games")
# The first that is there, before any other by its name.
_PREFERRED: Final = (
    "plasma.desktop", "plasmax11.desktop", "lxqt.desktop", "lxqt-wayland.desktop", "cosmic.desktop",
    "gnome.desktop", "xfce.desktop", "mate.desktop", "cinnamon.desktop",
)  # fmt: skip
# Debian's links to what the system has for its sessions under X: update-alternatives(1).
MANAGERS: Final = ("/usr/bin/x-session-manager", "/usr/bin/x-window-manager")
_ENTRY: Final = "Desktop Entry"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A session: its file's name, what starts it, and whether under Wayland or X."""

    file: str
    command: str
    wayland: bool


def sessions_of(tree: Tree) -> tuple[Session, ...]:
    """Return the sessions that a system can start, the one to start first."""
    found = [
        session
        for folder in (_WAYLAND, _X11)
        for path in tree.glob(folder, "*.desktop")
        if (session := _session(tree, path, wayland=folder == _WAYLAND)) is not None
    ]
    names = {name: place for place, name in enumerate(_PREFERRED)}
    return tuple(sorted(found, key=lambda each: names.get(each.file, len(names))))


def _session(tree: Tree, path: str, *, wayland: bool) -> Session | None:
    lines = lines_of(tree, path) or []
    command = value_in(lines, _ENTRY, "Exec") or ""
    tried = value_in(lines, _ENTRY, "TryExec") or command
    hidden = {value_in(lines, _ENTRY, key) for key in ("Hidden", "NoDisplay")}
    if "true" in hidden or not has_program(tree, tried) or not has_program(tree, command):
        return None
    return Session(file=path.rpartition("/")[2], command=command, wayland=wayland)


def has_program(tree: Tree, command: str) -> bool:
    """Whether the program that a command starts with is in the system."""
    words = command.split()
    if not words:
        return False
    program = words[0].strip('"')
    places = (program,) if program.startswith("/") else (f"{each}/{program}" for each in _PROGRAMS)
    return any(tree.is_file(place) for place in places)


def has_x_session(tree: Tree) -> bool:
    """Whether X has something to start that nobody needs to name."""
    return any(tree.is_file(manager) for manager in MANAGERS)
