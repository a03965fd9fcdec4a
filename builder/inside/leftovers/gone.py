"""What the source has and the copy has not: only that counts as gone.

What was already missing in the source stays as broken as it was there, with one exception: below
a folder that is gone, and below the home of a removed account, everything is.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from builder.inside.leftovers.texts import read_lines
from builder.inside.tree.tree import Tree

# Left out or removed as well, but there again when somebody needs it.
_MADE_AT_BOOT: Final = r"/etc/ssh/ssh_host_|/etc/ssl/(?:private|certs)/ssl-cert-snakeoil\."
_COMES_BACK: Final = re.compile(
    r"/(?:dev|proc|sys|run|tmp|var/(?:tmp|run|lock|log|cache|spool|crash))(?:/|$)"
    r"|/(?:boot/)?initrd"  # made in the next step
    rf"|{_MADE_AT_BOOT}"
    r"|/etc/(?:adjtime|hostid|machine-info|resolv\.conf)$"
    r"|/var/lib/(?:systemd|dbus|apt/lists|dhcp|NetworkManager|bluetooth)(?:/|$)"
)
_LISTS: Final = "/var/lib/dpkg/info"
_LARGEST_LIST: Final = 64 << 20  # bytes; the largest packages list some 100,000 files
_SETTINGS: Final = re.compile(
    rb"^/(?:etc|(?:usr/)?lib/systemd|usr/share/(?:applications|dbus-1))/[^\n]*$", re.MULTILINE
)
_MACHINES: Final = ("/var/lib/machines", "/var/lib/lxc")
_DEEPEST: Final = 4  # folders below /etc; etckeeper's history has thousands further down
_MOST_LOOKUPS: Final = 50_000  # different paths; the settings of a large server name some 5000
# Stands in the system's settings where a person stood; an account of that name is in no system.
HEIR: Final = "live-user"
_LONGEST: Final = 4096  # bytes of a path: PATH_MAX


def leads_to_new_key(tree: Tree, path: str) -> bool:
    """Whether `path` is a link to a key that the live system makes: it gives nothing away.

    Whoever needs one, such as a mail server, finds the new key there.
    """
    target = tree.link_target(path)
    if target is None:
        return False
    place = os.path.normpath(Path(path).parent / target)
    return re.match(_MADE_AT_BOOT, place) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What a piece of a setting names: accounts and groups (or their numbers), absolute paths."""

    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()


