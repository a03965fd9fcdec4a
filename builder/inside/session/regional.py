"""Language, keyboard and time zone of the live system; what is not set stays as it is.

Formats: locale.conf(5), keyboard(5), timezone of tzdata; localedef(1) makes a locale. Plasma and
the compositors that ask libxkbcommon do not read keyboard(5): their keyboard was set in a home.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from builder.basics.errors import StepError
from builder.formats.recipe import LiveSettings
from builder.inside.debian.dpkg import installed
from builder.inside.rules.rule import Rule, Warned, add, lines_of, put_lines
from builder.inside.session.ini import with_values
from builder.inside.session.texts import put_text
from builder.inside.tree.tree import Tree

_NO_LOCALE_NEEDED: Final = frozenset({"C", "POSIX", "C.UTF-8", "C.utf8"})
_SYSTEMDS: Final = "/etc/locale.conf"
_DEBIANS: Final = "/etc/default/locale"
_KEYBOARD: Final = "/etc/default/keyboard"
_KXKB: Final = "/etc/xdg/kxkbrc"
_ENVIRONMENT: Final = "/etc/environment"
_LAYOUTS: Final = re.compile(r"[A-Za-z0-9_,-]*")
_ARCHIVE: Final = "/usr/lib/locale/locale-archive"
_LARGEST: Final = 1 << 30  # bytes of an archive with every locale
_SOURCES: Final = "/usr/share/i18n/locales"
_UNIT_NAME: Final = "distroclone-builder-locale.service"
UNIT: Final = f"/usr/lib/systemd/system/{_UNIT_NAME}"
ENABLED: Final = f"/etc/systemd/system/multi-user.target.wants/{_UNIT_NAME}"
_PARTS: Final = re.compile(r"([A-Za-z_]+)(?:\.([A-Za-z0-9-]+))?(@[a-z]+)?")
_TEMPLATE: Final = (Path(__file__).parent.parent / "files" / _UNIT_NAME).read_text("utf-8")


def _set_locale(tree: Tree, live: LiveSettings) -> tuple[Warned, ...]:
    if live.locale is None:
        return ()
    # Debian 13 makes /etc/default/locale a link to /etc/locale.conf at every boot. Where both are
    # files, some programs read one of them, some the other.
    linked = tree.link_target(_DEBIANS) is not None
    text = f"LANG={live.locale}\n".encode()
    if linked or tree.exists(_SYSTEMDS):
        add(tree, _SYSTEMDS, text)
    if not linked and (tree.exists(_DEBIANS) or not tree.exists(_SYSTEMDS)):
        add(tree, _DEBIANS, text)
    if live.locale in _NO_LOCALE_NEEDED or _is_made(tree, live.locale):
        return ()
    command = making_locale(tree, live.locale)
    if command is None or not tree.is_dir("/usr/lib/systemd/system"):
        message = "The system can neither use nor make the locale {locale}: it speaks English"
        return (Warned(message=message, values=(("locale", live.locale),)),)
    add(tree, UNIT, _TEMPLATE.replace("@COMMAND@", command).encode())
    tree.symlink(ENABLED, UNIT)
    return ()


def _is_made(tree: Tree, locale: str) -> bool:
    """Whether the system has a locale, under the name that glibc gives its character set."""
    if "locales-all" in installed(tree, ("locales-all",)):
        return True
    name = _normalized(locale)
    if tree.is_dir(f"/usr/lib/locale/{name}"):
        return True
    wanted = f"\0{name}\0".encode()
    return tree.is_file(_ARCHIVE) and wanted in tree.read_bytes(_ARCHIVE, limit=_LARGEST)


def _normalized(locale: str) -> str:
    """Return "de_DE.utf8" of "de_DE.UTF-8", as in glibc's _nl_normalize_codeset."""
    found = _PARTS.fullmatch(locale)
    if found is None or found[2] is None:
        return locale
    charset = re.sub(r"[^a-z0-9]", "", found[2].lower())
    return f"{found[1]}.{charset}{found[3] or ''}"


def making_locale(tree: Tree, locale: str) -> str | None:
    """Return the command that makes a locale; None where the system has not what it takes."""
    found = _PARTS.fullmatch(locale)
    if found is None or not tree.is_file("/usr/bin/localedef"):
        return None
    source, charset = f"{found[1]}{found[3] or ''}", found[2] or "ISO-8859-1"
    if not tree.is_file(f"{_SOURCES}/{source}"):
        return None
    alias = "/usr/share/locale/locale.alias"
    with_alias = f" -A {alias}" if tree.is_file(alias) else ""
    return f"/usr/bin/localedef -c -i {source} -f {charset}{with_alias} {locale}"


def _set_keyboard(tree: Tree, live: LiveSettings) -> tuple[Warned, ...]:
    if live.keyboard is not None:
        _set_layout(tree, live.keyboard)
    lines = lines_of(tree, _KEYBOARD) or []
    layout, variant = (_assigned(lines, name) for name in ("XKBLAYOUT", "XKBVARIANT"))
    if not layout or not tree.is_dir("/usr/share/wayland-sessions"):
        return ()
    if tree.is_file("/usr/bin/plasmashell"):
        values = {"Use": "true", "LayoutList": layout, "VariantList": variant}
        put_text(tree, _KXKB, with_values(lines_of(tree, _KXKB) or (), "Layout", values))
    rows = {"XKB_DEFAULT_LAYOUT": layout, "XKB_DEFAULT_VARIANT": variant}
    kept = [
        line for line in lines_of(tree, _ENVIRONMENT) or () if line.partition("=")[0] not in rows
    ]
    put_text(tree, _ENVIRONMENT, [*kept, *(f"{name}={value}\n" for name, value in rows.items())])
    return ()


def _assigned(lines: Sequence[str], name: str) -> str:
    """Return what a shell would assign to a name, if that is a list of layouts or variants."""
    found = [line.partition("=")[2] for line in lines if line.partition("=")[0].strip() == name]
    value = found[-1].strip().strip("\"'") if found else ""
    return value if _LAYOUTS.fullmatch(value) else ""


def _set_layout(tree: Tree, keyboard: str) -> None:
    # A variant belongs to a layout.
    values = {"XKBLAYOUT": keyboard, "XKBVARIANT": ""}
    lines = lines_of(tree, _KEYBOARD)
    others = [line for line in lines or () if line.split("=")[0].strip() not in values]
    if others and not others[-1].endswith("\n"):
        others[-1] += "\n"
    own = [f'{name}="{value}"\n' for name, value in values.items()]
    if lines is None:
        add(tree, _KEYBOARD, "".join(['XKBMODEL="pc105"\n', *own]).encode())
    else:
        put_lines(tree, _KEYBOARD, [*others, *own])
    for path in tree.glob("/etc/console-setup", "cached_setup_keyboard.sh"):
        tree.remove(path)


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
        name="live-locale",
        reason="live.locale; where the system has not made it yet, it is made at boot",
        edits=(_SYSTEMDS, _DEBIANS, UNIT, ENABLED),
        edit=_set_locale,
    ),
    Rule(
        name="live-keyboard",
        reason="live.keyboard, without the variant of the previous layout; Wayland sessions "
        "are told it too, or the system's own",
        edits=(_KEYBOARD, "/etc/console-setup/cached_setup_keyboard.sh", _KXKB, _ENVIRONMENT),
        edit=_set_keyboard,
    ),
    Rule(
        name="live-time-zone",
        reason="live.timezone",
        edits=("/etc/localtime", "/etc/timezone"),
        edit=_set_timezone,
    ),
)
