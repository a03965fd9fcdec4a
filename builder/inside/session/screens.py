"""The live session starts by itself on every login screen that is there.

Sources: gdm3's custom.conf, lightdm.conf(5) of lightdm 1.32, sddm.conf(5), greetd(5), lxdm's and
slim's own files, nodm(8). Screens that cannot do that are left to `consoles`.
"""

from collections.abc import Callable, Mapping
from typing import Final

from builder.formats.recipe import LiveSettings
from builder.inside.debian.facts import read_os_release
from builder.inside.rules.rule import Rule, Warned, expand, lines_of
from builder.inside.session.desktops import has_program, has_x_session, sessions_of
from builder.inside.session.ini import value_in, with_values
from builder.inside.session.texts import put_text
from builder.inside.tree.tree import Tree

_GDM: Final = ("/etc/gdm3/custom.conf", "/etc/gdm3/daemon.conf")  # Ubuntu's, Debian's
_LIGHTDM: Final = "/etc/lightdm/lightdm.conf"
_DEFAULT: Final = "lightdm-xsession"
_SDDM: Final = "/etc/sddm.conf.d/zz-distroclone-builder.conf"
_SDDM_LAST: Final = "/etc/sddm.conf"  # which is read after the folder
_SDDM_ALL: Final = ("/usr/lib/sddm/sddm.conf.d/*.conf", "/etc/sddm.conf.d/*.conf", _SDDM_LAST)
_PLASMA: Final = "/etc/plasmalogin.conf.d/zz-distroclone-builder.conf"
_PLASMA_LAST: Final = "/etc/plasmalogin.conf"
_PLASMA_ALL: Final = ("/etc/plasmalogin.conf.d/*.conf", _PLASMA_LAST)
_GREETD: Final = "/etc/greetd/*.toml"
_LXDM: Final = "/etc/lxdm/lxdm.conf"
_SLIM: Final = "/etc/slim.conf"
_NODM: Final = "/etc/default/nodm"


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
    lines = lines_of(tree, _LIGHTDM) or []
    keys = ("autologin-session", "user-session")
    named = next((name for key in keys if (name := value_in(lines, "Seat:*", key))), None)
    others = [each.file.removesuffix(".desktop") for each in sessions_of(tree)]
    # Debian's default starts what X has; a system that has only others would start nothing.
    fine = has_x_session(tree) if named in (None, _DEFAULT) else named in others
    if others and not fine:
        values |= {"autologin-session": others[0]}
    _set(tree, _LIGHTDM, "Seat:*", values)


def _sddm(tree: Tree, user: str) -> None:
    _with_session(tree, user, own=_SDDM, last=_SDDM_LAST, every=_SDDM_ALL)


def _plasma_login(tree: Tree, user: str) -> None:
    _with_session(tree, user, own=_PLASMA, last=_PLASMA_LAST, every=_PLASMA_ALL)


def _with_session(tree: Tree, user: str, *, own: str, last: str, every: tuple[str, ...]) -> None:
    """Name user and session: the one that the system names itself, if it is there."""
    there = {each.file for each in sessions_of(tree)}
    first = next(iter(sessions_of(tree)), None)
    session = first.file if first else None
    for path in expand(tree, every):
        named = value_in(lines_of(tree, path) or [], "Autologin", "Session")
        if named:
            file = f"{named.rpartition('/')[2].removesuffix('.desktop')}.desktop"
            session = file if file in there else session
    values = {"User": user, "Relogin": "false"} | ({"Session": session} if session else {})
    _set(tree, own, "Autologin", values)
    if tree.is_file(last):
        _set(tree, last, "Autologin", values)


def _greetd(tree: Tree, user: str) -> None:
    """Give greetd the command of the session, which it cannot find itself."""
    usable = [each for each in sessions_of(tree) if each.wayland or has_program(tree, "startx")]
    if not usable:
        return
    command = usable[0].command if usable[0].wayland else f"startx {usable[0].command}"
    quoted = command.replace("\\", "\\\\").replace('"', '\\"')
    for path in expand(tree, (_GREETD,)):
        _set(tree, path, "initial_session", {"command": f'"{quoted}"', "user": f'"{user}"'})


def _lxdm(tree: Tree, user: str) -> None:
    _set(tree, _LXDM, "base", {"autologin": user})


def _slim(tree: Tree, user: str) -> None:
    lines = lines_of(tree, _SLIM) or []
    kept = [line for line in lines if line.split()[:1] not in (["default_user"], ["auto_login"])]
    put_text(tree, _SLIM, [*kept, f"default_user {user}\n", "auto_login yes\n"])


def _nodm(tree: Tree, user: str) -> None:
    names = ("NODM_ENABLED", "NODM_USER")
    lines = lines_of(tree, _NODM) or []
    kept = [line for line in lines if line.partition("=")[0].strip() not in names]
    put_text(tree, _NODM, [*kept, "NODM_ENABLED=true\n", f"NODM_USER={user}\n"])


SCREENS: Final[Mapping[str, Callable[[Tree, str], None]]] = {
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
    for program, configure in SCREENS.items():
        if tree.is_file(program):
            configure(tree, live.user)
    return ()


def _set(tree: Tree, path: str, section: str, values: Mapping[str, str]) -> None:
    put_text(tree, path, with_values(lines_of(tree, path) or (), section, values))


RULES: Final = (
    Rule(
        name="live-login",
        reason="the live user is logged in by itself on the login screen",
        edits=(*_GDM, _LIGHTDM, _SDDM, _SDDM_LAST, _PLASMA, _PLASMA_LAST, _GREETD, _LXDM, _SLIM,
               _NODM),
        edit=_log_in,
    ),
)  # fmt: skip
