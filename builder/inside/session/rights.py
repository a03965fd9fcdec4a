"""How the live user becomes root, at this machine: with sudo, polkit, doas, or su without sudo.

Formats: sudoers(5), which sudo-rs reads too; polkit(8), and pklocalauthority(8) of polkit before
0.106; doas.conf(5); pam.d(5).
"""

import re
from typing import Final

from builder.formats.recipe import LiveSettings
from builder.inside.rules.rule import Rule, Warned, add, lines_of, put_lines
from builder.inside.session.texts import put_text
from builder.inside.tree.tree import Tree

SUDOERS: Final = "/etc/sudoers.d/zz-distroclone-builder-live"
POLKIT: Final = "/etc/polkit-1/rules.d/00-distroclone-builder-live.rules"
_SUDO: Final = ("/usr/bin/sudo", "/usr/bin/sudo-rs", "/usr/lib/cargo/bin/sudo")
_MAIN: Final = ("/etc/sudoers", "/etc/sudoers-rs")
_POLKIT: Final = (
    "/usr/lib/polkit-1/polkitd", "/usr/libexec/polkitd", "/usr/lib/policykit-1/polkitd",
)  # fmt: skip
PKLA: Final = "/etc/polkit-1/localauthority/90-mandatory.d/distroclone-builder-live.pkla"
_WITH_PKLA: Final = (
    "/etc/polkit-1/localauthority", "/var/lib/polkit-1/localauthority",
    "/usr/bin/pkla-check-authorization",
)  # fmt: skip
DOAS: Final = "/etc/doas.conf"
_INCLUDED: Final = re.compile(r"\s*[@#]includedir\s+\"?/etc/sudoers\.d/?\"?\s*(?:#.*)?")
_COMMENT: Final = re.compile(r"\s*(?:#(?!include|[0-9]).*)?")
_SU: Final = "/etc/pam.d/su"
_RULE: Final = """\
// Whoever is at a live system may do everything: it has no other administrator.
polkit.addRule(function(action, subject) {{
    if (subject.user == "{user}" && subject.local) {{
        return polkit.Result.YES;
    }}
}});
"""

_PKLA_RULE: Final = """\
[Whoever is at a live system may do everything]
Identity=unix-user:{user}
Action=*
ResultAny=no
ResultInactive=yes
ResultActive=yes
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
        if any(tree.exists(path) for path in _WITH_PKLA):
            add(tree, PKLA, _PKLA_RULE.format(user=live.user).encode())
    if tree.is_file("/usr/bin/doas"):
        rules = [*(lines_of(tree, DOAS) or ()), f"permit nopass {live.user}\n"]
        put_text(tree, DOAS, rules, mode=0o400)
    return ()


def _let_sudo(tree: Tree, user: str) -> None:
    rule = f"{user} ALL=(ALL:ALL) NOPASSWD: ALL\n"
    add(tree, SUDOERS, rule.encode(), mode=0o440)
    for path in _MAIN:
        lines = lines_of(tree, path) or []
        last = [line for line in lines if not _COMMENT.fullmatch(line.strip())]
        # Of several rules for a user or a group, the last one counts.
        if last and not _INCLUDED.fullmatch(last[-1].rstrip("\n")):
            put_text(tree, path, [*lines, rule])


RULES: Final = (
    Rule(
        name="live-rights",
        reason="the live user may do everything, without a password: with sudo, doas and "
        "polkit, and where there is no sudo, with su",
        edits=(SUDOERS, *_MAIN, POLKIT, PKLA, DOAS, _SU),
        edit=_grant,
    ),
)
