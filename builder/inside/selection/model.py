"""Decides what of a tree is taken: by owner, by reference and by place (docs/privacy.md).

The decision is a list of rsync filter rules, of which the first that matches a path decides. Its
length grows with the number of paths that packages own in places of data, not with the data.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from builder.basics.rsync_patterns import below, literal
from builder.inside.debian.account_files import every_home, find_people, homes_of
from builder.inside.selection import settings_files
from builder.inside.selection.keeping import including, ways
from builder.inside.selection.moved import MovedPlaces, find_moved
from builder.inside.selection.owners import Owners, read_owners
from builder.inside.selection.places import DATA, KEPT, TOP, TOP_LINKS
from builder.inside.selection.references import named_secrets
from builder.inside.tree.excludes import EXCLUDES
from builder.inside.tree.tree import Tree

_ACCOUNTS: Final = 16 << 20  # bytes of /etc/passwd
# No home of a person, though passwd(5) may say so: what is in them belongs to the system.
_SYSTEM: Final = frozenset({
    "/", "/nonexistent", "/home", "/media", "/mnt", "/opt", "/usr/local", "/usr/local/bin",
    "/usr/local/share", "/usr/local/lib", "/run", "/tmp", *(f"/{name}" for name in TOP),  # noqa: S108
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOutPaths:
    """Paths that are left out one by one; a folder stands for all that is in it."""

    rule: str  # the name of the reason, in docs/privacy.md
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Filter rules in a row that have one purpose: the name of a reason, or "kept"."""

    name: str
    rules: tuple[str, ...]


def gone_paths(tree: Tree, owners: Owners) -> tuple[LeftOutPaths, ...]:
    """Return what is left out by reference, by name or by mode, or because it is a person's."""
    found = settings_files.find(tree, owners)
    secrets = tuple(path for path in named_secrets(tree) if os.fsencode(path) not in owners.owned)
    return (
        LeftOutPaths(rule="named-secret", paths=secrets),
        LeftOutPaths(rule="home", paths=_homes(tree, owners)),
        LeftOutPaths(rule="older-copy", paths=found.older),
        LeftOutPaths(rule="closed", paths=found.closed),
    )


def selection_rules(
    tree: Tree, *, exclude: Iterable[str], keep: Iterable[str]
) -> Iterator[Section]:
    """Yield the filter rules for `tree`; `exclude` and `keep` are the user's rsync patterns.

    Raises OSError for a file of the package database, or below /etc, that cannot be read.
    """
    owners, keep = read_owners(tree), tuple(keep)
    moved = find_moved(tree, owners)
    owners = replace(owners, owned=owners.owned.union(moved.paths(owners.owned)))
    wanted = (rule for pattern in keep for rule in (*ways(pattern), *including(pattern)))
    excluded = (each for pattern in exclude for each in moved.patterns(pattern))
    yield Section(name="excluded", rules=tuple(f"- {pattern}" for pattern in excluded))
    yield Section(name="kept", rules=tuple(wanted))
    # What leads to something kept is taken, but nothing else in it.
    tops = (_strange_tops(tree, owners, moved),) if keep else ()
    for gone in (*gone_paths(tree, owners), *tops):
        real = moved.paths(map(os.fsencode, gone.paths))
        paths = tuple(dict.fromkeys((*gone.paths, *map(os.fsdecode, real))))
        patterns = (*map(literal, paths), *(map(below, paths) if keep else ()))
        yield Section(name=gone.rule, rules=tuple(f"- {pattern}" for pattern in patterns))
    table = [pattern for row in EXCLUDES for pattern in moved.patterns(row.pattern)]
    table += [f"{pattern}/**" for pattern in table] if keep else []
    yield Section(name="not-copied", rules=tuple(f"- {pattern}" for pattern in table))
    yield Section(name="data", rules=tuple(_places(tree, owners, moved)))


