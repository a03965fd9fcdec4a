"""Shell scripts that run one command after another, such as rc.local."""

import re
from typing import Final

from builder.inside.leftovers.gone import Gone
from builder.inside.leftovers.references import paths_in
from builder.inside.leftovers.texts import is_comment, joined, logical, read_lines, write_lines
from builder.inside.tree.tree import Tree

# A line with one of these belongs to others, which would be wrong without it.
_WITH_OTHERS: Final = re.compile(
    r"(?:^|[\s;&|(])(?:if|then|elif|else|fi|for|while|until|do|done|case|esac|\{|\}|\))(?:[\s;]|$)"
    r"|<<|\($|\{$"
)


def drop_commands(tree: Tree, gone: Gone, path: str) -> bool:
    """Drop the commands that name what is gone; the whole script where that is not possible.

    `:` takes a command's place, so that what is around it stays complete.
    """
    lines = read_lines(tree, path)
    if lines is None:
        return False
    kept: list[str] = []
    for command in logical(lines):
        text = joined(command)
        named = () if is_comment(text) else paths_in(text)
        if not any(gone.path(each) for each in named):
            kept += command
        elif _WITH_OTHERS.search(text):
            return tree.remove(path)
        else:
            kept.append(":\n")
    return write_lines(tree, path, kept)
