"""Files that programs make from installed packages alone, so that every system has the like."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from builder.inside.tree.tree import Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """Paths that match `pattern` are not searched because of `reason`."""

    pattern: str  # a regular expression for a whole path
    reason: str


DERIVED: Final = (
    Derived(pattern=r"/var/lib/dpkg/(?:status(?:-old)?|available(?:-old)?|info/(?:format|[a-z0-9][^/]*\.(?:"
            r"list|md5sums|conffiles|config|templates|triggers|shlibs|symbols|(?:post|pre)(?:inst|rm)|"
            r"preinst|buildinfo|alternatives))|diversions|"
            r"triggers/.*|alternatives/.*)", reason="what dpkg knows of packages, with their "
            "maintainers and descriptions"),
    Derived(pattern=r"/var/lib/apt/(?:extended_states|lists/.*)", reason="what apt knows of them"),
    Derived(pattern=r"/var/cache/debconf/templates\.dat(?:-old)?", reason="questions of packages"),
    Derived(pattern=r"/usr/lib/udev/hwdb\.bin|/etc/udev/hwdb\.bin", reason="devices of the world"),
    Derived(pattern=r"/etc/ssl/certs/(?:ca-certificates\.crt|java/cacerts)",
            reason="public certificates"),
    Derived(pattern=r"/(?:usr/)?lib/modules/[^/]+/modules\.[^/]+", reason="lists of modules"),
    Derived(pattern=r"/usr/share/(?:mime|icons|applications|glib-2\.0)/(?:.*/)?(?:[^/]+\.cache|"
            r"gschemas\.compiled|[^/]+\.xml|aliases|globs2?|icons|magic|subclasses|types|"
            r"generic-icons|treemagic|version|XMLnamespaces)", reason="caches of desktop files"),
)  # fmt: skip
_ANY: Final = re.compile("|".join(f"(?:{each.pattern})" for each in DERIVED).encode(), re.DOTALL)


# Folders above them that people move elsewhere, with a link left behind.
_ABOVE: Final = (
    "/etc", "/usr", "/usr/lib", "/usr/share", "/var", "/var/cache", "/var/lib", "/var/lib/apt",
    "/var/lib/dpkg",
)  # fmt: skip


def moved_folders(tree: Tree) -> tuple[tuple[bytes, bytes], ...]:
    """Return the real paths of such folders of `tree` that were moved, each with its usual one."""
    found = ((tree.inner(tree.resolve(path)), path) for path in _ABOVE if tree.is_dir(path))
    return tuple(
        (os.fsencode(f"{real}/"), os.fsencode(f"{path}/")) for real, path in found if real != path
    )


def is_derived(path: bytes, moved: Iterable[tuple[bytes, bytes]] = ()) -> bool:
    """Whether the file at a path is made from packages alone; `moved` is of its tree."""
    usual = (name + path[len(real) :] for real, name in moved if path.startswith(real))
    return any(_ANY.fullmatch(each) is not None for each in (path, *usual))