def _strange_tops(tree: Tree, owners: Owners, moved: MovedPlaces) -> LeftOutPaths:
    """Return the folders at the top of `tree` that are places of data as a whole."""
    known = {*TOP, *(os.fsdecode(path.split(b"/")[1]) for path in owners.owned if path[1:])}
    known |= {top[1:] for top in moved.tops}
    paths = tuple(
        f"/{name}"
        for name in tree.listdir("/")
        if name not in known and tree.is_dir(f"/{name}") and not tree.link_target(f"/{name}")
    )
    return LeftOutPaths(rule="data", paths=paths)


def _places(tree: Tree, owners: Owners, moved: MovedPlaces) -> Iterator[str]:
    """Yield the rules for places of data: what is owned or kept, then nothing else there."""
    for row in KEPT:
        yield from (f"- {each}" for pattern in row.but for each in moved.patterns(pattern))
        for pattern in moved.patterns(row.pattern):
            yield from (*ways(pattern.removesuffix("/***")), f"+ {pattern}")
    yield from _ways_to(moved)
    known = {os.fsencode(f"/{name}") for name in TOP}
    data = [os.fsencode(each) for place in DATA for each in moved.patterns(place)]
    top = {b"/" + path.split(b"/")[1] for path in owners.owned if path.count(b"/") >= 1}
    strange = sorted((top | set(map(os.fsencode, moved.tops))) - known - {b"/", b"/."})
    places = (*data, *strange)
    kept = {path for path in owners.owned if _is_below(path, places) and _is_there(tree, path)}
    kept |= set(_empty_folders(tree, owners, data))
    kept |= {parent for path in kept for parent in _parents(path)}
    for path in sorted(kept):
        yield f"+ {literal(os.fsdecode(path))}"
    for place in places:
        yield f"- {below(os.fsdecode(place))}"
    yield from (f"+ {literal(os.fsdecode(path))}" for path in (*sorted(known), *strange))
    yield from (f"+ {pattern}" for pattern in _links(tree))
    yield "- /*"


def _ways_to(moved: MovedPlaces) -> Iterator[str]:
    """Yield the rules that take the folders of moved places, so that no link leads nowhere."""
    for each in moved.places:
        yield from (*ways(each.real), f"+ {each.real}/{'***' if each.has_programs else ''}")


def _links(tree: Tree) -> Iterator[str]:
    for pattern in TOP_LINKS:
        yield from (path for path in tree.glob("/", pattern[1:]) if tree.link_target(path))


def _empty_folders(tree: Tree, owners: Owners, data: list[bytes]) -> Iterator[bytes]:
    """Yield the folders that programs expect: they stay, without what no package owns."""
    accounts = _lines(tree, "/etc/passwd")
    people = find_people(accounts, _lines(tree, "/etc/group"))
    homes = set(every_home(accounts)) - set(homes_of(accounts, people))
    for path in (*owners.expected, *map(os.fsencode, homes)):
        if _is_below(path, data) and tree.is_dir(os.fsdecode(path)):
            yield path


def _homes(tree: Tree, owners: Owners) -> tuple[str, ...]:
    """Return the homes of people that are not below /home or /root, as they are named and are."""
    accounts = _lines(tree, "/etc/passwd")
    people = find_people(accounts, _lines(tree, "/etc/group"))
    found = set()
    for home in homes_of(accounts, people):
        path = os.path.normpath(home) if home.startswith("/") else "/"
        for real in (path, tree.inner(tree.resolve(path)) if tree.is_dir(path) else path):
            system = real in _SYSTEM or os.fsencode(real) in owners.owned
            if not system and tree.exists(real) and "\x00" not in real:
                found.add(real)
    return tuple(sorted(found))


def _lines(tree: Tree, path: str) -> list[str]:
    if not tree.is_file(path):
        return []
    content = tree.read_bytes(path, limit=_ACCOUNTS)
    return [f"{line}\n" for line in content.decode("utf-8", "surrogateescape").split("\n")]


def _is_below(path: bytes, places: Iterable[bytes]) -> bool:
    return path.startswith(tuple(place + b"/" for place in places))


def _is_there(tree: Tree, path: bytes) -> bool:
    return os.path.lexists(tree.locate(os.fsdecode(path)))


def _parents(path: bytes) -> Iterator[bytes]:
    while path.count(b"/") > 1:
        path = path.rpartition(b"/")[0]
        yield path
