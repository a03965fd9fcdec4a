"""Settings that refer to what was left out or removed: one row for each format and its places."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from builder.inside.leftovers import allowed, entries, line_formats, sections
from builder.inside.leftovers.alternatives import DATABASE, LINKS, choose_again
from builder.inside.leftovers.gone import Gone
from builder.inside.leftovers.homes import PLACES as WITH_HOMES
from builder.inside.leftovers.homes import rename_homes
from builder.inside.leftovers.lines import Format, drop_entries
from builder.inside.leftovers.links import PLACES as WITH_LINKS
from builder.inside.leftovers.links import drop_links
from builder.inside.leftovers.pam import neutralise
from builder.inside.leftovers.sections import Blocks, Sections, drop_blocks, drop_sections
from builder.inside.leftovers.shell_text import drop_commands
from builder.inside.rules.rule import Rule, Warned, expand
from builder.inside.tree.tree import Tree

Change = Callable[[Tree, Gone, str], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """Files in one format, and what is done to each; that returns whether it changed anything."""

    files: tuple[str, ...]
    change: Change


def _entries(form: Format, *files: str) -> _Row:
    return _Row(files=files, change=lambda tree, gone, path: drop_entries(tree, gone, path, form))


def _sections(form: Sections, *files: str) -> _Row:
    return _Row(files=files, change=lambda tree, gone, path: drop_sections(tree, gone, path, form))


def _blocks(form: Blocks, *files: str) -> _Row:
    return _Row(files=files, change=lambda tree, gone, path: drop_blocks(tree, gone, path, form))


def _whole(is_gone: Change, *files: str) -> _Row:
    def change(tree: Tree, gone: Gone, path: str) -> bool:
        return is_gone(tree, gone, path) and tree.remove(path)

    return _Row(files=files, change=change)


def _change(change: Change, *files: str) -> _Row:
    return _Row(files=files, change=change)


_JOBS: Final = (
    _entries(line_formats.crontab, "/etc/crontab", "/etc/cron.d/*"),
    _entries(line_formats.anacrontab, "/etc/anacrontab"),
    _entries(line_formats.incron, "/etc/incron.d/*", "/var/spool/incron/*"),
    _entries(line_formats.inittab, "/etc/inittab"),
    _entries(line_formats.inetd, "/etc/inetd.conf", "/etc/inetd.d/*"),
    _blocks(sections.XINETD, "/etc/xinetd.conf", "/etc/xinetd.d/*"),
    _sections(sections.SUPERVISED, "/etc/supervisord.conf", "/etc/supervisor/conf.d/*.conf",
              "/etc/supervisord.d/*"),
    _change(drop_commands, "/etc/rc.local", "/etc/rc.shutdown"),
    _whole(entries.names_gone_path, "/etc/cron.*ly/*", "/etc/network/if-*.d/*",
           "/etc/NetworkManager/dispatcher.d/*", "/etc/NetworkManager/dispatcher.d/*/*",
           "/etc/networkd-dispatcher/*/*", "/etc/X11/Xsession.d/*", "/etc/update-motd.d/*",
           "/etc/kernel/*.d/*", "/etc/acpi/events/*", "/etc/dhcp/dhclient-*-hooks.d/*",
           "/etc/apt/apt.conf.d/*", "/etc/monit/conf.d/*", "/etc/monit/conf-enabled/*",
           "/etc/initramfs-tools/hooks/*", "/etc/initramfs-tools/scripts/*/*"),
    _change(entries.drop_service_folder, "/etc/sv/*/run", "/etc/s6/*/run"),
    _blocks(sections.LOGROTATE, "/etc/logrotate.d/*", "/etc/logrotate.conf"),
)  # fmt: skip
_ACCOUNTS: Final = (
    _entries(line_formats.statoverride, "/var/lib/dpkg/statoverride"),
    _entries(line_formats.sysusers, "/etc/sysusers.d/*.conf", "/usr/local/lib/sysusers.d/*.conf"),
    _entries(line_formats.tmpfiles, "/etc/tmpfiles.d/*.conf", "/usr/local/lib/tmpfiles.d/*.conf"),
    _entries(line_formats.udev, "/etc/udev/rules.d/*.rules", "/usr/local/lib/udev/rules.d/*.rules"),
    _entries(line_formats.limits, "/etc/security/limits.conf", "/etc/security/limits.d/*.conf"),
    _entries(line_formats.semicolons, "/etc/security/group.conf", "/etc/security/time.conf"),
    _entries(line_formats.name, "/etc/cron.deny", "/etc/at.deny", "/etc/ftpusers",
             "/etc/vsftpd.user_list", "/etc/incron.deny"),
    _entries(line_formats.key_colon, "/etc/aliases", "/etc/mail/aliases", "/etc/email-addresses"),
    _entries(line_formats.user_map, "/etc/samba/smbusers", "/etc/samba/*.map"),
    _change(allowed.hand_over_names, "/etc/cron.allow", "/etc/at.allow", "/etc/incron.allow",
            "/etc/vsftpd.chroot_list", "/etc/X11/Xwrapper.config"),
    _change(allowed.hand_over_access, "/etc/security/access.conf", "/etc/security/access.d/*.conf"),
    _change(allowed.hand_over_ssh, "/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d/*.conf"),
    _change(allowed.unhide, "/etc/lightdm/users.conf", "/etc/sddm.conf", "/etc/sddm.conf.d/*",
            "/etc/lightdm/*greeter*.conf", "/etc/gdm3/*.conf", "/etc/lxdm/*.conf"),
    _sections(sections.POLKIT, "/etc/polkit-1/localauthority/*/*.pkla",
              "/var/lib/polkit-1/localauthority/*/*.pkla"),
    _whole(entries.names_gone_account, "/etc/polkit-1/rules.d/*.rules"),
    _change(entries.drop_policies, "/etc/dbus-1/system.d/*.conf", "/etc/dbus-1/session.d/*.conf",
            "/etc/dbus-1/*.conf"),
)  # fmt: skip
_SHARES: Final = (
    _sections(sections.SAMBA, "/etc/samba/smb.conf", "/etc/samba/smb.conf.d/*.conf"),
    _change(allowed.hand_over_shares, "/etc/samba/smb.conf", "/etc/samba/smb.conf.d/*.conf"),
    _sections(sections.MODULES, "/etc/rsyncd.conf", "/etc/rsyncd.d/*", "/etc/netatalk/afp.conf"),
    _entries(line_formats.path, "/etc/auto.*", "/etc/auto.master.d/*", "/etc/minidlna.conf"),
)
_SITES: Final = (
    _whole(entries.names_gone_path, "/etc/nginx/sites-enabled/*", "/etc/nginx/conf.d/*.conf",
           "/etc/apache2/sites-enabled/*", "/etc/apache2/conf-enabled/*",
           "/etc/lighttpd/conf-enabled/*", "/etc/uwsgi/apps-enabled/*"),
    _sections(sections.POOL, "/etc/php/*/fpm/pool.d/*.conf"),
)  # fmt: skip
_PLACES: Final = (
    _entries(line_formats.path, "/etc/shells", "/etc/ld.so.conf", "/etc/ld.so.conf.d/*.conf",
             "/etc/ld.so.preload", "/etc/apt/sources.list", "/etc/apt/sources.list.d/*.list"),
    _whole(entries.names_gone_path, "/etc/apt/sources.list.d/*.sources"),
    _entries(line_formats.sudo_include, "/etc/sudoers", "/etc/sudoers.d/*"),
)  # fmt: skip
_MENU: Final = (
    _whole(entries.is_entry_of_gone, "/usr/share/applications/*.desktop",
           "/usr/share/applications/*/*.desktop", "/usr/local/share/applications/*.desktop",
           "/etc/xdg/autostart/*.desktop", "/etc/skel/Desktop/*.desktop",
           "/etc/skel/.config/autostart/*.desktop", "/usr/share/xsessions/*.desktop",
           "/usr/share/wayland-sessions/*.desktop", "/usr/share/dbus-1/services/*.service",
           "/usr/share/dbus-1/system-services/*.service",
           "/usr/local/share/dbus-1/*services/*.service"),
)  # fmt: skip
_APPLICATIONS: Final = ("/usr/share/applications", "/usr/local/share/applications",
                        "/var/lib/snapd/desktop/applications",
                        "/var/lib/flatpak/exports/share/applications")  # fmt: skip
_DEFAULTS: Final = ("/etc/xdg/*mimeapps.list", "/usr/share/applications/*mimeapps.list",
                    "/usr/share/applications/defaults.list",
                    "/usr/share/applications/mimeinfo.cache",
                    "/usr/local/share/applications/*mimeapps.list",
                    "/usr/local/share/applications/mimeinfo.cache",
                    "/etc/skel/.config/mimeapps.list")  # fmt: skip


def _files(rows: tuple[_Row, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(pattern for row in rows for pattern in row.files))


def _changed(tree: Tree, gone: Gone, rows: tuple[_Row, ...]) -> list[str]:
    return [
        path
        for row in rows
        for path in expand(tree, row.files)
        if tree.is_file(path) and row.change(tree, gone, path)
    ]


def _quietly(rows: tuple[_Row, ...]) -> Callable[[Tree, Gone], tuple[Warned, ...]]:
    def follow(tree: Tree, gone: Gone) -> tuple[Warned, ...]:
        _changed(tree, gone, rows)
        return ()

    return follow


def _disable_sites(tree: Tree, gone: Gone) -> tuple[Warned, ...]:
    message = "{path} refers to things that are left out, so the ISO does not have it"
    return tuple(
        Warned(message=message, values=(("path", path),)) for path in _changed(tree, gone, _SITES)
    )


def _drop_menu_entries(tree: Tree, gone: Gone) -> tuple[Warned, ...]:
    _changed(tree, gone, _MENU)
    names = [{*where.listdir(path)} for where in (gone.source, tree) for path in _APPLICATIONS]
    before, after = names[: len(_APPLICATIONS)], names[len(_APPLICATIONS) :]
    removed = frozenset(set().union(*before) - set().union(*after))
    for path in expand(tree, _DEFAULTS):
        entries.forget_entries(tree, path, removed)
    return ()


def _neutralise(tree: Tree, gone: Gone) -> tuple[Warned, ...]:
    paths = expand(tree, ("/etc/pam.d/*", "/etc/pam.conf"))
    message = "{path} asked for a file that is removed, such as a second factor; it no longer does"
    return tuple(
        Warned(message=message, values=(("path", path),))
        for path in paths
        if neutralise(tree, gone, path)
    )


def _drop_links(tree: Tree, gone: Gone) -> tuple[Warned, ...]:
    choose_again(tree, gone)
    drop_links(tree, gone)
    return ()


def _rename_homes(tree: Tree, gone: Gone) -> tuple[Warned, ...]:
    rename_homes(tree, gone)
    return ()


RULES: Final = (
    Rule(
        name="leftover-jobs",
        reason="jobs, scripts and log settings of a removed account, or about a path that is gone",
        edits=_files(_JOBS),
        follow=_quietly(_JOBS),
    ),
    Rule(
        name="leftover-accounts",
        reason="entries for removed accounts and groups: some programs refuse to work with unknown "
        "names, others would make them again. The live user takes their place in lists of those "
        "who may do something",
        edits=_files(_ACCOUNTS),
        follow=_quietly(_ACCOUNTS),
    ),
    Rule(
        name="leftover-shares",
        reason="shares and maps of folders that are gone, or for removed accounts",
        edits=_files(_SHARES),
        follow=_quietly(_SHARES),
    ),
    Rule(
        name="leftover-sites",
        reason="web sites and pools whose pages, keys or accounts are gone: the server would not "
        "start",
        edits=_files(_SITES),
        follow=_disable_sites,
    ),
    Rule(
        name="leftover-second-factors",
        reason="log-ins that need a file that is gone: nobody could log in",
        edits=("/etc/pam.d/*", "/etc/pam.conf"),
        follow=_neutralise,
    ),
    Rule(
        name="leftover-places",
        reason="shells, libraries, package sources and included rules that are gone",
        edits=_files(_PLACES),
        follow=_quietly(_PLACES),
    ),
    Rule(
        name="leftover-menu-entries",
        reason="menu entries and bus services of programs that are gone, and defaults that name "
        "them",
        edits=(*_files(_MENU), *_DEFAULTS),
        follow=_drop_menu_entries,
    ),
    Rule(
        name="leftover-links",
        reason="links to what is gone; alternatives are chosen among those that are left",
        edits=(*(f"{place}/**" for place in WITH_LINKS), f"{DATABASE}/*", f"{LINKS}/*"),
        follow=_drop_links,
    ),
    Rule(
        name="former-homes",
        reason="the homes of removed accounts in other settings become those of `live-user`, the "
        "live user",
        edits=tuple(f"{place}/**" for place in WITH_HOMES),
        follow=_rename_homes,
    ),
)
