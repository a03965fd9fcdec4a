"""Alternatives that are gone: update-alternatives(1) then chooses among the others.

A file in /var/lib/dpkg/alternatives has a status, the link, pairs of a slave's name and link, an
empty line; then for each alternative its path, its priority and a path for each slave; at the end
an empty line.
"""

import re
from dataclasses import dataclass
from typing import Final

from builder.inside.leftovers.gone import Gone
from builder.inside.leftovers.texts import read_lines, write_lines
from builder.inside.tree.tree import Tree

DATABASE: Final = "/var/lib/dpkg/alternatives"
LINKS: Final = "/etc/alternatives"
_PRIORITY: Final = re.compile(r"-?[0-9]{1,10}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """The alternatives for one name; each of `choices` has a path, a priority, slaves' paths."""

    status: str
    link: str
    slaves: tuple[tuple[str, str], ...]
    choices: tuple[tuple[str, ...], ...]


def choose_again(tree: Tree, gone: Gone) -> None:
    """Forget the alternatives that are gone, and point what they were chosen for elsewhere."""
    for name in tree.listdir(DATABASE):
        group = _parsed(read_lines(tree, f"{DATABASE}/{name}") or [])
        if group is None:
            continue
        left = tuple(choice for choice in group.choices if not gone.path(choice[0]))
        if len(left) != len(group.choices):
            _store(tree, name, group, left)


def _parsed(lines: list[str]) -> _Group | None:
    texts = [line.rstrip("\n") for line in lines]
    if "" not in texts[2:]:
        return None
    end = texts.index("", 2)
    named = texts[2:end]
    slaves = tuple(zip(named[::2], named[1::2], strict=False))
    width = len(slaves) + 2
    rest = texts[end + 1 :]
    starts = range(0, len(rest) - width + 1, width)
    choices = tuple(tuple(rest[start : start + width]) for start in starts if rest[start])
    if len(named) % 2 or not all(_PRIORITY.fullmatch(choice[1]) for choice in choices):
        return None
    return _Group(status=texts[0], link=texts[1], slaves=slaves, choices=choices)


def _store(tree: Tree, name: str, group: _Group, left: tuple[tuple[str, ...], ...]) -> None:
    chosen = tree.link_target(f"{LINKS}/{name}")
    if not left:
        for each, link in ((name, group.link), *group.slaves):
            _unlink(tree, each, link)
        tree.remove(f"{DATABASE}/{name}")
        return
    still = chosen in {choice[0] for choice in left}
    if not still:
        best = max(left, key=lambda choice: int(choice[1]))
        tree.symlink(f"{LINKS}/{name}", best[0])
        for (slave, link), path in zip(group.slaves, best[2:], strict=True):
            if path:
                tree.symlink(f"{LINKS}/{slave}", path)
            else:
                _unlink(tree, slave, link)
    parts = [group.status if still else "auto", group.link]
    parts += [word for pair in group.slaves for word in pair]
    parts += ["", *(word for choice in left for word in choice), ""]
    write_lines(tree, f"{DATABASE}/{name}", [f"{part}\n" for part in parts])


def _unlink(tree: Tree, name: str, link: str) -> None:
    """Remove the two links of a name, where they are such links."""
    own = f"{LINKS}/{name}"
    if link.startswith("/") and tree.link_target(link) == own:
        tree.remove(link)
    if tree.link_target(own) is not None:
        tree.remove(own)