class Gone:
    """What is in the tree `source` and no longer in its copy `tree`.

    `heir`, the live user, is the one account that takes a removed person's place in lists of those
    who may do something. The accounts are read at the first question about them.
    """

    def __init__(self, *, source: Tree, tree: Tree, heir: str) -> None:
        self.source = source
        self.tree = tree
        self.heir = heir
        self._known: dict[str, bool] = {}

    @cached_property
    def users(self) -> frozenset[str]:
        """The names and numbers of the accounts that are gone."""
        return _missing(self.source, self.tree, "/etc/passwd")

    @cached_property
    def groups(self) -> frozenset[str]:
        """The names and numbers of the groups that are gone."""
        return _missing(self.source, self.tree, "/etc/group")

    @cached_property
    def names(self) -> frozenset[str]:
        """The names, without numbers, of the accounts that are gone."""
        return frozenset(user for user in self.users if not user.isdigit())

    @cached_property
    def accounts(self) -> frozenset[str]:
        """The names and numbers of the accounts and groups that are gone."""
        return self.users | self.groups

    @cached_property
    def listed(self) -> frozenset[str]:
        """What stands for those that are gone in lists of both: names, and numbers of groups."""
        return self.names | self.groups

    @cached_property
    def homes(self) -> tuple[str, ...]:
        """The homes of the accounts that are gone, the longest first."""
        lines = read_lines(self.source, "/etc/passwd") or []
        entries = [line.rstrip("\n").split(":") for line in lines]
        homes = {
            fields[5].rstrip("/")
            for fields in entries
            if len(fields) == 7 and fields[0] in self.users and fields[5].count("/") > 1
        }
        return tuple(sorted(homes, key=lambda home: (-len(home), home)))

    @cached_property
    def _former_homes(self) -> frozenset[str]:
        return frozenset(home for home in self.homes if not self.tree.exists(home))

    @cached_property
    def instances(self) -> frozenset[str]:
        """Names of gone files of settings, without their endings, and of gone machines.

        What a template's instance may be called after: wg0 of /etc/wireguard/wg0.conf.
        """
        found = set(self._gone_in("/etc", depth=_DEEPEST))
        for store in _MACHINES:
            found |= {*self.source.listdir(store)} - {*self.tree.listdir(store)}
        return frozenset({*found, *(name.rpartition(".")[0] for name in found)} - {""})

    def _gone_in(self, folder: str, *, depth: int) -> Iterator[str]:
        there = {*self.tree.listdir(folder)}
        for name in self.source.listdir(folder):
            if name not in there:
                yield name
            path = f"{folder}/{name}"
            if depth and self.source.link_target(path) is None:
                yield from self._gone_in(path, depth=depth - 1)

    @cached_property
    def packaged(self) -> frozenset[str]:
        """The settings, units and entries that belong to packages, without /usr before /lib."""
        found: set[str] = set()
        for path in self.tree.glob(_LISTS, "*.list"):
            if self.tree.is_file(path):
                text = self.tree.read_bytes(path, limit=_LARGEST_LIST)
                found |= {plain(os.fsdecode(each)) for each in _SETTINGS.findall(text)}
        return frozenset(found)

    def is_packaged(self, path: str) -> bool:
        """Whether the file of settings `path` belongs to a package."""
        return plain(path) in self.packaged

    def path(self, path: str) -> bool:
        """Whether `path`, or a folder above it, is in the source and no longer in the copy."""
        if path not in self._known:
            if len(self._known) >= _MOST_LOOKUPS or len(os.fsencode(path)) > _LONGEST:
                return False
            self._known[path] = self._is_gone(path)
        return self._known[path]

    def _is_gone(self, path: str) -> bool:
        if "\0" in path or _COMES_BACK.match(path) or self.tree.exists(path):
            return False
        if any(above in self._former_homes for above in _above(path)):
            return True  # even where the source never had them, as a backup without /home
        while not self.source.exists(path):
            path = path.rstrip("/").rpartition("/")[0]
            if not path:
                return False
        return not self.tree.exists(path)

    def dangles(self, path: str) -> bool:
        """Whether the symlink `path` of the copy leads to what is gone."""
        if self.tree.link_target(path) is None or self.tree.exists(path):
            return False
        try:
            return self._is_gone(self.tree.inner(self.tree.resolve(path)))
        except OSError:  # a loop, or a name that no file can have
            return False

    def emptied(self, path: str) -> bool:
        """Whether the folder `path` has something in the source, and nothing in the copy."""
        return bool(self.source.listdir(path)) and not self.tree.listdir(path)

    def any(self, named: Named) -> bool:
        """Whether anything of what is named is gone."""
        return (
            any(user in self.users for user in named.users)
            or any(group in self.groups for group in named.groups)
            or any(self.path(path) for path in named.paths)
        )


def _above(path: str) -> Iterator[str]:
    """Yield what is in front of each slash of a path."""
    for slash in re.finditer("/", path):
        yield path[: slash.start()]


def plain(path: str) -> str:
    """Return a path of /usr/lib as packages may also spell it: /lib."""
    return path.removeprefix("/usr") if path.startswith("/usr/lib/") else path


def _missing(source: Tree, tree: Tree, path: str) -> frozenset[str]:
    """Names and numbers in a file like passwd(5) of the source that the tree's file lacks."""
    return _accounts(source, path) - _accounts(tree, path)


def _accounts(tree: Tree, path: str) -> frozenset[str]:
    entries = [line.split(":") for line in read_lines(tree, path) or []]
    fields = {field for entry in entries if len(entry) > 3 for field in (entry[0], entry[2])}
    return frozenset(field for field in fields if field and not field.startswith(("+", "-")))
