"""The language that a system speaks: locale.conf(5), and /etc/default/locale of Debian."""

import re
from typing import Final

from builder.inside.tree.tree import Tree

_FILES: Final = ("/etc/locale.conf", "/etc/default/locale")
_VALUE: Final = r"[ \t]*=[ \t]*[\"']?([A-Za-z][A-Za-z0-9_.@-]{0,60})"
_NAMES: Final = ("LC_ALL", "LC_MESSAGES", "LANG")  # the first one that is set decides: locale(7)


def own_locale(tree: Tree) -> str | None:
    """Return the locale of a system's messages ("de_DE.UTF-8"); None where none is set."""
    for path in _FILES:
        try:
            text = tree.read_text(path)
        except OSError:
            continue
        for name in _NAMES:
            if found := re.search(rf"^[ \t]*(?:export[ \t]+)?{name}{_VALUE}", text, re.MULTILINE):
                return found[1]
    return None
