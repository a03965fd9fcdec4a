"""Drops entries that name what is gone from settings with an entry on each line."""

import re
from collections.abc import Callable
from typing import Final

from builder.inside.leftovers.gone import Gone, Named
from builder.inside.leftovers.texts import is_comment, joined, logical, read_lines, write_lines
from builder.inside.tree.tree import Tree

Format = Callable[[str], Named]
_NO_COMMENT: Final = re.compile(r"#(?:include|\d+) ")  # sudoers(5); a number in statoverride


def drop_entries(tree: Tree, gone: Gone, path: str, form: Format) -> bool:
    r"""Drop the entries of `path` that name what is gone; return whether there were any.

    An entry may go on after a `\` at the end of a line. A file whose last entry goes stays empty.
    """
    lines = read_lines(tree, path)
    if lines is None:
        return False
    kept = [line for entry in logical(lines) if not _is_gone(entry, gone, form) for line in entry]
    return write_lines(tree, path, kept)


def _is_gone(together: list[str], gone: Gone, form: Format) -> bool:
    entry = joined(together)
    if is_comment(entry) and not _NO_COMMENT.match(entry):
        return False
    return gone.any(form(entry))
