"""The live user, host name, locale, keyboard and time zone, in the form that live-config reads.

Source: the components of live-config 11.0 in /usr/lib/live/config; live-config(7). It reads
/etc/live/config.conf and then /etc/live/config.conf.d/*.conf in the order of their names, as shell.
Without a password of its own, the live user's is "live".
"""

import re
import shlex
from typing import Final

from builder.basics.errors import StepError
from builder.formats.recipe import LiveSettings
from builder.inside.debian.dpkg import installed
from builder.inside.rules.rule import Rule, Warned, add, lines_of, put_lines
from builder.inside.tree.tree import Tree

CONFIG: Final = "/etc/live/config.conf.d/zz-distroclone-builder.conf"  # after all others
_FOR_THE_USER: Final = ("live-config", "user-setup")
_NO_LOCALE_NEEDED: Final = frozenset({"C", "POSIX", "C.UTF-8", "C.utf8"})


def settings_text(live: LiveSettings) -> str:
    """Return the file for live-config; what is not set stays as it is in the system.

    live-config resets locale and time zone when none is given, and splits a time zone into exactly
    two parts; in both cases its component is disabled, unless the boot parameter asks for it.
    """
    lines = [
        "# Written by distroclone-builder.",
        f"LIVE_USERNAME={shlex.quote(live.user)}",
        f"LIVE_USER_FULLNAME={shlex.quote(live.full_name)}",
        f"LIVE_USER_DEFAULT_GROUPS={shlex.quote(' '.join(live.groups))}",
        f"LIVE_HOSTNAME={shlex.quote(live.hostname)}",
    ]
    if live.locale is None:
        lines += ["unset LIVE_LOCALES", _switched_off("locales", unless="locales=")]
    else:
        lines.append(f"LIVE_LOCALES={shlex.quote(live.locale)}")
    if live.timezone is not None and live.timezone.count("/") == 1:
        lines.append(f"LIVE_TIMEZONE={shlex.quote(live.timezone)}")
    else:
        lines += ["unset LIVE_TIMEZONE", _switched_off("tzdata", unless="timezone=")]
    if live.keyboard is not None:
        lines.append(f"LIVE_KEYBOARD_LAYOUTS={shlex.quote(live.keyboard)}")
    if live.remote_login:
        # It would turn off ssh's passwords; without systemd, the host keys need it.
        lines.append(f"[ ! -d /run/systemd/system ] || {_without('openssh-server')}")
    return "".join(f"{line}\n" for line in lines)


def _switched_off(component: str, *, unless: str) -> str:
    return f"grep -qs '{unless}' /proc/cmdline || {_without(component)}"


def _without(component: str) -> str:
    variable = "LIVE_CONFIG_NOCOMPONENTS"
    return f'{variable}="${{{variable}:+${variable},}}{component}"'


def _write_settings(tree: Tree, live: LiveSettings) -> tuple[Warned, ...]:
    add(tree, CONFIG, settings_text(live).encode())
    return ()


def _check_user(tree: Tree, live: LiveSettings) -> tuple[Warned, ...]:
    for path in ("/etc/passwd", "/etc/group"):
        if any(line.split(":")[0] == live.user for line in lines_of(tree, path) or []):
            message = "The live user cannot be called {user}: {path} already has that name"
            hint = "Choose another name for live.user."
            raise StepError(message, hint=hint, user=live.user, path=path)
    there = installed(tree, _FOR_THE_USER)
    return tuple(
        Warned(
            message="The package {package} is not installed, so there will be no live user {user};"
            " install it in the source system, then make a new backup",
            values=(("package", package), ("user", live.user)),
        )
        for package in _FOR_THE_USER
        if package not in there
    )


