"""The page docs/what-is-left-out.md, made from the tables that decide, so that it stays true.

`python -m tests.support.left_out --write` writes it there.
"""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from builder.formats.recipe import Installer
from builder.inside import session
from builder.inside.rules import RULES
from builder.inside.rules.rule import Rule
from builder.inside.selection.places import DATA, KEPT, TOP
from builder.inside.tree.excludes import EXCLUDES, KEPT_XATTR

PAGE: Final = Path(__file__).parents[2] / "docs/what-is-left-out.md"
COMMAND: Final = "python -m tests.support.left_out --write"

_TOP = """\
# What is left out of the ISO

This page is made from the program's own tables (`tests/support/left_out.py`); a test
compares them. The source itself is never changed: everything here happens to a copy, or to a layer
over the source that stands for one. The private file beside an ISO lists each path that
was touched, with the name of the rule that did it; the manifest has only counts.

## What is copied: programs and settings stay, data goes

Each path is decided by who owns it, by what refers to it, and by where it is. The first of these
that applies to a path decides about it, and about all that is in it:

1. `exclude` in build.yaml leaves it out.
2. `keep` in build.yaml takes it; the rules below do not remove it then, but they may edit it.
3. It is private, wherever it is:

"""
_TABLE = """
4. It is in the table of what is never copied, where `/dir/*` leaves the empty directory, with its
   owner and mode:

"""
_PLACES = """
5. It is in a place of data: {data}, or anything at the top that is not one of {top}. Then only
   what a package owns is copied, by the lists of dpkg with its diversions, or by ucf's registry;
   what the keep-list below names; and, without their contents, the folders that programs expect:
   the homes of system accounts, and those that maintainer scripts, units, tmpfiles.d or
   logrotate.d name.
6. Anything else is copied: `/usr` and `/opt` with hand-installed programs, and `/etc`.

Of the extended attributes only `{kept}` is copied. The build names the
largest places that were left out, and those of hand-installed programs that came along, with how to
turn each round.

## The keep-list

| pattern | except | why |
| --- | --- | --- |
{keep_list}"""
_KINDS: Final = (
    (
        "named-secret",
        (
            "a file that a setting names as a key, a password, credentials, swap space or an "
            "image: in crypttab, fstab, units, or after a word that says so in `/etc` or "
            "`/usr/local/etc`; what a package owns is none"
        ),
    ),
    ("home", "the home of a person in `/etc/passwd`, wherever it is"),
    (
        "older-copy",
        (
            "an older copy of a setting in `/etc`, by its name, as editors, administrators, dpkg "
            "and ucf leave them; or a table that was made from one, such as `aliases.db`"
        ),
    ),
    (
        "closed",
        (
            "a file or folder in `/etc` that not everybody may read, and that no package owns; the "
            "account databases, sudoers and netplan have rules of their own"
        ),
    ),
)
_MIDDLE = """
## Removed or written in the copy

"""
_LIVE = """
## Only in the live system

These do not touch the system in `live/filesystem.squashfs`. They write a layer above it,
`live/live.squashfs`, which an installer does not copy.

"""
_END = """
## What stays

Everything else: programs, and their settings in `/etc`. The live user's password is `live`, or what
`live.password_hash` says, and `sudo` asks for none; root has no password and cannot log in with
one. The password is good at the machine itself, not over the network, unless `live.remote_login`
says so.
"""


def page() -> str:
    """Return the page, in Markdown."""
    excludes = [(_code([row.pattern]), row.reason) for row in EXCLUDES]
    kept = [(_code([row.pattern]), _code(row.but), row.reason) for row in KEPT]
    rules, live = (
        [(rule.name, _touched(rule), rule.reason) for rule in each]
        for each in (RULES, session.rules_with(Installer.TEXT))
    )
    places = _PLACES.format(
        kept=KEPT_XATTR,
        data=_code(DATA),
        top=_code(f"/{name}" for name in TOP),
        keep_list=_rows(kept),
    )
    return (
        _TOP
        + _table(("rule", "what"), _KINDS)
        + _TABLE
        + _table(("pattern", "why"), excludes)
        + places
        + _MIDDLE
        + _table(("rule", "paths", "why"), rules)
        + _LIVE
        + _table(("rule", "paths", "why"), live)
        + _END
    )


def _touched(rule: Rule) -> str:
    parts = [("removed", rule.removes), ("emptied", rule.empties), ("edited", rule.edits)]
    return "<br>".join(f"{verb}: {_code(paths)}" for verb, paths in parts if paths) or "checked"


def _code(paths: Iterable[str]) -> str:
    return " ".join(f"`{path}`" for path in paths)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return _rows([head, ["---"] * len(head), *rows])


def _rows(rows: Iterable[Sequence[str]]) -> str:
    return "".join(f"| {' | '.join(cells)} |\n" for cells in rows)


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(page())
    else:
        sys.stdout.write(page())
