"""Automatic logins of the source machine go: their accounts are gone.

A login screen would wait for such an account, and a console would ask for it again and again. What
the live system logs in is another matter: `builder.inside.session.screens`.
"""

import re
from collections.abc import Collection
from typing import Final

from builder.formats.recipe import LiveSettings
from builder.inside.debian.account_files import find_people
from builder.inside.rules.rule import Rule, Warned, expand, lines_of, put_lines
from builder.inside.tree.tree import Tree

_SCREENS: Final = (
    "/etc/lightdm/lightdm.conf", "/etc/lightdm/lightdm.conf.d/*.conf", "/etc/gdm3/*.conf",
    "/etc/sddm.conf", "/etc/sddm.conf.d/*", "/etc/plasmalogin.conf", "/etc/plasmalogin.conf.d/*",
    "/etc/lxdm/*.conf", "/etc/slim.conf", "/etc/default/nodm",
)  # fmt: skip
_CONSOLES: Final = (
    "/etc/systemd/system/*getty*.service", "/etc/systemd/system/*getty*.service.d/*.conf",
)  # fmt: skip
_GREETD: Final = "/etc/greetd/*.toml"
_NAMED: Final = re.compile(
    r"\s*(?:autologin-user|AutomaticLogin|TimedLogin|User|autologin|default_user|NODM_USER)"
    r"""(?:\s*=\s*|\s+)["']?(?P<name>[^\s"']+).*""",
    re.IGNORECASE | re.DOTALL,
)
_OPTION: Final = re.compile(r"\s(?:--autologin[\s=]\s*|-a\s*)(?P<name>[^\s\"']+)")  # agetty(8)
_SECTION: Final = re.compile(r"\s*\[\s*([\w.-]+)\s*\]\s*(?:#.*)?")
_GREETER: Final = "_greetd"  # the account of Debian's package


def _end(tree: Tree, _live: LiveSettings) -> tuple[Warned, ...]:
    people = find_people(lines_of(tree, "/etc/passwd") or [], lines_of(tree, "/etc/group") or [])
    for patterns, change in (
        (_SCREENS, _without_names),
        (_CONSOLES, _without_options),
        ((_GREETD,), _without_first_session),
    ):
        for path in expand(tree, patterns):
            lines = lines_of(tree, path)
            if lines is not None:
                put_lines(tree, path, change(lines, people.users))
    return ()


def _without_names(lines: list[str], gone: Collection[str]) -> list[str]:
    return [
        line
        for line in lines
        if (found := _NAMED.fullmatch(line)) is None or found["name"] not in gone
    ]


def _without_options(lines: list[str], gone: Collection[str]) -> list[str]:
    def shortened(match: re.Match[str]) -> str:
        return "" if match["name"] in gone else match[0]

    return [_OPTION.sub(shortened, line) for line in lines]


def _without_first_session(lines: list[str], gone: Collection[str]) -> list[str]:
    """Drop greetd's session for a person; a greeter that ran as a person gets its own account."""
    sections: list[list[str]] = [[]]
    for line in lines:
        if _SECTION.fullmatch(line.rstrip("\n")):
            sections.append([])
        sections[-1].append(line)
    kept: list[str] = []
    for section in sections:
        left = _without_names(section, gone)
        if left == section:
            kept += section
        elif not section[0].strip().startswith("[initial_session"):
            kept += [*left, f'user = "{_GREETER}"\n']
    return kept


RULES: Final = (
    Rule(
        name="automatic-login",
        reason="the account that it names is removed; what the live system logs in is only in the "
        "live layer",
        edits=(*_SCREENS, *_CONSOLES, _GREETD),
        edit=_end,
    ),
)
