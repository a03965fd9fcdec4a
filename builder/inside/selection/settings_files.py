"""Files below /etc that are no settings of the system: older copies, and what its owner closed."""

import re
import stat
from dataclasses import dataclass
from typing import Final

from builder.inside.selection.owners import Owners
from builder.inside.tree.tree import Tree

_READABLE: Final = 0o004  # by everybody
_SEARCHABLE: Final = 0o001

# What editors (vi, nano, emacs, joe), administrators, dpkg(1), ucf(1) and rpm leave beside a file.
_OLDER: Final = re.compile(
    rb"""(?isx) .+~ | \#.*\# | \.\#.* | \..*\.sw[a-p] | .*\.swp
    | .+ [._-] (?: bak | backup | old | orig | org | save[ds]? | sav | copy | prev | previous | rej
      | dpkg-[a-z]+ | ucf-[a-z]+ | rpm(?:save|orig|new) ) [._-]? [0-9]{0,14}
      (?: \.gz | \.xz | \.bz2 | \.zst )?
    | .+ [._-] (?:19|20)[0-9]{2}-?[0-9]{2}-?[0-9]{2} (?: [._T-] [0-9:-]{1,16} )?
    | (?:passwd|shadow|group|gshadow|subuid|subgid)[^a-z].* """,
)
# What postmap(1), postalias(1), makemap(8) and cap_mkdb(1) make of the text beside it.
_TABLES: Final = (".db", ".lmdb", ".dir", ".pag", ".cdb")
# Closed by Debian itself, or the subject of rules that know them.
_KNOWN: Final = (
    b"/etc/shadow", b"/etc/gshadow", b"/etc/security/opasswd", b"/etc/sudoers", b"/etc/doas.conf",
    b"/etc/.pwd.lock",
)  # fmt: skip
_KNOWN_BELOW: Final = (b"/etc/sudoers.d/", b"/etc/netplan/", b"/etc/polkit-1/")


@dataclass(frozen=True, slots=True, kw_only=True)
class NoSettings:
    """Paths below /etc; a folder stands for all that is in it."""

    older: tuple[str, ...]
    closed: tuple[str, ...]


def find(tree: Tree, owners: Owners) -> NoSettings:
    """Return both, sorted. What a package owns is neither."""
    older: list[str] = []
    closed: list[str] = []
    gone = "\n"  # the folder that was found last; no path starts so
    for path, status in tree.walk("/etc") if tree.is_dir("/etc") else ():
        real = path.encode("utf-8", "surrogateescape")
        if path.startswith(gone) or real in owners.owned:
            continue
        if not stat.S_ISLNK(status.st_mode) and _is_older(tree, path):
            older.append(path)
        elif _is_closed(real, status.st_mode):
            closed.append(path)
        else:
            continue
        if stat.S_ISDIR(status.st_mode):
            gone = f"{path}/"
    return NoSettings(older=tuple(older), closed=tuple(closed))


def _is_older(tree: Tree, path: str) -> bool:
    """Whether a file is another state of one beside it, or a table that was made from it."""
    if path.endswith(_TABLES) and tree.is_file(path.rpartition(".")[0]):
        return True
    return bool(_OLDER.fullmatch(path.rpartition("/")[2].encode("utf-8", "surrogateescape")))


def _is_closed(path: bytes, mode: int) -> bool:
    if path in _KNOWN or path.startswith(_KNOWN_BELOW):
        return False
    if stat.S_ISDIR(mode):
        return not mode & (_READABLE | _SEARCHABLE)
    return stat.S_ISREG(mode) and not mode & _READABLE
