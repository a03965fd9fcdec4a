"""The account databases: people's accounts and all password hashes are removed.

Formats: passwd(5), shadow(5), group(5), gshadow(5), subuid(5). Lines keep their order; malformed
lines stay as they are, unless they name a removed account.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

# Debian Policy 9.2.2 gives people 1000-59999; systemd-homed uses 60001-60513; directory services
# start above 65535. Those in between belong to packages (libvirt-qemu is 64055) and to nobody.
_LOCKED: Final = frozenset({"*", "!", "!!", "!*", "*LK*"})


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """The accounts to remove, and the groups that belong only to them."""

    users: frozenset[str]
    uids: frozenset[str]
    groups: frozenset[str]


def is_person(uid: str) -> bool:
    """Whether accounts with this uid, written as passwd(5) has it, belong to people.

    Spaces, a plus sign and zeros may be before it, as strtoul(3) reads it. One that is too large
    for any system counts as a person's: nobody knows what a program makes of it.
    """
    digits = uid.strip().removeprefix("+").lstrip("0")
    if not (digits.isascii() and digits.isdecimal()):
        return False
    number = int(digits[:11])
    return 1000 <= number < 60000 or 60001 <= number <= 60513 or number > 65535


def find_people(passwd: list[str], group: list[str]) -> People:
    """Find the accounts of people, and the groups that are primary only to them."""
    entries = [fields for line in passwd if (fields := _fields(line, 7))]
    gone = [fields for fields in entries if is_person(fields[2])]
    users = frozenset(fields[0] for fields in gone)
    needed = {fields[3] for fields in entries if fields[0] not in users}
    own_gids = {fields[3] for fields in gone if is_person(fields[3])}
    groups = frozenset(
        fields[0]
        for line in group
        if (fields := _fields(line, 4)) and fields[2] not in needed
        if fields[2] in own_gids or (fields[0] in users and is_person(fields[2]))
    )
    return People(users=users, uids=frozenset(fields[2] for fields in gone), groups=groups)


def homes_of(passwd: list[str], people: People) -> list[str]:
    """Return the home directories of `people` according to passwd(5)."""
    return [
        fields[5] for line in passwd if (fields := _fields(line, 7)) if fields[0] in people.users
    ]


def every_home(passwd: list[str]) -> list[str]:
    """Return the home directories of all accounts, including services, sorted."""
    return sorted({fields[5] for line in passwd if (fields := _fields(line, 7)) and fields[5]})


def without_people(passwd: list[str], people: People) -> list[str]:
    """Return passwd(5) without `people` and NIS lines, and with every password hash replaced."""
    kept = []
    for line in passwd:
        if line.startswith(("+", "-")) or _name(line) in people.users:
            continue
        fields = _fields(line, 7)
        if fields and fields[1] != "x" and fields[1] not in _LOCKED:
            line = _joined([fields[0], "x", *fields[2:]], line)  # noqa: PLW2901
        kept.append(line)
    return kept


def locked(shadow: list[str], people: People) -> list[str]:
    """Return shadow(5) without `people`, and with every other account locked.

    A disabled hash (`!$6$…`) is removed as well.
    """
    kept = []
    for line in shadow:
        if line.startswith(("+", "-")) or _name(line) in people.users:
            continue
        fields = _fields(line, 9)
        if fields and fields[1] not in _LOCKED:
            line = _joined([fields[0], "*", *fields[2:]], line)  # noqa: PLW2901
        kept.append(line)
    return kept


def without_members(group: list[str], people: People) -> list[str]:
    """Return group(5) or gshadow(5) without the groups and memberships of `people`, and passwords.

    The third field is a number in group(5), and a list of administrators in gshadow(5).
    """
    kept = []
    for line in group:
        if line.startswith(("+", "-")) or _name(line) in people.groups:
            continue
        if fields := _fields(line, 4):
            name, secret, third, members = fields
            shown = secret if secret in _LOCKED | {"x", ""} else "!"
            changed = [name, shown, _left(third, people.users), _left(members, people.users)]
            kept.append(_joined(changed, line))
        else:
            kept.append(line)
    return kept


def without_ranges(subid: list[str], people: People) -> list[str]:
    """Return subuid(5) or subgid(5) without `people`; an owner may be a name or a number."""
    return [line for line in subid if _name(line) not in people.users | people.uids]


def _left(names: str, gone: Collection[str]) -> str:
    return ",".join(name for name in names.split(",") if name not in gone)


def _name(line: str) -> str:
    return line.split(":", 1)[0].strip()


def _fields(line: str, count: int) -> list[str] | None:
    fields = line.rstrip("\r\n").split(":")
    return fields if len(fields) == count and fields[0] else None


def _joined(fields: list[str], line: str) -> str:
    return ":".join(fields) + line[len(line.rstrip("\r\n")) :]
