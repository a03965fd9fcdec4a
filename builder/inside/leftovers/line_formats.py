"""Settings with an entry on each line: what an entry names, format by format.

Each function gets one entry, without line ends and not a comment, and returns what it names. An
entry that its format does not know names nothing, and stays.
"""

import re
from typing import Final

from builder.inside.leftovers.gone import Named
from builder.inside.leftovers.references import paths_in

_NOTHING: Final = Named()
_ASSIGNMENT: Final = re.compile(r"\w+\s*=")
_UDEV: Final = re.compile(r'(OWNER|GROUP)\s*:?=\s*"([^"$%]*)"')


def crontab(entry: str) -> Named:
    """Read crontab(5) with a user field: /etc/crontab, /etc/cron.d/*; cronie's is the same."""
    if _ASSIGNMENT.match(entry):
        key, _sign, value = entry.partition("=")
        mailed = value.strip(" \t\"'") if key.strip() == "MAILTO" else ""
        return Named(users=tuple(re.split(r"[,\s]+", mailed)))
    times = 1 if entry.startswith("@") else 5
    fields = entry.split(None, times + 1)
    if len(fields) < times + 2:
        return _NOTHING
    return Named(users=(fields[times],), paths=paths_in(fields[times + 1]))


def anacrontab(entry: str) -> Named:
    """Read anacrontab(5): period, delay, name, command."""
    fields = entry.split(None, 3)
    return Named(paths=paths_in(fields[3])) if len(fields) == 4 else _NOTHING


def inittab(entry: str) -> Named:
    """Read inittab(5): id:runlevels:action:process."""
    fields = entry.split(":", 3)
    return Named(paths=paths_in(fields[3].lstrip("+"))) if len(fields) == 4 else _NOTHING


def inetd(entry: str) -> Named:
    """Read inetd.conf(5): service, socket, protocol, wait, user[.group], program, arguments."""
    fields = entry.split(None, 5)
    if len(fields) < 6:
        return _NOTHING
    user, _sign, group = fields[4].replace(":", ".").partition(".")
    return Named(users=(user,), groups=(group,), paths=paths_in(fields[5]))


def statoverride(entry: str) -> Named:
    """Read dpkg-statoverride(1): user, group, mode, path. dpkg stops at an unknown name."""
    fields = entry.split(" ", 3)
    if len(fields) < 4:
        return _NOTHING
    return Named(
        users=(fields[0].removeprefix("#"),),
        groups=(fields[1].removeprefix("#"),),
        paths=(fields[3].rstrip("/"),),
    )


def tmpfiles(entry: str) -> Named:
    """Read tmpfiles.d(5): type, path, mode, user, group, age, argument."""
    fields = entry.split(None, 6)
    if len(fields) < 2:
        return _NOTHING
    user, group, *_rest = [*fields[3:5], "-", "-"]
    paths = paths_in(fields[1]) + (paths_in(fields[6]) if len(fields) == 7 else ())
    return Named(users=(user.lstrip(":"),), groups=(group.lstrip(":"),), paths=paths)


def sysusers(entry: str) -> Named:
    """Read sysusers.d(5): u, g, m or r, then a name; it would make a removed account again."""
    fields = entry.split()
    if len(fields) < 2:
        return _NOTHING
    kind = fields[0].rstrip("!")
    groups = (fields[2],) if kind == "m" and len(fields) > 2 else ()
    users = (fields[1],) if kind in ("u", "m") else ()
    return Named(users=users, groups=(*groups, fields[1]) if kind == "g" else groups)


def limits(entry: str) -> Named:
    """Read limits.conf(5): a user, @group, %group or number first."""
    domain = entry.split(None, 1)[0]
    group = domain.lstrip("@%") if domain.startswith(("@", "%")) else ""
    return Named(users=("" if group else domain.strip(":"),), groups=(group,))


def semicolons(entry: str) -> Named:
    """Read group.conf(5) and time.conf(5): services;terminals;users;times[;groups]."""
    fields = [field.strip() for field in entry.split(";")]
    return Named(users=tuple(re.split(r"[|&!]+", fields[2]))) if len(fields) > 3 else _NOTHING


def udev(entry: str) -> Named:
    """Read udev(7): an owner or a group, a program, a file."""
    found = _UDEV.findall(entry)
    return Named(
        users=tuple(value for key, value in found if key == "OWNER"),
        groups=tuple(value for key, value in found if key == "GROUP"),
        paths=paths_in(entry),
    )


def name(entry: str) -> Named:
    """Read a file with a name on each line, such as ftpusers(5) and cron.deny."""
    return Named(users=(entry.split(None, 1)[0],))


def key_colon(entry: str) -> Named:
    """Read aliases(5): who gets the mail first; a person's own alias, or a file or program."""
    key, sign, value = entry.partition(":")
    if not sign:
        return _NOTHING
    targets = tuple(word.strip() for word in value.split(","))
    only = targets if len(targets) == 1 else ()
    return Named(users=(key.strip(' \t"'), *only), paths=paths_in(value) if only else ())


def path(entry: str) -> Named:
    """Read a file whose entries are about the paths that they name."""
    return Named(paths=paths_in(entry))


def user_map(entry: str) -> Named:
    """Read Samba's username map: an account, `=`, the names that clients use."""
    account, sign, _names = entry.lstrip("!").partition("=")
    return Named(users=(account.strip(),)) if sign else _NOTHING


def sudo_include(entry: str) -> Named:
    """Read what sudoers(5) includes; sudo refuses to work when it is missing."""
    word, _blank, rest = entry.partition(" ")
    return Named(paths=paths_in(f" {rest}")) if word in ("@include", "#include") else _NOTHING


def incron(entry: str) -> Named:
    """Read incrontab(5): a path, what happens to it, a command."""
    return Named(paths=paths_in(entry))
