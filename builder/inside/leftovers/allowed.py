"""Lists of those who may do something, or may not.

Where they may, the live user takes a removed person's place: a list that became empty would let
nobody in, or, worse, everybody. Where they may not, the name goes.
"""

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Final

from builder.inside.leftovers.gone import Gone
from builder.inside.leftovers.texts import is_comment, read_lines, write_lines
from builder.inside.tree.tree import Tree

_WORD: Final = re.compile(r"[^\s,:;\"'@=]+")
_SSH_ALLOWS: Final = re.compile(r"\s*Allow(?:Users|Groups)\b", re.IGNORECASE)
_SSH_DENIES: Final = re.compile(r"\s*Deny(?:Users|Groups)\b", re.IGNORECASE)
_MATCH: Final = re.compile(r"\s*Match\s+(.*)$", re.IGNORECASE)
_SHARE_ALLOWS: Final = re.compile(
    r"\s*(?:valid users|read list|write list|admin users|guest account)\s*=", re.IGNORECASE
)
_DENIES: Final = re.compile(
    r"\s*(?:invalid users|hidden-users|hidden-shells|HideUsers|hide_users|Exclude)\s*=",
    re.IGNORECASE,
)


def hand_over_names(tree: Tree, gone: Gone, path: str) -> bool:
    """Change a file that lists who may do something, such as cron.allow."""
    return _rewrite(tree, path, lambda line: _handed_over(line, gone))


def hand_over_access(tree: Tree, gone: Gone, path: str) -> bool:
    """Change access.conf(5): `+` allows, `-` denies to all but those after EXCEPT."""

    def changed(line: str) -> str:
        denies = line.lstrip().startswith("-") and "EXCEPT" not in line
        return _without(line, gone, fields=":") if denies else _handed_over(line, gone)

    return _rewrite(tree, path, changed)


def hand_over_shares(tree: Tree, gone: Gone, path: str) -> bool:
    """Change the lists of who may use a share, in smb.conf(5)."""

    def changed(line: str) -> str:
        if _DENIES.match(line):
            return _without(line, gone, fields="=")
        return _handed_over(line, gone) if _SHARE_ALLOWS.match(line) else line

    return _rewrite(tree, path, changed)


def unhide(tree: Tree, gone: Gone, path: str) -> bool:
    """Take removed accounts from the lists of those whom a login screen does not show."""

    def changed(line: str) -> str:
        return _without(line, gone, fields="=") if _DENIES.match(line) else line

    return _rewrite(tree, path, changed)


def hand_over_ssh(tree: Tree, gone: Gone, path: str) -> bool:
    """Change the lists in sshd_config(5), and drop the `Match` blocks of removed accounts."""
    lines = read_lines(tree, path)
    if lines is None:
        return False
    kept: list[str] = []
    dropping = False
    for line in lines:
        if match := _MATCH.match(line):
            dropping = _is_for_gone(match[1], gone)
        if not dropping:
            kept.append(_ssh(line, gone))
    return write_lines(tree, path, kept)


def _ssh(line: str, gone: Gone) -> str:
    if _SSH_DENIES.match(line):
        return _without(line, gone, fields=None)
    return _handed_over(line, gone) if _SSH_ALLOWS.match(line) else line


def _is_for_gone(criteria: str, gone: Gone) -> bool:
    pairs = {key.lower(): value.split(",") for key, value in pairwise(criteria.split())}
    users, groups = pairs.get("user", []), pairs.get("group", [])
    return bool(users and gone.users.issuperset(users)) or bool(
        groups and gone.groups.issuperset(groups)
    )


def _rewrite(tree: Tree, path: str, changed: Callable[[str], str]) -> bool:
    lines = read_lines(tree, path)
    if lines is None:
        return False
    return write_lines(tree, path, [line if is_comment(line) else changed(line) for line in lines])


def _handed_over(line: str, gone: Gone) -> str:
    return _WORD.sub(lambda word: gone.heir if word[0] in gone.names else word[0], line)


def _without(line: str, gone: Gone, *, fields: str | None) -> str:
    """Return a line without removed names; nothing if its list, after `fields`, becomes empty."""
    names = gone.listed
    if not any(word in names for word in _WORD.findall(line)):
        return line
    kept = _WORD.sub(lambda word: "" if word[0] in names else word[0], line)
    words = kept.split(fields, 2)
    listed = words[1] if len(words) > 1 else ""
    return f"{' '.join(kept.split())}\n" if listed.strip(" \t\n,;") else ""
