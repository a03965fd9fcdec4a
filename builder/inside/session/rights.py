"""How the live user becomes root, at this machine: with sudo, polkit, or su where there is no sudo.

Formats: sudoers(5), polkit(8), pam.d(5).
"""

import re
from typing import Final

from builder.formats.recipe import LiveSettings
from builder.inside.rules.rule import Rule, Warned, add, lines_of, put_lines
from builder.inside.tree.tree import Tree

SUDOERS: Final = "/etc/sudoers.d/zz-distroclone-builder-live"
POLKIT: Final = "/etc/polkit-1/rules.d/00-distroclone-builder-live.rules"
_SUDO: Final = ("/usr/bin/sudo", "/usr/bin/sudo-rs", "/usr/lib/cargo/bin/sudo")
_POLKIT: Final = ("/usr/lib/polkit-1/polkitd", "/usr/libexec/polkitd")
_INCLUDED: Final = re.compile(r"\s*[@#]includedir\s+/etc/sudoers\.d/?\s*")
_SU: Final = "/etc/pam.d/su"
_RULE: Final = """\
// Whoever is at a live system may do everything: it has no other administrator.
polkit.addRule(function(action, subject) {{
    if (subject.user == "{user}" && subject.local) {{
        return polkit.Result.YES;
    }}
}});
"""


def _grant(tree: Tree, live: LiveSettings) -> tuple[Warned, ...]:
    if any(tree.is_file(path) for path in _SUDO):
        _let_sudo(tree, live.user)
    elif (lines := lines_of(tree, _SU)) is not None:
        # The one who asks, not the one that he wants to be.
        own = f"auth sufficient pam_succeed_if.so quiet use_uid user = {live.user}\n"
        put_lines(tree, _SU, [own, *lines])
    if any(tree.is_file(path) for path in _POLKIT):
        add(tree, POLKIT, _RULE.format(user=live.user).encode())
    return ()


def _let_sudo(tree: Tree, user: str) -> None:
    add(tree, SUDOERS, f"{user} ALL=(ALL:ALL) NOPASSWD: ALL\n".encode(), mode=0o440)
    lines = lines_of(tree, "/etc/sudoers")
    if lines is not None and not any(_INCLUDED.fullmatch(line) for line in lines):
        put_lines(tree, "/etc/sudoers", [*lines, "@includedir /etc/sudoers.d\n"])


RULES: Final = (
    Rule(
        name="live-rights",
        reason="the live user may do everything, without a password: with sudo and polkit, and "
        "where there is no sudo, with su",
        edits=(SUDOERS, "/etc/sudoers", POLKIT, _SU),
        edit=_grant,
    ),
)
