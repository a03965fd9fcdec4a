"""Runs one of our own tools so that it sees no more than its work: `confine.py SIGHT ARGV…`.

What a tool reads was made by a stranger, so a fault in the tool is the stranger's way in. So it
gets namespaces of its own, of which that of mounts shows this image, read-only, and of all that
is mounted in the container only the paths in SIGHT; few capabilities; no device but the harmless
ones; and the filter for system calls that programs of a foreign system get. SIGHT is a JSON object:
`reads` and `writes`, lists of paths that exist; `capabilities`, numbers; `environment`, which the
tool gets and this program does not, since libraries that are preloaded are meant for the tool.

This file is run by its path; it needs the standard library and files of this package.
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[3]))

from builder.border.paths import REQUEST
from builder.inside.system import kernel_calls as kernel
from builder.inside.system.first_process import run_alone
from builder.inside.system.syscalls import program

_PLACE: Final = "/mnt"  # an empty directory of this image; only covered in the new namespace
_GOES_EARLY: Final = 500  # before what runs the build, which can then say what happened
_REQUEST: Final = str(REQUEST)
_STRICT: Final = kernel.NOSUID | kernel.NODEV
_DEVICES: Final = ("null", "zero", "random", "urandom")


def main(arguments: Sequence[str]) -> NoReturn:
    """Run the tool in the arguments after the first one, with the sight that this one describes."""
    sight: Mapping[str, Any] = json.loads(arguments[0])
    filtered = program()

    def confine() -> None:
        kernel.go_early(_GOES_EARLY)
        _show_only(sight["reads"], sight["writes"])
        kernel.give_up_privileges(sight["capabilities"], filtered)

    run_alone(
        arguments[1:],
        confine=confine,
        environment=sight["environment"],
        complaint=f"cannot confine {arguments[1]}",
    )


def _show_only(reads: Sequence[str], writes: Sequence[str]) -> None:
    """Make a view of this image the root, with the given paths at their places.

    A mount without those below it leaves out all that the engine mounted, and what our own steps
    did. Where such a mount was, an empty directory is left; what is needed of it gets a new one.
    """
    kernel.mount("", "/", "", kernel.REC | kernel.PRIVATE)
    here = os.getcwd()  # noqa: PTH109
    kernel.bind("/", _PLACE, kernel.RDONLY | _STRICT)
    for folder in sorted({"/tmp", *map(_top, (*reads, *writes))}):  # noqa: S108
        kernel.mount("tmpfs", f"{_PLACE}{folder}", "tmpfs", _STRICT, "mode=0755")
    flags = kernel.RDONLY | _STRICT | kernel.NOEXEC
    if os.path.exists(_REQUEST):  # noqa: PTH110 - the only file of the host's in the image itself
        kernel.bind("/dev/null", f"{_PLACE}{_REQUEST}")
    for path in sorted({*reads, *writes}, key=lambda path: path.count("/")):
        _make_place(path)
        kernel.bind(path, f"{_PLACE}{path}", _STRICT if path in writes else flags)
    kernel.mount("tmpfs", f"{_PLACE}/dev", "tmpfs", kernel.NOSUID, "mode=0755,size=64k")
    for name in _DEVICES:
        Path(f"{_PLACE}/dev/{name}").touch()
        kernel.bind(f"/dev/{name}", f"{_PLACE}/dev/{name}")
    kernel.mount("proc", f"{_PLACE}/proc", "proc", flags)
    os.chdir(_PLACE)
    kernel.mount(_PLACE, "/", "", kernel.MOVE)
    os.chroot(".")
    os.chdir(here if os.path.isdir(here) else "/")  # noqa: PTH112


def _top(path: str) -> str:
    return "/" + path.split("/")[1]


def _make_place(path: str) -> None:
    place = Path(f"{_PLACE}{path}")
    if place.exists():
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    if os.path.isdir(path):  # noqa: PTH112
        place.mkdir()
    else:
        place.touch()


if __name__ == "__main__":
    main(sys.argv[1:])
