"""Mentions of a removed person's home in settings become the live user's home."""

import re
import stat
from typing import Final

from builder.inside.leftovers.gone import Gone
from builder.inside.leftovers.texts import read_lines, write_lines
from builder.inside.tree.tree import Tree

PLACES: Final = ("/etc", "/usr/local/etc", "/usr/share/applications", "/usr/local/share")


def rename_homes(tree: Tree, gone: Gone) -> None:
    """Replace the homes of removed accounts in the texts of PLACES.

    What is not text stays as it is; a longer name that starts with a home's is another one.
    """
    homes = [home for home in gone.homes if not tree.exists(home)]
    if not homes:
        return
    any_home = "|".join(re.escape(home) for home in homes)
    home = re.compile(rf"(?:(?<![\w/.-])|(?<=://))(?:{any_home})(?![\w.-])")
    for place in PLACES:
        for path, status in tree.walk(place) if tree.is_dir(place) else ():
            if stat.S_ISREG(status.st_mode) and status.st_size:
                _rename(tree, path, home, f"/home/{gone.heir}")


def _rename(tree: Tree, path: str, home: re.Pattern[str], heir: str) -> None:
    lines = read_lines(tree, path)
    if lines is not None:
        write_lines(tree, path, [home.sub(heir, line) for line in lines])
