"""Nobody who looks at a live system finds it locked, asleep, or asking to be set up.

What a desktop's own settings can say is said for the whole system, as a default that its user can
change: dconf(7), KConfig's /etc/xdg, logind.conf(5). The rest is in the live user's home: xfconf,
xscreensaver(1), the XDG Autostart specification.
"""

from collections.abc import Mapping
from typing import Final

from builder.formats.recipe import LiveSettings
from builder.inside.rules.rule import Rule, Warned, add, expand, lines_of
from builder.inside.session.dconf_database import Value, database
from builder.inside.session.ini import with_values
from builder.inside.session.texts import put_text
from builder.inside.tree.tree import Tree

_DCONF: Final = "/usr/lib/*/gio/modules/libdconfsettings.so"
_NAME: Final = "distroclone-builder-live"
_DATABASE: Final = f"/etc/dconf/db/{_NAME}"
_PROFILE: Final = "/etc/dconf/profile/user"
_PROFILES: Final = (_PROFILE, "/usr/local/share/dconf/profile/user",
                    "/usr/share/dconf/profile/user")  # fmt: skip
_GNOME: Final = "/org/gnome"
_KEYS: Final[Mapping[str, Value]] = {
    f"{_GNOME}/desktop/session/idle-delay": ("u", 0),
    f"{_GNOME}/desktop/screensaver/lock-enabled": ("b", False),
    f"{_GNOME}/desktop/screensaver/ubuntu-lock-on-suspend": ("b", False),
    f"{_GNOME}/settings-daemon/plugins/power/sleep-inactive-ac-type": ("s", "nothing"),
    f"{_GNOME}/settings-daemon/plugins/power/sleep-inactive-battery-type": ("s", "nothing"),
    f"{_GNOME}/shell/welcome-dialog-last-shown-version": ("s", "9999"),
    f"{_GNOME}/software/download-updates": ("b", False),
    f"{_GNOME}/software/first-run": ("b", False),
    "/org/cinnamon/desktop/session/idle-delay": ("u", 0),
    "/org/cinnamon/desktop/screensaver/lock-enabled": ("b", False),
    "/org/cinnamon/settings-daemon/plugins/power/sleep-inactive-ac-timeout": ("i", 0),
    "/org/cinnamon/settings-daemon/plugins/power/sleep-inactive-battery-timeout": ("i", 0),
    "/org/mate/screensaver/lock-enabled": ("b", False),
    "/org/mate/screensaver/idle-activation-enabled": ("b", False),
    "/org/mate/power-manager/sleep-computer-ac": ("i", 0),
    "/org/mate/power-manager/sleep-computer-battery": ("i", 0),
}

_LOGIND: Final = "/etc/systemd/logind.conf.d/zz-distroclone-builder.conf"
_PLASMA: Final = "/usr/bin/plasmashell"
_POWER: Final = ("AC", "Battery", "LowBattery")
_BUTTONS: Final = {"lidAction": "1", "powerButtonAction": "16"}  # sleep; ask
# File, group and values. Plasma 5 takes no default at all once its file has a group.
_KCONFIG: Final[tuple[tuple[str, str, Mapping[str, str]], ...]] = (
    ("/etc/xdg/kscreenlockerrc", "Daemon", {"Autolock": "false", "LockOnResume": "false"}),
    ("/etc/xdg/plasma-welcomerc", "General", {"LastSeenVersion": "99.0.0"}),
    *(("/etc/xdg/powerdevilrc", f"{each}][SuspendAndShutdown", {"AutoSuspendAction": "0"})
      for each in _POWER),
    *(("/etc/xdg/powermanagementprofilesrc", f"{each}][HandleButtonEvents", _BUTTONS)
      for each in _POWER),
)  # fmt: skip