def _set_locale(tree: Tree, live: LiveSettings) -> tuple[Warned, ...]:
    if live.locale is None:
        return ()
    # live-config writes the same file at boot, but only if the package locales is installed.
    # Debian 13 makes /etc/default/locale a link to /etc/locale.conf at every boot.
    linked = tree.link_target("/etc/default/locale") is not None
    new_style = linked or tree.exists("/etc/locale.conf")
    path = "/etc/locale.conf" if new_style else "/etc/default/locale"
    add(tree, path, f"LANG={live.locale}\n".encode())
    packages = installed(tree, ("locales", "locales-all"))
    if live.locale in _NO_LOCALE_NEEDED or "locales-all" in packages:
        return ()
    lines = lines_of(tree, "/etc/locale.gen")
    if lines is None or "locales" not in packages:
        message = "The package locales is not installed: programs will not use {locale}"
        return (Warned(message=message, values=(("locale", live.locale),)),)
    put_lines(tree, "/etc/locale.gen", _with_locale(lines, live.locale))
    return ()


def _with_locale(lines: list[str], locale: str) -> list[str]:
    """Return locale.gen(5) lines with `locale` enabled.

    live-config does it at boot as well, but not for names like ca_ES.UTF-8@valencia.
    """
    wanted = re.compile(rf"#?\s*{re.escape(locale)}\s+(\S+)\s*$")
    charset = next((match[1] for line in lines if (match := wanted.match(line))), None)
    kept = [line for line in lines if not wanted.match(line)]
    if kept and not kept[-1].endswith("\n"):
        kept[-1] += "\n"
    named = re.search(r"\.([^@]+)", locale)
    return [*kept, f"{locale} {charset or (named[1] if named else 'ISO-8859-1')}\n"]


def _set_keyboard(tree: Tree, live: LiveSettings) -> tuple[Warned, ...]:
    if live.keyboard is None:
        return ()
    # A variant belongs to a layout; live-config would combine the old variant with the new layout.
    values = {"XKBLAYOUT": live.keyboard, "XKBVARIANT": ""}
    lines = lines_of(tree, "/etc/default/keyboard")
    others = [line for line in lines or () if line.split("=")[0].strip() not in values]
    if others and not others[-1].endswith("\n"):
        others[-1] += "\n"
    own = [f'{name}="{value}"\n' for name, value in values.items()]
    if lines is None:
        add(tree, "/etc/default/keyboard", "".join(['XKBMODEL="pc105"\n', *own]).encode())
    else:
        put_lines(tree, "/etc/default/keyboard", [*others, *own])
    for path in tree.glob("/etc/console-setup", "cached_setup_keyboard.sh"):
        tree.remove(path)
    return ()


def _set_timezone(tree: Tree, live: LiveSettings) -> tuple[Warned, ...]:
    if live.timezone is None:
        return ()
    zone = f"/usr/share/zoneinfo/{live.timezone}"
    if not tree.is_file(zone):
        message = "The system has no time zone {zone}"
        hint = (
            "Choose another live.timezone, or install tzdata or tzdata-legacy in the source "
            "system, then make a new backup."
        )
        raise StepError(message, hint=hint, zone=live.timezone)
    tree.symlink("/etc/localtime", zone)
    if tree.exists("/etc/timezone"):
        add(tree, "/etc/timezone", f"{live.timezone}\n".encode())
    return ()


RULES: Final = (
    Rule(
        name="live-settings",
        reason="the live user, host name and the rest of `live:` in build.yaml",
        edits=(CONFIG,),
        edit=_write_settings,
    ),
    Rule(
        name="live-user",
        reason="live-config creates the user at boot, unless an account has the name or a uid from "
        '1000 up; the password is "live" or live.password_hash, and sudo does not ask for it',
        edit=_check_user,
    ),
    Rule(
        name="live-locale",
        reason="live.locale, generated at boot",
        edits=("/etc/locale.conf", "/etc/default/locale", "/etc/locale.gen"),
        edit=_set_locale,
    ),
    Rule(
        name="live-keyboard",
        reason="live.keyboard, without the variant of the previous layout",
        edits=("/etc/default/keyboard", "/etc/console-setup/cached_setup_keyboard.sh"),
        edit=_set_keyboard,
    ),
    Rule(
        name="live-time-zone",
        reason="live.timezone",
        edits=("/etc/localtime", "/etc/timezone"),
        edit=_set_timezone,
    ),
)
