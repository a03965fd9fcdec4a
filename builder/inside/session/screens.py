"""The live session starts by itself: on every login screen that is there, and on every console.

Sources: gdm3's custom.conf, lightdm.conf(5) of lightdm 1.32, sddm.conf(5), greetd(5), lxdm's and
slim's own files, agetty(8), systemd-getty-generator(8).
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from builder.formats.recipe import LiveSettings
from builder.inside.debian.facts import read_os_release
from builder.inside.rules.rule import Rule, Warned, add, lines_of, put_lines
from builder.inside.session.ini import with_values
from builder.inside.tree.tree import Tree

_GDM: Final = ("/etc/gdm3/custom.conf", "/etc/gdm3/daemon.conf")  # Ubuntu's, Debian's
_LIGHTDM: Final = "/etc/lightdm/lightdm.conf"
_SDDM: Final = "/etc/sddm.conf.d/zz-distroclone-builder.conf"
_PLASMA: Final = "/etc/plasmalogin.conf.d/zz-distroclone-builder.conf"
_GREETD: Final = "/etc/greetd/config.toml"
_LXDM: Final = "/etc/lxdm/lxdm.conf"
_SLIM: Final = "/etc/slim.conf"
_NODM: Final = "/etc/default/nodm"
_CONSOLE: Final = "/etc/systemd/system/getty@.service.d/zz-distroclone-builder.conf"
_SERIAL: Final = "/etc/systemd/system/serial-getty@.service.d/zz-distroclone-builder.conf"
_WELCOME: Final = ".config/gnome-initial-setup-done"
_SESSIONS: Final = ("/usr/share/wayland-sessions", "/usr/share/xsessions")
# The first that is there, before any other by its name.
_PREFERRED: Final = (
    "plasma.desktop", "plasmax11.desktop", "lxqt.desktop", "lxqt-wayland.desktop", "cosmic.desktop",
    "gnome.desktop", "xfce.desktop", "mate.desktop", "cinnamon.desktop",
)  # fmt: skip
_EXEC: Final = re.compile(r"Exec\s*=\s*(\S.*?)\s*")


def _gdm(tree: Tree, user: str) -> None:
    values = {
        "AutomaticLoginEnable": "true",
        "AutomaticLogin": user,
        "InitialSetupEnable": "false",
    }
    there = [path for path in _GDM if tree.is_file(path)]
    release = read_os_release(tree) or {}
    ubuntu = "ubuntu" in f"{release.get('ID', '')} {release.get('ID_LIKE', '')}".split()
    for path in there or [_GDM[0] if ubuntu else _GDM[1]]:
        _set(tree, path, "daemon", values)


def _lightdm(tree: Tree, user: str) -> None:
    # Of several files, the main one is read last.
    values = {"autologin-user": user, "autologin-user-timeout": "0", "autologin-guest": "false"}
    _set(tree, _LIGHTDM, "Seat:*", values)


def _sddm(tree: Tree, user: str) -> None:
    _with_session(tree, _SDDM, user)
    if tree.is_file("/etc/sddm.conf"):  # which is read after the folder
        _with_session(tree, "/etc/sddm.conf", user)


def _plasma_login(tree: Tree, user: str) -> None:
    _with_session(tree, _PLASMA, user)


def _with_session(tree: Tree, path: str, user: str) -> None:
    session = _session(tree)
    values = {"User": user, "Relogin": "false"}
    _set(tree, path, "Autologin", values | ({"Session": session[1]} if session else {}))


def _greetd(tree: Tree, user: str) -> None:
    """Give greetd the command of the session, which it cannot find itself."""
    session = _session(tree)
    if session is None:
        return
    lines = lines_of(tree, f"{session[0]}/{session[1]}") or []
    commands = [found[1] for line in lines if (found := _EXEC.fullmatch(line.rstrip("\n")))]
    if commands:
        quoted = commands[0].replace("\\", "\\\\").replace('"', '\\"')
        _set(tree, _GREETD, "initial_session", {"command": f'"{quoted}"', "user": f'"{user}"'})


def _lxdm(tree: Tree, user: str) -> None:
    _set(tree, _LXDM, "base", {"autologin": user})


def _slim(tree: Tree, user: str) -> None:
    lines = lines_of(tree, _SLIM) or []
    kept = [line for line in lines if line.split()[:1] not in (["default_user"], ["auto_login"])]
    text = "".join([*kept, f"default_user {user}\n", "auto_login yes\n"])
    add(tree, _SLIM, text.encode("utf-8", "surrogateescape"))


def _nodm(tree: Tree, user: str) -> None:
    names = ("NODM_ENABLED", "NODM_USER")
    lines = lines_of(tree, _NODM) or []
    kept = [line for line in lines if line.partition("=")[0].strip() not in names]
    text = "".join([*kept, "NODM_ENABLED=true\n", f"NODM_USER={user}\n"])
    add(tree, _NODM, text.encode("utf-8", "surrogateescape"))


_SCREENS: Final[Mapping[str, Callable[[Tree, str], None]]] = {
    "/usr/sbin/gdm3": _gdm,
    "/usr/sbin/lightdm": _lightdm,
    "/usr/bin/sddm": _sddm,
    "/usr/bin/plasmalogin": _plasma_login,
    "/usr/sbin/greetd": _greetd,
    "/usr/bin/greetd": _greetd,
    "/usr/sbin/lxdm": _lxdm,
    "/usr/bin/slim": _slim,
    "/usr/sbin/nodm": _nodm,
}


def _log_in(tree: Tree, live: LiveSettings) -> tuple[Warned, ...]:
    for program, configure in _SCREENS.items():
        if tree.is_file(program):
            configure(tree, live.user)
    if tree.is_dir("/usr/lib/systemd/system"):
        common = f"-/sbin/agetty --noclear --autologin {live.user}"
        for path, more in ((_CONSOLE, "%I $TERM"), (_SERIAL, "--keep-baud 115200,57600 %I $TERM")):
            text = f"[Service]\nExecStart=\nExecStart={common} {more}\n"
            add(tree, path, text.encode())
    if tree.is_file("/usr/libexec/gnome-initial-setup"):
        _skip_welcome(tree, live.user)
    return ()


def _skip_welcome(tree: Tree, user: str) -> None:
    home = f"/home/{user}"
    if not tree.is_dir(home):
        return
    owner = tree.resolve(home).lstat()
    folder = f"{home}/.config"
    if not tree.is_dir(folder):
        tree.make_directory(folder, mode=0o700, uid=owner.st_uid, gid=owner.st_gid)
    path = f"{home}/{_WELCOME}"
    tree.write(path, b"yes\n", mode=0o644, uid=owner.st_uid, gid=owner.st_gid)


def _set(tree: Tree, path: str, section: str, values: Mapping[str, str]) -> None:
    lines = lines_of(tree, path)
    changed = with_values(lines or (), section, values)
    if lines is None:
        add(tree, path, "".join(changed).encode())
    else:
        put_lines(tree, path, changed)


def _session(tree: Tree) -> tuple[str, str] | None:
    """Return the folder and the file of the session to log in to; None where there is none."""
    found = [
        (folder, path.rpartition("/")[2])
        for folder in _SESSIONS
        for path in tree.glob(folder, "*.desktop")
    ]
    preferred = [each for name in _PREFERRED for each in found if each[1] == name]
    return next(iter((*preferred, *found)), None)


RULES: Final = (
    Rule(
        name="live-login",
        reason="the live user is logged in by itself, on the login screen and on the consoles",
        edits=(*_GDM, _LIGHTDM, _SDDM, "/etc/sddm.conf", _PLASMA, _GREETD, _LXDM, _SLIM, _NODM,
               _CONSOLE, _SERIAL, f"/home/*/{_WELCOME}"),
        edit=_log_in,
    ),
)  # fmt: skip