_XFCONF: Final = ".config/xfce4/xfconf/xfce-perchannel-xml/xfce4-screensaver.xml"
_XFCE_UNLOCKED: Final = b"""\
<?xml version="1.0" encoding="UTF-8"?>
<channel name="xfce4-screensaver" version="1.0">
  <property name="lock" type="empty">
    <property name="enabled" type="bool" value="false"/>
  </property>
</channel>
"""
_XSCREENSAVER: Final = ".xscreensaver"
_WELCOMED: Final = ".config/gnome-initial-setup-done"
_AUTOSTART: Final = ".config/autostart"
_HIDDEN: Final = b"[Desktop Entry]\nType=Application\nName=Not in a live session\nHidden=true\n"
# What starts with a session, and would lock it, look for updates, make backups, or ask.
_STARTED: Final = (
    "light-locker", "mintupdate", "mintreport", "mintwelcome", "io.elementary.onboarding",
    "org.gnome.DejaDup.Monitor", "org.kde.discover.notifier", "org.gnome.Software",
    "gnome-software-service", "package-update-indicator", "pk-update-icon", "ubuntu-mate-welcome",
    "ubuntu-report-on-upgrade", "update-notifier",
)  # fmt: skip


def _leave_in_peace(tree: Tree, live: LiveSettings) -> tuple[Warned, ...]:
    if expand(tree, (_DCONF,)):
        _set_dconf(tree)
    if tree.is_file(_PLASMA):
        for path, group, values in _KCONFIG:
            put_text(tree, path, with_values(lines_of(tree, path) or (), group, values))
    if tree.is_file("/usr/lib/systemd/systemd-logind"):
        add(tree, _LOGIND, b"[Login]\nIdleAction=ignore\n")
    home = f"/home/{live.user}"
    if tree.is_dir(home):
        _set_home(tree, home)
    return ()


def _set_dconf(tree: Tree) -> None:
    """Add our database to the profile of users; what they set themselves counts first."""
    add(tree, _DATABASE, database(_KEYS))
    lines = next((lines for path in _PROFILES if (lines := lines_of(tree, path))), [])
    own = f"system-db:{_NAME}\n"
    # The first source is the one that is written to.
    after = next((n for n, line in enumerate(lines, 1) if line.partition("#")[0].strip()), 0)
    put_text(tree, _PROFILE, [*(lines[:after] or ["user-db:user\n"]), own, *lines[after:]])


def _set_home(tree: Tree, home: str) -> None:
    if tree.is_file("/usr/libexec/gnome-initial-setup"):
        _write(tree, home, _WELCOMED, b"yes\n")
    if tree.is_file("/usr/bin/xfce4-screensaver") and not tree.exists(f"{home}/{_XFCONF}"):
        _write(tree, home, _XFCONF, _XFCE_UNLOCKED)
    if tree.is_file("/usr/bin/xscreensaver"):
        lines = lines_of(tree, f"{home}/{_XSCREENSAVER}") or []
        kept = [line for line in lines if line.partition(":")[0].strip() not in ("lock", "mode")]
        text = "".join([*kept, "lock:\tFalse\n", "mode:\toff\n"])
        _write(tree, home, _XSCREENSAVER, text.encode("utf-8", "surrogateescape"))
    for name in _STARTED:
        if tree.exists(f"/etc/xdg/autostart/{name}.desktop"):
            _write(tree, home, f"{_AUTOSTART}/{name}.desktop", _HIDDEN)


def _write(tree: Tree, home: str, name: str, data: bytes) -> None:
    """Write a file below a home, with folders that are its owner's too."""
    owner = tree.resolve(home).lstat()
    folder = home
    for part in name.split("/")[:-1]:
        folder = f"{folder}/{part}"
        if not tree.is_dir(folder):
            tree.make_directory(folder, mode=0o700, uid=owner.st_uid, gid=owner.st_gid)
    tree.write(f"{home}/{name}", data, mode=0o644, uid=owner.st_uid, gid=owner.st_gid)


RULES: Final = (
    Rule(
        name="live-undisturbed",
        reason="no screen lock, no sleep, no welcome and no search for updates; the live user can "
        "change that",
        edits=(_DATABASE, _PROFILE, _LOGIND,
               *dict.fromkeys(path for path, _group, _values in _KCONFIG),
               *(f"/home/*/{name}" for name in (_WELCOMED, _XFCONF, _XSCREENSAVER)),
               f"/home/*/{_AUTOSTART}/*"),
        edit=_leave_in_peace,
    ),
)  # fmt: skip
