"""The page docs/what-is-left-out.md, made from the tables that decide, so that it stays true.

`python -m tests.support.left_out --write` writes it there.
"""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from builder.inside.rules import RULES
from builder.inside.rules.rule import Rule
from builder.inside.tree.excludes import EXCLUDES, KEPT_XATTR

PAGE: Final = Path(__file__).parents[2] / "docs/what-is-left-out.md"
COMMAND: Final = "python -m tests.support.left_out --write"

_TOP = """\
# What is left out of the ISO

This page is made from the program's own tables (`tests/support/left_out.py`); a test
compares them. The source itself is never changed: everything here happens to a copy, or to a layer
over the source that stands for one. The manifest of every build lists each path that was touched,
with the name of the rule that did it.

## Not copied

`/dir/*` leaves the empty directory, with its owner and mode. Swap files that the system's own
`/etc/fstab` names are left out too, and so is what `exclude` in build.yaml says. Of the extended
attributes only `{kept}` is kept.

"""
_MIDDLE = """
## Removed or written in the copy

"""
_END = """
## What stays

Everything else: programs, their settings in `/etc`, data of services below `/var/lib`, `/opt` and
`/srv`. A build warns where databases and web pages come along. The live user's password is `live`,
or what `live.password_hash` says, and `sudo` asks for none; root has no password and cannot log in
with one. The password is good at the machine itself, not over the network, unless
`live.remote_login` says so.
"""


def page() -> str:
    """Return the page, in Markdown."""
    excludes = [(_code([row.pattern]), row.reason) for row in EXCLUDES]
    rules = [(rule.name, _touched(rule), rule.reason) for rule in RULES]
    return (
        _TOP.format(kept=KEPT_XATTR)
        + _table(("pattern", "why"), excludes)
        + _MIDDLE
        + _table(("rule", "paths", "why"), rules)
        + _END
    )


def _touched(rule: Rule) -> str:
    parts = [("removed", rule.removes), ("emptied", rule.empties), ("edited", rule.edits)]
    return "<br>".join(f"{verb}: {_code(paths)}" for verb, paths in parts if paths) or "checked"


def _code(paths: Iterable[str]) -> str:
    return " ".join(f"`{path}`" for path in paths)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(page())
    else:
        sys.stdout.write(page())
