"""Runs one program confined to a foreign tree: `enter.py TREE ARGV…`.

A plain chroot does not confine root, and what runs here is the tree's own code. So it gets

- namespaces of its own: of mounts, in which the tree is the only root, without the tree's own
  device nodes; of processes, so that it sees and signals no others and leaves none behind; of IPC,
  host name, network and control groups;
- no capability by which root in a container could reach the engine's host: mounting, making device
  nodes, opening files by handle, setting file capabilities;
- a filter for the system calls that could bring such rights back, or reach the kernel without any
  (`builder.inside.system.syscalls`);
- a machine that is the same on every host (`builder.inside.system.neutral_machine`).

This file is run by its path; it needs the standard library and files of this package.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[3]))

from builder.inside.system import kernel_calls as kernel
from builder.inside.system import neutral_machine as machine
from builder.inside.system.first_process import run_alone
from builder.inside.system.syscalls import program

# To create files of any owner and mode, and chroot for `ldconfig -r`.
_KEPT: Final = (
    kernel.CHOWN, kernel.DAC_OVERRIDE, kernel.FOWNER, kernel.FSETID, kernel.SETGID, kernel.SETUID,
    kernel.SYS_CHROOT,
)  # fmt: skip
_PLACE: Final = "/mnt"  # an empty directory of this image; only covered in the new namespace
_FIRST_TO_GO: Final = 1000  # before our own tools


def main(arguments: Sequence[str]) -> NoReturn:
    """Enter the tree in the first argument, and run the program in the others to its end.

    Ends as the program did. Nothing that the program started is left then.
    """
    tree, *argv = arguments
    filtered = program()

    def confine() -> None:
        kernel.go_early(_FIRST_TO_GO)
        _make_only_root(tree)
        kernel.give_up_privileges(_KEPT, filtered)

    run_alone(argv, confine=confine, complaint=f"cannot enter the tree {tree}")


def _make_only_root(tree: str) -> None:
    """Make the tree, with what is mounted in it, the root of the new mount namespace.

    The container's seccomp profile forbids pivot_root; moving the mount over `/` hides the old
    root from every process that may not mount, which is all of them from here on.
    """
    kernel.mount("", "/", "", kernel.REC | kernel.PRIVATE)
    kernel.bind(tree, _PLACE, kernel.REC | kernel.NODEV | kernel.NOSUID)
    machine.make_parts()
    settings = machine.open_settings()
    if os.path.ismount(f"{_PLACE}/proc"):  # it shows the processes of the build
        flags = kernel.RDONLY | kernel.NOSUID | kernel.NODEV | kernel.NOEXEC
        kernel.mount("proc", f"{_PLACE}/proc", "proc", flags)
        machine.cover(_PLACE)
    os.chdir(_PLACE)
    kernel.mount(_PLACE, "/", "", kernel.MOVE)
    os.chroot(".")
    os.chdir("/")
    machine.cover_settings(settings)
    machine.be_one_machine()


if __name__ == "__main__":
    main(sys.argv[1:])
