"""The kernels in a tree: images in /boot, modules in /lib/modules, newest first."""

import re
from dataclasses import dataclass
from functools import cmp_to_key
from typing import Final

from builder.basics.debian_version import compare_parts
from builder.inside.tree.tree import Tree

_VERSION: Final = re.compile(r"[0-9][0-9A-Za-z.+_~-]{0,99}")
_IMAGE: Final = "vmlinuz-"


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelParts:
    """Versions by the parts that exist, newest first."""

    images: tuple[str, ...]  # /boot/vmlinuz-VERSION is a non-empty file
    modules: tuple[str, ...]  # /lib/modules/VERSION is a non-empty directory

    @property
    def complete(self) -> tuple[str, ...]:
        """The versions that have both."""
        return tuple(version for version in self.images if version in self.modules)


def find_kernels(tree: Tree) -> KernelParts:
    """Return the kernels in `tree`; invalid version names are skipped."""
    images = [
        path.rpartition(f"/{_IMAGE}")[2]
        for path in tree.glob("/boot", f"{_IMAGE}*")
        if tree.is_file(path) and tree.resolve(path).stat().st_size
    ]
    modules = [
        name for name in tree.listdir("/lib/modules") if tree.listdir(f"/lib/modules/{name}")
    ]
    return KernelParts(images=_newest_first(images), modules=_newest_first(modules))


def _newest_first(versions: list[str]) -> tuple[str, ...]:
    valid = [version for version in versions if _VERSION.fullmatch(version)]
    return tuple(sorted(valid, key=cmp_to_key(compare_kernels), reverse=True))


def compare_kernels(first: str, second: str) -> int:
    """Return -1, 0 or 1: whether `first` is older than, the same as or newer than `second`.

    A release candidate is older than its release, as in Debian's `linux-version sort`. The part
    after the last hyphen is the flavour, not a revision.
    """
    return compare_parts(first.replace("-rc", "~rc"), second.replace("-rc", "~rc"))
