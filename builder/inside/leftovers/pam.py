"""PAM modules whose files are gone: pam.conf(5).

A line cannot simply go: jumps like `success=2` count lines. A module that always fails, marked
optional, takes its place: it neither lets anybody in nor keeps anybody out.
"""

import re
from typing import Final

from builder.inside.leftovers.gone import Gone
from builder.inside.leftovers.references import paths_in
from builder.inside.leftovers.texts import is_comment, joined, logical, read_lines, write_lines
from builder.inside.tree.tree import Tree

_LINE: Final = re.compile(r"-?(auth|account|password|session)\s")


def neutralise(tree: Tree, gone: Gone, path: str) -> bool:
    """Replace the modules in `path` that name what is gone; return whether there were any."""
    lines = read_lines(tree, path)
    if lines is None:
        return False
    kept = [line for entry in logical(lines) for line in _changed(entry, gone)]
    return write_lines(tree, path, kept)


def _changed(together: list[str], gone: Gone) -> list[str]:
    entry = joined(together)
    match = _LINE.match(entry)
    if is_comment(entry) or match is None or not any(gone.path(each) for each in paths_in(entry)):
        return together
    return [f"{match[1]}\toptional\tpam_deny.so\n"]
