"""Automatic logins of the source machine become logins of the live user.

live-config's components for login screens (11.0) keep an existing setting, but the account that it
names is gone: the screen would wait, and a console would ask again and again.
"""

import re
from typing import Final

from builder.formats.recipe import LiveSettings
from builder.inside.debian.account_files import find_people
from builder.inside.rules.rule import Rule, Warned, expand, lines_of, put_lines
from builder.inside.tree.tree import Tree

_SETTINGS: Final = (
    "/etc/lightdm/lightdm.conf", "/etc/lightdm/lightdm.conf.d/*.conf", "/etc/gdm3/*.conf",
    "/etc/sddm.conf", "/etc/sddm.conf.d/*", "/etc/lxdm/*.conf", "/etc/slim.conf",
    "/etc/greetd/*.toml",
    "/etc/systemd/system/*getty*.service", "/etc/systemd/system/*getty*.service.d/*.conf",
)  # fmt: skip
_NAMED: Final = re.compile(
    r"""(?P<before>
      ^\s*(?:autologin-user|AutomaticLogin|TimedLogin|User|autologin|default_user)
      (?:\s*=\s*|\s+)["']?
      | \s(?:--autologin[\s=]\s*|-a\s*)  # agetty(8)
    )(?P<name>[^\s"']+)""",
    re.VERBOSE | re.IGNORECASE,
)


def _hand_over(tree: Tree, live: LiveSettings) -> tuple[Warned, ...]:
    people = find_people(lines_of(tree, "/etc/passwd") or [], lines_of(tree, "/etc/group") or [])

    def handed_over(match: re.Match[str]) -> str:
        return match["before"] + live.user if match["name"] in people.users else match[0]

    for path in expand(tree, _SETTINGS):
        lines = lines_of(tree, path)
        if lines is not None:
            put_lines(tree, path, [_NAMED.sub(handed_over, line) for line in lines])
    return ()


RULES: Final = (
    Rule(
        name="automatic-login",
        reason="the account that it names is removed; the live user is logged in instead",
        edits=_SETTINGS,
        edit=_hand_over,
    ),
)
