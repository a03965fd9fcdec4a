"""What settings say of other people and machines: who is let in, who is told, who made a package.

Formats: sshd_config(5), hosts.equiv(5), aliases(5), crontab(5), apt.conf(5), smartd.conf(5),
mdadm.conf(5), and dpkg's status.
"""

import re
from collections.abc import Iterator
from typing import Final

from builder.formats.recipe import LiveSettings
from builder.inside.debian.dpkg import STATUS
from builder.inside.leftovers.gone import Gone
from builder.inside.rules.rule import Rule, Warned, expand, lines_of, put_lines
from builder.inside.tree.tree import Tree

_SSHD: Final = ("/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d/*.conf")
_KEYS: Final = re.compile(
    r"\s*(?:AuthorizedKeysFile|AuthorizedPrincipalsFile|TrustedUserCAKeys)[\s=]+(?P<paths>[^\n#]+)",
    re.IGNORECASE,
)
# A name that is the user's alone (`/etc/ssh/%u`) must not take these along.
_OF_SSH: Final = frozenset(
    f"/etc/ssh/{name}" for name in ("moduli", "ssh_config", "ssh_import_id", "sshd_config")
)
_TOKEN: Final = re.compile(r"%[a-zA-Z]")
_MAIL: Final = re.compile(
    r"(?<![\w.+%/@-])[\w.+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,5}(?![\w:/-])"
)
_ALIASES: Final = ("/etc/aliases", "/etc/mail/aliases", "/etc/email-addresses")
_TELLS: Final = re.compile(r"mail|\s-m\s|alert|notif|admin|recipient|dest", re.IGNORECASE)
# Where programs are told whom to write to.
_NOTICES: Final = (
    *_ALIASES, "/etc/crontab", "/etc/cron.d/*", "/etc/anacrontab",
    "/etc/apt/apt.conf.d/*", "/etc/apt/listchanges.conf",
    "/etc/apt/listchanges.conf.d/*", "/etc/apticron/*.conf", "/etc/cron-apt/config",
    "/etc/mdadm/mdadm.conf", "/etc/mdadm.conf", "/etc/smartd.conf", "/etc/zfs/zed.d/zed.rc",
    "/etc/default/*", "/etc/fail2ban/*.local", "/etc/fail2ban/jail.d/*",
    "/etc/logwatch/conf/*.conf", "/etc/logcheck/logcheck.conf", "/etc/rkhunter.conf",
    "/etc/rkhunter.conf.local",
    "/etc/monit/monitrc", "/etc/monit/conf.d/*", "/etc/needrestart/notify.conf",
    "/etc/reportbug.conf", "/etc/apcupsd/apccontrol.d/*",
)  # fmt: skip
_PLACES: Final = re.compile(r"@(?:[\w-]+\.localdomain|example\.(?:com|org|net)|localhost\.\w+)$")


def _drop_keys(tree: Tree, _live: LiveSettings) -> tuple[Warned, ...]:
    for path in sorted(set(_key_files(tree))):
        tree.remove(path)
    return ()


def _key_files(tree: Tree) -> Iterator[str]:
    """Yield the files that sshd_config(5) names, wherever a name has the user's in it."""
    for settings in expand(tree, _SSHD):
        for line in lines_of(tree, settings) or ():
            found = _KEYS.match(line)
            for word in found["paths"].split() if found else ():
                path = _TOKEN.sub("*", word.strip('"').replace("%%", "%"))
                if path.startswith("/") and not path.startswith("/*"):
                    yield from (
                        each
                        for each in expand(tree, (path,))
                        if each not in _OF_SSH and not tree.is_dir(each)
                    )


def _tell_root(tree: Tree, _live: LiveSettings) -> tuple[Warned, ...]:
    for path in expand(tree, _NOTICES):
        lines = lines_of(tree, path)
        if lines is not None and any("@" in line for line in lines):
            changed = [
                _MAIL.sub(_root, line) if path in _ALIASES or _TELLS.search(line) else line
                for line in lines
            ]
            put_lines(tree, path, changed)
    return ()


def _root(found: "re.Match[str]") -> str:
    return found[0] if _PLACES.search(found[0]) else "root"


def _drop_makers(tree: Tree, gone: Gone) -> tuple[Warned, ...]:
    """Cut makers with an address at the source machine, as tools that build packages suggest it."""
    names = sorted(_own_names(gone.source))
    lines = lines_of(tree, STATUS) if names else None
    if lines is None:
        return ()
    own = re.compile(
        rf"Maintainer: [^\n]*@(?:{'|'.join(map(re.escape, names))})(?:\.[\w.-]*)?>?\n",
        re.IGNORECASE,
    )
    put_lines(tree, STATUS, [own.sub("Maintainer: unknown\n", line) for line in lines])
    return ()


def _own_names(source: Tree) -> set[str]:
    names = {line.strip() for line in lines_of(source, "/etc/hostname") or ()}
    for line in lines_of(source, "/etc/hosts") or ():
        address, *named = line.split("#")[0].split() or [""]
        names.update(named if address == "127.0.1.1" else ())
    return {name.split(".")[0] for name in names} - {"", "localhost"}


RULES: Final = (
    Rule(
        name="trusted-keys",
        reason="public keys and names by which other people and machines could log in to every "
        "live system, and the names of machines that the source knew",
        removes=("/etc/hosts.equiv", "/etc/shosts.equiv", "/etc/ssh/shosts.equiv",
                 "/etc/ssh/ssh_known_hosts*"),
        edits=("AuthorizedKeysFile", "AuthorizedPrincipalsFile", "TrustedUserCAKeys"),
        edit=_drop_keys,
    ),
    Rule(
        name="notices",
        reason="mail addresses of people: what programs have to tell goes to root",
        edits=_NOTICES,
        edit=_tell_root,
    ),
    Rule(
        name="package-makers",
        reason="the user and the host name of whoever made a package on the source machine",
        edits=(STATUS,),
        follow=_drop_makers,
    ),
)  # fmt: skip
