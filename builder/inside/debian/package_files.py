"""The files of installed packages, as dpkg lists them: their paths, and the MD5 of their contents.

dpkg's formats: info/*.list and *.md5sums, and the conffiles in its status file (deb822). MD5 is
what packages state; it tells a file that somebody changed, not one that somebody forged.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from builder.inside.debian.dpkg import MOST_BYTES, STATUS
from builder.inside.tree.tree import Tree

_INFO: Final = "/var/lib/dpkg/info"
_LARGEST: Final = 32 << 20  # bytes of one list; a kernel's has 1 MB
_MOST: Final = 256 << 20  # of all
_SUM: Final = re.compile(rb"^\\?([0-9a-f]{32})  ", re.MULTILINE)
_CONFFILE: Final = re.compile(rb"^ /[^\n]{1,4096} ([0-9a-f]{32})(?: obsolete| remove-on-upgrade)*$",
                              re.MULTILINE)  # fmt: skip
_MERGED: Final = (b"/bin/", b"/sbin/", b"/lib/", b"/lib32/", b"/lib64/", b"/libx32/")


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageFiles:
    """What packages brought."""

    paths: frozenset[bytes]  # "/usr/bin/less"; where a merged /usr has two, both
    contents: frozenset[bytes]  # MD5, 16 bytes each; wherever such a content is, it is public


def read_package_files(tree: Tree) -> PackageFiles:
    """Return the files of the packages of a tree; what cannot be read belongs to none."""
    paths: set[bytes] = set()
    contents: set[bytes] = set()
    for content in _files(tree, "*.list"):
        for line in content.split(b"\n"):
            if line.startswith(b"/"):
                paths.add(line)
                if line.startswith(_MERGED):
                    paths.add(b"/usr" + line)
    for content in _files(tree, "*.md5sums"):
        contents.update(bytes.fromhex(each.decode()) for each in _SUM.findall(content))
    try:
        status = tree.read_bytes(STATUS, limit=MOST_BYTES)
    except OSError:
        status = b""
    contents.update(bytes.fromhex(each.decode()) for each in _CONFFILE.findall(status))
    return PackageFiles(paths=frozenset(paths), contents=frozenset(contents))


def _files(tree: Tree, pattern: str) -> Iterator[bytes]:
    left = _MOST
    for path in tree.glob(_INFO, pattern):
        try:
            content = tree.read_bytes(path, limit=min(_LARGEST, left))
        except OSError:
            continue
        left -= len(content)
        yield content
