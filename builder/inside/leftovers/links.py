"""Links that led somewhere in the source and lead nowhere in the copy."""

import stat
from typing import Final

from builder.inside.leftovers.gone import Gone
from builder.inside.tree.tree import Tree

PLACES: Final = ("/etc", "/usr/local", "/usr/bin", "/usr/sbin", "/usr/games", "/opt",
                 "/usr/share/applications")  # fmt: skip


def drop_links(tree: Tree, gone: Gone) -> list[str]:
    """Remove the links in PLACES that lead to what is gone; return them.

    A link to a link goes as well.
    """
    found = [
        path
        for place in PLACES
        if tree.is_dir(place)
        for path, status in tree.walk(place)
        if stat.S_ISLNK(status.st_mode) and gone.dangles(path)
    ]
    for path in found:
        tree.remove(path)
    return found
