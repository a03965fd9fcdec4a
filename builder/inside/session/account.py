"""The live user: an account in the databases, and a home, whatever else the system has.

Formats: passwd(5), shadow(5), group(5), gshadow(5), subuid(5). The hash is where
`builder/inside/files/local-login` looks for it, and in /etc/shadow only with `live.remote_login`.
"""

import os
import re
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from builder.basics.errors import StepError
from builder.formats.recipe import LiveSettings
from builder.inside.rules.rule import Rule, Warned, add, lines_of, put_lines
from builder.inside.tree.tree import Tree

STATE: Final = "/var/lib/distroclone-builder/live-login"
# Of "live", by crypt(5) with SHA-512, which every Debian's libcrypt knows.
_LIVE: Final = (
    "$6$live$DGwTyJOHVdGXnIgakdVYF1yqVFI2k5.sn.mrenraSfBaEVrgfoJsHHqnGjq52SMkEo.KOT3SAoEGgtnPYZOFl1"
)
_NUMBER: Final = re.compile(r"[ \t]*\+?[0-9]{1,10}")  # as strtoul(3) reads it
_FIRST, _LAST = 1000, 59999  # Debian Policy 9.2.2, uids of people
_SKELETON: Final = "/etc/skel"
_HOME: Final = "/home"
_SHELLS: Final = ("/bin/bash", "/usr/bin/bash", "/bin/sh")
_LARGEST: Final = 64 << 20  # bytes of a file in the skeleton
_SUBORDINATE: Final = 100000, 65536  # the first number, and how many: useradd's own


@dataclass(frozen=True, slots=True, kw_only=True)
class _Account:
    name: str
    number: int  # uid and gid
    home: str


def _make_account(tree: Tree, live: LiveSettings) -> tuple[Warned, ...]:
    home = f"{_HOME}/{live.user}"
    owner = tree.resolve(home).lstat().st_uid if tree.is_dir(home) else None
    number = _free_number(tree, live.user, wanted=owner)
    account = _Account(name=live.user, number=number, home=home)
    _write_databases(tree, live, account)
    _write_password(tree, live, account)
    _make_home(tree, account)
    _write_keys(tree, live, account)
    if owner is None or owner == _own(number):
        return ()
    message = "The live user's home {path} was kept, and belongs to another account: {number}"
    return (Warned(message=message, values=(("path", home), ("number", str(owner)))),)


def _free_number(tree: Tree, name: str, *, wanted: int | None) -> int:
    """Return `wanted` or the lowest number that is neither a uid nor a gid.

    Raises StepError where the name is taken.
    """
    taken: set[int] = set()
    for path in ("/etc/passwd", "/etc/group"):
        for fields in _rows(tree, path):
            if fields[0] == name:
                message = "The live user cannot be called {user}: {path} already has that name"
                hint = "Choose another name for live.user."
                raise StepError(message, hint=hint, user=name, path=path)
            # The gid of an account may be of a group that is not in the database.
            taken |= {int(field) for field in fields[2:4] if _NUMBER.fullmatch(field)}
    people = range(_FIRST, _LAST + 1)
    if wanted is not None and wanted in people and wanted not in taken:
        return wanted
    free = next((number for number in people if number not in taken), None)
    if free is None:
        raise StepError("Every uid from 1000 to 59999 is taken, so there is none for the live user")
    return free


def _write_databases(tree: Tree, live: LiveSettings, account: _Account) -> None:
    name, number = account.name, account.number
    shell = next((shell for shell in _SHELLS if tree.is_file(shell)), _SHELLS[-1])
    full_name = live.full_name.replace(":", " ")
    secret = _hash(live) if live.remote_login else "*"
    groups = {group for group in live.groups if group != name}
    _append(tree, "/etc/passwd", f"{name}:x:{number}:{number}:{full_name}:{account.home}:{shell}")
    _append(tree, "/etc/group", f"{name}:x:{number}:", change=_joining(name, groups))
    # The day of the last change is left open: a date would be one of the source's.
    _append(tree, "/etc/shadow", f"{name}:{secret}::0:99999:7:::", mode=0o640)
    _append(tree, "/etc/gshadow", f"{name}:!::", change=_joining(name, groups), mode=0o640)
    for path in ("/etc/subuid", "/etc/subgid"):
        if tree.is_file(path):
            _append(tree, path, f"{name}:{_free_range(tree, path)}:{_SUBORDINATE[1]}")


