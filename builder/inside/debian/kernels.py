"""The kernels in a tree: which of them can start a live system, and which of those does it best."""

import os
import re
import struct
from dataclasses import dataclass
from functools import cmp_to_key
from typing import Final

from builder.basics.debian_version import compare_parts
from builder.border.cache_report import Problem
from builder.inside.debian.kernel_modules import Abilities, abilities
from builder.inside.tree.tree import Tree

_VERSION: Final = re.compile(r"[0-9][0-9A-Za-z.+_~-]{0,99}")
_IMAGE: Final = "vmlinuz-"
# The x86 boot protocol (Linux' Documentation/arch/x86/boot.rst): at 0x1f1 the number of 512-byte
# sectors after the first one, with 0 for 4; at 0x1f4 the length of the rest in 16 bytes; at 0x202 a
# signature, and at 0x236 flags, of which the first says that there is a 64-bit entry point.
_SECTORS: Final = 0x1F1
_REST: Final = struct.Struct("<I")
_REST_AT: Final = 0x1F4
_SIGNATURE: Final = (0x202, b"HdrS")
_FLAGS: Final = 0x236
_HAS_64_BITS: Final = 1
_REINSTALL: Final = (
    "Others start the live system, if there are any. To have this one too, reinstall its package "
    "in the source system, then make a new backup."
)
# Debian's words for kernels that serve few machines better than the plain one.
_SPECIAL: Final = re.compile(r"-(?:rt|cloud)(?=-|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelParts:
    """What there is of kernels."""

    images: tuple[str, ...]  # versions that have an image for amd64, newest first
    modules: tuple[str, ...]  # versions whose /lib/modules/VERSION is not empty, newest first
    complete: tuple[str, ...]  # versions that can start a live system, the best one first
    rejected: tuple[Problem, ...]  # why others with a name in /boot cannot, newest first
    ordinary: bool  # whether the best one starts from discs and USB sticks


def find_kernels(tree: Tree) -> KernelParts:
    """Return the kernels in `tree`; invalid version names are skipped."""
    named = {
        path.rpartition(f"/{_IMAGE}")[2]
        for path in tree.glob("/boot", f"{_IMAGE}*")
        if not tree.is_dir(path)
    }
    folders = tree.listdir("/lib/modules")
    modules = {name for name in folders if tree.listdir(f"/lib/modules/{name}")}
    beside = {name for name in modules if tree.exists(f"/lib/modules/{name}/vmlinuz")}
    kernels = [_kernel(tree, version, modules) for version in _newest_first(named | beside)]
    complete = _best_first([each for each in kernels if each.problem is None])
    return KernelParts(
        images=tuple(each.version for each in kernels if each.has_image),
        modules=_newest_first(modules),
        complete=complete,
        rejected=tuple(each.problem for each in kernels if each.problem is not None),
        ordinary=any(each.ordinary for each in kernels if each.version in complete),
    )


def kernel_image(tree: Tree, version: str) -> str | None:
    """Return the path of the kernel's image for amd64; None without one.

    Some systems have it only beside the modules.
    """
    for path in (f"/boot/{_IMAGE}{version}", f"/lib/modules/{version}/vmlinuz"):
        try:
            with tree.open(path) as stream:
                header = stream.read(_FLAGS + 2)
                size = os.fstat(stream.fileno()).st_size
        except OSError:
            continue
        if len(header) == _FLAGS + 2 and _can_start(header, size):
            return path
    return None


def _can_start(header: bytes, size: int) -> bool:
    """Whether a file of `size` bytes with this `header` is a kernel for amd64, and all of it."""
    start, signature = _SIGNATURE
    (rest,) = _REST.unpack_from(header, _REST_AT)
    whole = ((header[_SECTORS] or 4) + 1) * 512 + rest * 16 if rest else 0
    is_kernel = header[start:].startswith(signature) and bool(header[_FLAGS] & _HAS_64_BITS)
    return is_kernel and size >= whole


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kernel:
    version: str
    has_image: bool
    ordinary: bool = False
    problem: Problem | None = None  # why it cannot start a live system


def _kernel(tree: Tree, version: str, modules: set[str]) -> _Kernel:
    if kernel_image(tree, version) is None:
        problem = Problem(
            message="the kernel {version} is left out: its image is empty, broken or not for "
            "{needed}",
            hint=_REINSTALL,
            values=(("version", version), ("needed", "amd64")),
        )
        return _Kernel(version=version, has_image=False, problem=problem)
    if version not in modules:
        problem = Problem(
            message="the kernel {version} is left out: it has no modules in /lib/modules",
            hint=_REINSTALL,
            values=(("version", version),),
        )
        return _Kernel(version=version, has_image=True, problem=problem)
    able = abilities(tree, version)
    return _Kernel(
        version=version, has_image=True, ordinary=able.ordinary, problem=_lack(version, able)
    )


def _lack(version: str, able: Abilities) -> Problem | None:
    if not able.missing:
        return None
    if not able.has_list:
        return Problem(
            message="the kernel {version} is left out: its modules have no list (modules.dep)",
            hint="Run `depmod {version}` in the source system, or reinstall the kernel's package; "
            "then make a new backup.",
            values=(("version", version),),
        )
    return Problem(
        message="the kernel {version} is left out, since it lacks what a live system needs: "
        "{missing}",
        hint=_REINSTALL,
        values=(("version", version), ("missing", ", ".join(able.missing))),
    )


def _best_first(kernels: list[_Kernel]) -> tuple[str, ...]:
    """Sort: those that start from any medium come first, then the newest, then the plain one."""

    def compare(first: _Kernel, second: _Kernel) -> int:
        plain = (_SPECIAL.sub("", each.version) for each in (first, second))
        return (
            first.ordinary - second.ordinary
            or compare_kernels(*plain)
            or len(second.version) - len(first.version)
        )

    best = sorted(kernels, key=cmp_to_key(compare), reverse=True)
    return tuple(each.version for each in best)


def _newest_first(versions: set[str]) -> tuple[str, ...]:
    valid = sorted(version for version in versions if _VERSION.fullmatch(version))
    return tuple(sorted(valid, key=cmp_to_key(compare_kernels), reverse=True))


def compare_kernels(first: str, second: str) -> int:
    """Return -1, 0 or 1: whether `first` is older than, the same as or newer than `second`.

    A release candidate is older than its release, as in Debian's `linux-version sort`. The part
    after the last hyphen is the flavour, not a revision.
    """
    return compare_parts(first.replace("-rc", "~rc"), second.replace("-rc", "~rc"))
