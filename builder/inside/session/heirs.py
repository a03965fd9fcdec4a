"""Puts the live user where the system's settings name whoever takes a removed person's place."""

import re
import stat
from typing import Final

from builder.formats.recipe import LiveSettings
from builder.inside.leftovers.gone import HEIR
from builder.inside.leftovers.homes import PLACES
from builder.inside.leftovers.texts import read_lines, write_lines
from builder.inside.rules.rule import Rule, Warned
from builder.inside.tree.tree import Tree

_NAME: Final = re.compile(rf"(?<![\w.-]){re.escape(HEIR)}(?![\w.-])")


def _name_the_live_user(tree: Tree, live: LiveSettings) -> tuple[Warned, ...]:
    for place in PLACES:
        for path, status in tree.walk(place) if tree.is_dir(place) else ():
            if not stat.S_ISREG(status.st_mode) or not status.st_size:
                continue
            lines = read_lines(tree, path)
            if lines is not None and any(HEIR in line for line in lines):
                write_lines(tree, path, [_NAME.sub(live.user, line) for line in lines])
    return ()


RULES: Final = (
    Rule(
        name="live-heir",
        reason=f"lists of who may do something, and places in homes, name `{HEIR}` in the system "
        "where they named a person; in the live system that is the live user",
        edits=tuple(f"{place}/*" for place in PLACES),
        edit=_name_the_live_user,
    ),
)