def _joining(name: str, groups: Iterable[str]) -> Callable[[str], str]:
    """Return what makes an account a member of groups, in group(5) and gshadow(5)."""
    wanted = frozenset(groups)

    def joined(line: str) -> str:
        fields = line.split(":")
        if len(fields) != 4 or fields[0] not in wanted:
            return line
        members = [member for member in fields[3].split(",") if member]
        return ":".join([*fields[:3], ",".join([*members, name])])

    return joined


def _append(
    tree: Tree,
    path: str,
    row: str,
    *,
    change: Callable[[str], str] = str,
    mode: int = 0o644,
) -> None:
    lines = lines_of(tree, path)
    if lines is None:
        if path.endswith("shadow"):
            return  # a system without shadow passwords, or groups
        add(tree, path, f"{row}\n".encode(), mode=mode)
        return
    rows = [f"{change(line.removesuffix(chr(10)))}\n" for line in lines]
    put_lines(tree, path, [*rows, f"{row}\n"])


def _free_range(tree: Tree, path: str) -> int:
    """Return the first number after all ranges of subuid(5)."""
    ends = [
        int(fields[1]) + int(fields[2])
        for fields in _rows(tree, path)
        if len(fields) == 3 and all(_NUMBER.fullmatch(each) for each in fields[1:])
    ]
    return max([_SUBORDINATE[0], *ends])


def _rows(tree: Tree, path: str) -> list[list[str]]:
    return [line.rstrip("\r\n").split(":") for line in lines_of(tree, path) or ()]


def _hash(live: LiveSettings) -> str:
    return live.password_hash or _LIVE


def _write_password(tree: Tree, live: LiveSettings, account: _Account) -> None:
    """Put the hash where this machine's own screens ask, with what marks the account as settled.

    A lock screen runs as the user, who has to be able to read it.
    """
    for path in (STATE.rpartition("/")[0], STATE):
        if not tree.is_dir(path):
            tree.make_directory(path, mode=0o755)
    text = "" if live.remote_login else f"{_hash(live)}\n"
    path, gid = f"{STATE}/{account.name}", _own(account.number)
    tree.write(path, text.encode(), mode=0o640, uid=_own(0), gid=gid)


def _make_home(tree: Tree, account: _Account) -> None:
    uid = gid = _own(account.number)
    if tree.exists(account.home):
        return  # kept, of somebody with that name
    tree.make_directory(account.home, mode=0o755, uid=uid, gid=gid)
    for path, status in tree.walk(_SKELETON) if tree.is_dir(_SKELETON) else ():
        top = tree.inner(tree.resolve(_SKELETON))
        place = account.home + path.removeprefix(top)
        if path == top:
            continue
        mode = stat.S_IMODE(status.st_mode) & 0o777
        if stat.S_ISDIR(status.st_mode):
            tree.make_directory(place, mode=mode | 0o700, uid=uid, gid=gid)
        elif stat.S_ISREG(status.st_mode) and status.st_size <= _LARGEST:
            data = tree.read_bytes(path, limit=_LARGEST)
            tree.write(place, data, mode=mode | 0o600, uid=uid, gid=gid)
        elif (target := tree.link_target(path)) is not None:
            tree.symlink(place, target)


def _write_keys(tree: Tree, live: LiveSettings, account: _Account) -> None:
    if not live.authorized_keys:
        return
    uid = gid = _own(account.number)
    folder = f"{account.home}/.ssh"
    if not tree.is_dir(folder):
        tree.make_directory(folder, mode=0o700, uid=uid, gid=gid)
    text = "".join(f"{key}\n" for key in live.authorized_keys)
    tree.write(f"{folder}/authorized_keys", text.encode(), mode=0o600, uid=uid, gid=gid)


def _own(number: int) -> int:
    """Return an owner, or the current user where chown is not permitted."""
    return number if os.geteuid() == 0 else os.geteuid()


RULES: Final = (
    Rule(
        name="live-user",
        reason="the account that the live system logs in, with the lowest free number from 1000 "
        'up; its password is "live" or live.password_hash, and no service asks for it',
        removes=("/etc/nologin",),
        edits=("/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow", "/etc/subuid",
               "/etc/subgid", "/home/*", STATE),
        edit=_make_account,
    ),
)  # fmt: skip
