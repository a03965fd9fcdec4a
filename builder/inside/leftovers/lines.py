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

    An entry may go on after a `\` at the end of a line. When the last entry goes, a file of its
    owner in a folder of such files goes with it, since its name often says whose it was; another
    one stays, empty.
    """
    lines = read_lines(tree, path)
    if lines is None:
        return False
    kept = [entry for entry in logical(lines) if not _is_gone(entry, gone, form)]
    if not write_lines(tree, path, [line for entry in kept for line in entry]):
        return False
    if _in_folder_of_such(path) and not gone.is_packaged(path) and not any(map(_says, kept)):
        tree.remove(path)
    return True


def _in_folder_of_such(path: str) -> bool:
    return path.rpartition("/")[0].endswith(".d")


def _says(together: list[str]) -> bool:
    entry = joined(together)
    return bool(entry.strip()) and (not is_comment(entry) or bool(_NO_COMMENT.match(entry)))


def _is_gone(together: list[str], gone: Gone, form: Format) -> bool:
    entry = joined(together)
    if is_comment(entry) and not _NO_COMMENT.match(entry):
        return False
    return gone.any(form(entry))
