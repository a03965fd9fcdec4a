"""Whether a tree can become a live ISO: every reason why not, with what to do."""

from collections.abc import Iterable
from typing import Final

from builder.basics.texts import render
from builder.border.cache_report import Problem
from builder.formats.system_facts import SystemFacts
from builder.inside.debian import dpkg
from builder.inside.debian.facts import read_os_release, shell_architecture
from builder.inside.debian.kernels import KernelParts, find_kernels
from builder.inside.tree.tree import Tree

ARCHITECTURE: Final = "amd64"
_SYSTEMD: Final = "systemd"
# What a live system's initramfs has from the system: packages, and where their programs may be.
# The rest comes from the builder image (builder/inside/stack/).
_PROGRAMS: Final = (
    ("kmod", ("/sbin/modprobe", "/usr/sbin/modprobe")),
    (
        "udev",
        ("/usr/lib/systemd/systemd-udevd", "/lib/systemd/systemd-udevd", "/lib/udev/udevd",
         "/sbin/udevd", "/usr/sbin/udevd"),
    ),
    ("systemd-sysv", ("/sbin/init", "/etc/init", "/bin/init")),
)  # fmt: skip

_NEW_BACKUP: Final = (
    "If {missing} is a file system of its own, mount it at its place and make a new backup with "
    "`distroclone-builder backup`, which takes along what is mounted. For --tree, mount or copy it "
    "there."
)


def is_empty(tree: Tree) -> bool:
    """Whether there is nothing but snapper's own directory in `tree`."""
    return not set(tree.listdir("/")) - {".snapshots"}


def admission_problems(
    tree: Tree, facts: SystemFacts, *, kernels: KernelParts | None = None
) -> tuple[Problem, ...]:
    """Return every reason why `tree`, which says `facts` about itself, cannot be built.

    Its `kernels` are looked for unless they are given.
    """
    if is_empty(tree):
        return (
            Problem(
                message="it is empty",
                hint="The first snapshot of a cache may be made before the first backup: choose a "
                "later one, or make a backup. A folder for --tree holds a root filesystem (etc, "
                "usr, var …).",
            ),
        )
    return (
        *_missing_parts(tree),
        *_architecture_problems(tree, facts),
        *_kernel_problems(kernels or find_kernels(tree)),
        *_program_problems(tree),
    )


def reasons_of(problems: Iterable[Problem]) -> str:
    """Return the reasons as one text."""
    return "; ".join(render(each.message, dict(each.values)) for each in problems)


def admission_warnings(tree: Tree) -> tuple[Problem, ...]:
    """Return what may not work in a live system made from `tree`, and what is left out of it."""
    kernels = find_kernels(tree)
    found = list(kernels.rejected)
    if kernels.complete and not kernels.ordinary:
        found.append(
            Problem(
                message="The kernels are for virtual machines: {versions} cannot start from every "
                "disc and USB stick",
                hint="For an ISO that boots on real machines, install linux-image-amd64 (Ubuntu: "
                "linux-image-generic) in the source system, then make a new backup.",
                values=(("versions", ", ".join(kernels.complete)),),
            )
        )
    if not tree.is_file(dpkg.STATUS) or dpkg.installed(tree, (_SYSTEMD,)):
        return tuple(found)
    return (
        *found,
        Problem(
            message="The package systemd is not installed, but live systems are made for it",
            hint="Test the ISO with `distroclone-builder boot-test ISO`.",
        ),
    )


def _missing_parts(tree: Tree) -> list[Problem]:
    problems = []
    if read_os_release(tree) is None:
        problems.append(_missing_file("/etc/os-release", on="/usr"))
    if not tree.is_file(dpkg.STATUS):
        problems.append(_missing_file(dpkg.STATUS, on="/var"))
    if not tree.is_file("/bin/sh"):
        problems.append(_missing_file("/bin/sh", on="/usr"))
    return problems


def _missing_file(path: str, *, on: str) -> Problem:
    return Problem(
        message="{path} is missing; was {missing} a separate filesystem?",
        hint=_NEW_BACKUP,
        values=(("path", path), ("missing", on)),
    )


def _architecture_problems(tree: Tree, facts: SystemFacts) -> list[Problem]:
    found = {facts.architecture, shell_architecture(tree) or facts.architecture} - {
        ARCHITECTURE,
        "",
    }
    return [
        Problem(
            message="its architecture is {architecture}, not {needed}",
            hint="Only {needed} systems are supported. Make the backup on one.",
            values=(("architecture", architecture), ("needed", ARCHITECTURE)),
        )
        for architecture in sorted(found)
    ]


def _kernel_problems(kernels: KernelParts) -> tuple[Problem, ...]:
    if kernels.complete:
        return ()
    if kernels.rejected:
        return kernels.rejected
    if kernels.modules:
        return (
            Problem(
                message="no kernel in /boot, only the modules of {versions}; "
                "was {missing} a separate filesystem?",
                hint=_NEW_BACKUP,
                values=(("versions", ", ".join(kernels.modules)), ("missing", "/boot")),
            ),
        )
    return (
        Problem(
            message="no kernel: neither /boot/vmlinuz-* nor /lib/modules/*",
            hint="Install a kernel (linux-image-amd64) in the source system, "
            "then make a new backup.",
        ),
    )


def _program_problems(tree: Tree) -> tuple[Problem, ...]:
    """Return what is missing of the programs that start a live system.

    No package for live systems is asked for, nor one that makes an initramfs.
    """
    missing = [
        package for package, places in _PROGRAMS if not any(tree.is_file(place) for place in places)
    ]
    if not missing:
        return ()
    return (
        Problem(
            message="it lacks what starts a system: the programs of {packages}",
            hint="In the source system, run `apt install {install}`, then make a new backup.",
            values=(("packages", ", ".join(missing)), ("install", " ".join(missing))),
        ),
    )
