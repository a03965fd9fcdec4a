"""The kernels in a tree: images in /boot, modules in /lib/modules, newest first."""

import re
from dataclasses import dataclass
from typing import Final

from builder.inside.tree.tree import Tree

_VERSION: Final = re.compile(r"[0-9][0-9A-Za-z.+_~-]{0,99}")
_IMAGE: Final = "vmlinuz-"
_DIGITS: Final = re.compile(r"([0-9]+)")
_END: Final = 0  # sorts after "~" and before every letter


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelParts:
    """Versions by what there is of them, newest first."""

    images: tuple[str, ...]  # /boot/vmlinuz-VERSION is a file with something in it
    modules: tuple[str, ...]  # /lib/modules/VERSION is a directory with something in it

    @property
    def whole(self) -> tuple[str, ...]:
        """The versions that have both."""
        return tuple(version for version in self.images if version in self.modules)


def find_kernels(tree: Tree) -> KernelParts:
    """Return the kernels in `tree`; a name that can be no kernel version is passed over."""
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
    return tuple(sorted(valid, key=version_key, reverse=True))


def version_key(version: str) -> tuple[tuple[int, ...] | int, ...]:
    """Return a sort key for dpkg's order of versions (deb-version(7)).

    A release candidate sorts before its release, as in Debian's `linux-version sort`.
    """
    parts = _DIGITS.split(version.replace("-rc", "~rc"))
    return tuple(
        int(part) if position % 2 else (*map(_weight, part), _END)
        for position, part in enumerate(parts)
    )


def _weight(sign: str) -> int:
    if sign == "~":
        return -1
    return ord(sign) if sign.isalpha() else ord(sign) + 256
