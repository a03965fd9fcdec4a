"""The people of the source machine: their accounts, homes and other data."""

from collections.abc import Callable
from typing import Final

from builder.formats.recipe import LiveSettings
from builder.inside.debian.account_files import (
    People,
    every_home,
    find_people,
    homes_of,
    locked,
    without_members,
    without_people,
    without_ranges,
)
from builder.inside.rules.rule import Rule, Warned, add, expand, lines_of, put_lines, truncate
from builder.inside.rules.sudo_rules import without_rules
from builder.inside.tree.tree import Tree

_FILES: Final[tuple[tuple[str, Callable[[list[str], People], list[str]]], ...]] = (
    ("/etc/passwd", without_people),
    ("/etc/shadow", locked),
    ("/etc/group", without_members),
    ("/etc/gshadow", without_members),
    ("/etc/subuid", without_ranges),
    ("/etc/subgid", without_ranges),
)
_SUDOERS: Final = ("/etc/sudoers", "/etc/sudoers.d/*", "/etc/doas.conf")
_OLDER_ACCOUNT_FILES: Final = tuple(
    f"/etc/{name}{ending}"
    for name in ("passwd", "shadow", "group", "gshadow", "subuid", "subgid")
    for ending in ("-", "+", "~", ".org", ".old", ".orig", ".bak", ".edit", ".dpkg-*", ".ucf-*")
)
# Directories with an entry for each user, named after the user.
_BY_NAME: Final = ("/etc/sudoers.d", "/var/lib/systemd/linger", "/var/lib/samba/usershares")
# What programs keep in the home of the user who runs them, including services and administrators.
_SECRETS: Final = (
    ".ssh", ".gnupg", ".*_history", ".lesshst", ".viminfo", ".netrc", ".pgpass", ".my.cnf",
    ".mylogin.cnf", ".git-credentials", ".Xauthority", ".ICEauthority", ".aws", ".docker", ".kube",
    ".cache",
)  # fmt: skip
_SYSTEM: Final = ("/", "/bin", "/boot", "/etc", "/lib", "/opt", "/sbin", "/usr", "/var", "/var/lib")


def _remove_people(tree: Tree, _live: LiveSettings) -> tuple[Warned, ...]:
    passwd = lines_of(tree, "/etc/passwd") or []
    people = find_people(passwd, lines_of(tree, "/etc/group") or [])
    for path, changed in _FILES:
        lines = lines_of(tree, path)
        if lines is not None:
            put_lines(tree, path, changed(lines, people))
    for directory in _BY_NAME:
        for name in tree.listdir(directory):
            if name in people.users:
                tree.remove(f"{directory}/{name}")
    for path in expand(tree, _SUDOERS):
        lines = lines_of(tree, path)
        if lines is not None:
            put_lines(tree, path, without_rules(lines, people))
    return tuple(
        Warned(
            message="The home directory {path} of a removed account is outside /home and stays",
            values=(("path", home),),
        )
        for home in homes_of(passwd, people)
        if not home.startswith("/home/") and tree.is_dir(home) and tree.listdir(home)
    )


def _clean_service_homes(tree: Tree, _live: LiveSettings) -> tuple[Warned, ...]:
    homes = set(every_home(lines_of(tree, "/etc/passwd") or []))
    for home in sorted(filter(tree.is_dir, homes)):  # of 100,000 accounts, few have one
        for secret in _SECRETS:
            for path in tree.glob(home, secret):
                tree.remove(path)
    return ()


def _empty_homes(tree: Tree, _live: LiveSettings) -> tuple[Warned, ...]:
    for path in ("/home", "/root"):
        if not tree.is_dir(path):
            continue
        if (real := tree.inner(tree.resolve(path))) in _SYSTEM:
            tree.remove(path)
            return (
                Warned(
                    message="{path} was a link to {real}, which cannot be emptied; "
                    "the link is removed",
                    values=(("path", path), ("real", real)),
                ),
            )
        tree.empty(path)
    for name in ("bashrc", "profile"):  # as base-files sets up root's home
        skeleton = f"/usr/share/base-files/dot.{name}"
        if tree.is_dir("/root") and tree.is_file(skeleton):
            add(tree, f"/root/.{name}", tree.read_bytes(skeleton))
    return ()


def _cut_login_records(tree: Tree, _live: LiveSettings) -> tuple[Warned, ...]:
    for path in expand(tree, ("/var/log/wtmp*", "/var/log/btmp*", "/var/log/lastlog*")):
        truncate(tree, path)
    return ()


RULES: Final = (
    Rule(
        name="account-backups",
        reason="older account files: names and password hashes",
        removes=(*_OLDER_ACCOUNT_FILES, "/var/backups/*", "/etc/.pwd.lock",
                 "/etc/security/nopasswd", "/etc/security/opasswd?*"),
        empties=("/etc/security/opasswd",),
    ),
    Rule(
        name="service-homes",
        reason="keys, tokens and histories in the homes of services, and of people outside /home",
        edits=tuple(f"~/{secret}" for secret in _SECRETS),
        edit=_clean_service_homes,
    ),
    Rule(
        name="people",
        reason="accounts from 1000 up, their groups, memberships and id ranges, their mail, "
        "crontabs and sudo rules; all passwords, so that no hash leaves the machine "
        "(root is locked: the live user has sudo)",
        edits=(*(path for path, _ in _FILES), *_SUDOERS, *(f"{name}/*" for name in _BY_NAME)),
        edit=_remove_people,
    ),
    Rule(
        name="homes",
        reason="personal files, shell histories, keys (~/.ssh, ~/.gnupg) and tokens",
        edits=("/home/*", "/root/*", "/root/.bashrc", "/root/.profile"),
        edit=_empty_homes,
    ),
    Rule(
        name="mail-and-jobs",
        reason="mail, queued mail and pending jobs",
        removes=("/var/mail/*", "/var/spool/mail/*", "/var/spool/cron/crontabs/*",
                 "/var/spool/cron/atjobs/*", "/var/spool/cron/atspool/*",
                 "/var/spool/exim4/*/*", "/var/spool/postfix/deferred/*",
                 "/var/spool/postfix/incoming/*", "/var/spool/postfix/active/*",
                 "/var/spool/postfix/hold/*", "/var/spool/postfix/maildrop/*",
                 "/var/spool/cups/*", "/var/spool/lpd/*/*"),
    ),
    Rule(
        name="login-records",
        reason="who was logged in, when, and from where",
        removes=("/var/lib/wtmpdb/*", "/var/lib/lastlog/*",
                 "/var/lib/AccountsService/users/*", "/var/lib/AccountsService/icons/*",
                 "/var/lib/faillock/*", "/var/lib/sudo/ts/*", "/var/lib/sudo/lectured/*"),
        edits=("/var/log/wtmp*", "/var/log/btmp*", "/var/log/lastlog*"),
        edit=_cut_login_records,
    ),
)  # fmt: skip
