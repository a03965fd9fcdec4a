"""Consoles log the live user in, and start the session where no login screen does.

Sources: agetty(8), systemd-getty-generator(8), the units of systemd 252 to 257, startx(1). A login
screen that cannot log anybody in by itself, as xdm, makes way for the first console.
"""

from pathlib import Path
from typing import Final

from builder.formats.recipe import LiveSettings
from builder.inside.rules.rule import Rule, Warned, add
from builder.inside.session.desktops import has_program, has_x_session, sessions_of
from builder.inside.session.screens import SCREENS
from builder.inside.tree.tree import Tree

_UNITS: Final = "/etc/systemd/system"
_CONSOLE: Final = f"{_UNITS}/getty@.service.d/zz-distroclone-builder.conf"
_SERIAL: Final = f"{_UNITS}/serial-getty@.service.d/zz-distroclone-builder.conf"
_MANAGER: Final = f"{_UNITS}/display-manager.service"
_PROFILE: Final = "/etc/profile.d/zz-distroclone-builder-session.sh"
_TEMPLATE: Final = (Path(__file__).parent.parent / "files" / "session.sh").read_text("utf-8")
# Login screens that wait for somebody to log in.
_WAITING: Final = (
    ("/usr/bin/xdm", "xdm.service"),
    ("/usr/bin/wdm", "wdm.service"),
    ("/usr/bin/ly", "ly.service"),
    ("/usr/bin/emptty", "emptty@tty7.service"),
    ("/usr/bin/lemurs", "lemurs.service"),
)


def _log_in(tree: Tree, live: LiveSettings) -> tuple[Warned, ...]:
    if not tree.is_dir("/usr/lib/systemd/system"):
        return ()
    common = f"-/sbin/agetty --noclear --autologin {live.user}"
    for path, more in ((_CONSOLE, "%I $TERM"), (_SERIAL, "--keep-baud 115200,57600 %I $TERM")):
        add(tree, path, f"[Service]\nExecStart=\nExecStart={common} {more}\n".encode())
    command = _session_command(tree)
    if command is not None and not any(tree.is_file(program) for program in SCREENS):
        _start_on_console(tree, live.user, command)
    return ()


def _session_command(tree: Tree) -> str | None:
    """Return what starts the session from a console; None where that would be none, or unwanted."""
    target = tree.link_target(f"{_UNITS}/default.target") or ""
    if not target.endswith("/graphical.target") and target:
        return None  # its owner chose the console
    sessions = sessions_of(tree)
    if not sessions:
        return None
    if has_x_session(tree) and has_program(tree, "startx"):
        return "startx"
    return next((each.command for each in sessions if each.wayland), None)


def _start_on_console(tree: Tree, user: str, command: str) -> None:
    for program, unit in _WAITING:
        if tree.is_file(program):
            tree.symlink(f"{_UNITS}/{unit}", "/dev/null")
            tree.symlink(_MANAGER, "/dev/null")
    text = _TEMPLATE.replace("@USER@", user).replace("@COMMAND@", command)
    add(tree, _PROFILE, text.encode("utf-8", "surrogateescape"))


RULES: Final = (
    Rule(
        name="live-consoles",
        reason="the live user is logged in on every console; where no login screen does it, the "
        "first one starts the session",
        edits=(_CONSOLE, _SERIAL, _PROFILE, _MANAGER,
               *(f"{_UNITS}/{unit}" for _program, unit in _WAITING)),
        edit=_log_in,
    ),
)  # fmt: skip
