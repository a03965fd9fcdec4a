"""Init scripts, which systemd-sysv-generator(8) turns into services."""

import re
from typing import Final

from builder.inside.leftovers.gone import Gone
from builder.inside.leftovers.references import paths_in
from builder.inside.leftovers.texts import is_comment, read_lines
from builder.inside.tree.tree import Tree
from builder.inside.units.databases import has_lost_data
from builder.inside.units.folders import MASK, own_folder

SCRIPTS: Final = "/etc/init.d"
_LEVELS: Final = "rc*.d"
_ACCOUNT: Final = re.compile(r"\w*USER=[\"']?([\w.-]{1,32})[\"']?\s*$")


def sweep_scripts(tree: Tree, gone: Gone) -> int:
    """Remove scripts of no package that name what is gone; mask those without their data.

    Returns how many there were.
    """
    count = 0
    for name in tree.listdir(SCRIPTS):
        path = f"{SCRIPTS}/{name}"
        lines = [line for line in read_lines(tree, path) or [] if not is_comment(line)]
        settings = read_lines(tree, f"/etc/default/{name}") or []
        users = {match[1] for line in (*lines, *settings) if (match := _ACCOUNT.match(line))}
        named = users & gone.users or any(gone.path(each) for each in paths_in("".join(lines)))
        if named and not gone.is_packaged(path):
            _remove(tree, name)
        elif any(has_lost_data(each, gone) for each in sorted({name, *users})):
            tree.symlink(f"{own_folder('system')}/{name}.service", MASK)
        else:
            continue
        count += 1
    return count


def _remove(tree: Tree, name: str) -> None:
    tree.remove(f"{SCRIPTS}/{name}")
    for folder in tree.glob("/etc", _LEVELS):
        for link in tree.listdir(folder):
            if link[:1] in ("S", "K") and link[3:] == name:
                tree.remove(f"{folder}/{link}")
