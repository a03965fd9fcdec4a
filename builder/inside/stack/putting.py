"""Puts the live stack into a scratch root, whatever is there already.

live-boot is always the one of the builder image, so that every live system starts in the same way.
What makes an initramfs is the tree's own wherever it has it: that fits its udev and its kernels.
Files go through `Tree`, since in the tree /lib may be a link, as it is on every merged /usr.
"""

import stat
from dataclasses import dataclass
from typing import Final

from builder.formats.package import Package
from builder.inside.debian.dpkg import installed
from builder.inside.rules.rule import add, expand
from builder.inside.stack.bundle import BUNDLE, Bundle
from builder.inside.stack.mends import mended
from builder.inside.stack.programs import put_program
from builder.inside.tree.tree import Tree

_SCRIPTS: Final = "/usr/share/initramfs-tools"
_LIVE_BOOT: Final = ("live-boot", "live-boot-initramfs-tools")
# Where any version of live-boot has its files, and where others hook into it.
_LIVE_BOOT_FILES: Final = (
    "/usr/lib/live/boot", "/lib/live/boot", "/usr/bin/live-boot", "/bin/live-boot",
    f"{_SCRIPTS}/hooks/live", f"{_SCRIPTS}/hooks/kms",
    f"{_SCRIPTS}/scripts/live", f"{_SCRIPTS}/scripts/live-*",
)  # fmt: skip
_CORE: Final = "initramfs-tools-core"
_KLIBC: Final = frozenset(("klibc-utils", "libklibc"))
_OWN_BUSYBOX: Final = "busybox-static"
_MKINITRAMFS: Final = "/usr/sbin/mkinitramfs"
_CORE_FILES: Final = (
    _MKINITRAMFS, f"{_SCRIPTS}/init", f"{_SCRIPTS}/hook-functions",
    f"{_SCRIPTS}/scripts/functions", f"{_SCRIPTS}/scripts/local",
)  # fmt: skip
_BUSYBOX: Final = (  # the hooks of Debian and Ubuntu, and the program that each of them copies
    (f"{_SCRIPTS}/hooks/zz-busybox", "/usr/bin/busybox"),
    (f"{_SCRIPTS}/hooks/zz-busybox", "/bin/busybox"),
    (f"{_SCRIPTS}/hooks/zz-busybox-initramfs", "/usr/lib/initramfs-tools/bin/busybox"),
)
_OTHER_BUSYBOX: Final = (
    f"{_SCRIPTS}/hooks/zz-busybox-initramfs", f"{_SCRIPTS}/conf-hooks.d/busybox-initramfs",
)  # fmt: skip
# What runs while an initramfs is made, and is not in it: the package, and the program.
_PROGRAMS: Final = (
    ("cpio", "/usr/bin/cpio"),
    ("dracut-install", "/usr/lib/dracut/dracut-install"),
    ("initramfs-tools-bin", "/usr/bin/unmkinitramfs"),
)
# Packages that every system has, though not always with their scripts for initramfs-tools.
_HOOKS: Final = ("kmod", "udev")


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """A package that was put into a scratch root; `shipped` says whether an initramfs has it."""

    package: Package
    shipped: bool


def needed(tree: Tree, bundle: Bundle = BUNDLE) -> tuple[Put, ...]:
    """Return the packages that a tree needs to make an initramfs with live-boot, sorted."""
    shipped = set(_LIVE_BOOT)
    if not has_mkinitramfs(tree):
        shipped.add(_CORE)
    if not _has_klibc(tree):
        shipped |= _KLIBC
    if not any(_is_program(tree, path) for hook, path in _BUSYBOX if tree.is_file(hook)):
        shipped.add(_OWN_BUSYBOX)
    shipped |= {name for name in _HOOKS if not tree.is_file(f"{_SCRIPTS}/hooks/{name}")}
    helpers = {name for name, path in _PROGRAMS if not _is_program(tree, path)}
    return tuple(
        Put(package=bundle.package(name), shipped=name in shipped)
        for name in sorted(shipped | helpers)
    )


def put_stack(tree: Tree, bundle: Bundle = BUNDLE) -> tuple[Put, ...]:
    """Put what is `needed`, and return it.

    Of the tree's own live-boot nothing is left. Raises OSError where something cannot be put.
    """
    found = needed(tree, bundle)
    shipped = {each.package.name for each in found if each.shipped}
    _remove_live_boot(tree)
    if _OWN_BUSYBOX in shipped:
        for path in _OTHER_BUSYBOX:
            tree.remove(path)  # a hook without its program fails
    for name in sorted(shipped):
        _put(tree, bundle, name, _SCRIPTS if name in _HOOKS else "")
    for name, path in _PROGRAMS:
        if name in {each.package.name for each in found} - shipped:
            put_program(tree, bundle, name, path)
    return found


def has_mkinitramfs(tree: Tree) -> bool:
    """Whether the tree has initramfs-tools, by what dpkg says and by what is there.

    dracut replaces the package initramfs-tools, but its core often stays behind, and works.
    """
    return bool(installed(tree, (_CORE,))) and all(_has_content(tree, path) for path in _CORE_FILES)


def _has_klibc(tree: Tree) -> bool:
    return tree.is_file(f"{_SCRIPTS}/hooks/klibc-utils") and _is_program(
        tree, "/usr/lib/klibc/bin/run-init"
    )


def _remove_live_boot(tree: Tree) -> None:
    for path in expand(tree, _LIVE_BOOT_FILES):
        tree.remove(path)


def _put(tree: Tree, bundle: Bundle, name: str, below: str = "") -> None:
    for file in map(mended, bundle.files(name, below)):
        add(tree, file.path, file.data, mode=file.mode)


def _is_program(tree: Tree, path: str) -> bool:
    return _has_content(tree, path) and bool(
        stat.S_IMODE(tree.resolve(path).stat().st_mode) & stat.S_IXUSR
    )


def _has_content(tree: Tree, path: str) -> bool:
    return tree.is_file(path) and tree.resolve(path).stat().st_size > 0
