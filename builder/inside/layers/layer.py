"""Writes a layer: a directory that, put above a tree by overlayfs, gives the changed tree.

It is made from the list of what was changed, so that it is the same whether the changes were made
in an overlay or in a copy. What was removed becomes a whiteout, a character device 0:0 (the
kernel's Documentation/filesystems/overlayfs.rst).
"""

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from builder.basics.errors import StepError
from builder.basics.printable import clean
from builder.inside.layers.copying import copy_entry, dress

_WHITEOUT: Final = stat.S_IFCHR


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """What makes the tree `made` of the tree `below`, written to the directory `target`."""

    below: Path
    made: Path
    target: Path

    def write(self, paths: Iterable[str]) -> None:
        """Write the layer; `paths` ("/etc/hostname") are all those that differ.

        Raises StepError for a directory in the place of something that was below, which would
        need a mark that not every filesystem can hold. No rule of ours does that.
        """
        self.target.mkdir()
        wanted = sorted({os.fsencode(path).strip(b"/") for path in paths})
        directories: set[bytes] = {b""}
        for path in wanted:
            self._write_parents(path, directories)
            self._write(path, directories)
        for directory in sorted(directories, reverse=True):
            self._finish(directory)

    def _write_parents(self, path: bytes, directories: set[bytes]) -> None:
        parts = path.split(b"/")[:-1]
        for count in range(1, len(parts) + 1):
            above = b"/".join(parts[:count])
            if above not in directories and _status(self.made, above) is not None:
                os.mkdir(_place(self.target, above))  # noqa: PTH102 - a Path has no bytes
                directories.add(above)

    def _write(self, path: bytes, directories: set[bytes]) -> None:
        made, below = _status(self.made, path), _status(self.below, path)
        place = _place(self.target, path)
        if made is None:
            above = _status(self.target, path.rpartition(b"/")[0])
            if below is not None and above is not None and stat.S_ISDIR(above.st_mode):
                os.mknod(place, _WHITEOUT, os.makedev(0, 0))
        elif not stat.S_ISDIR(made.st_mode):
            copy_entry(_place(self.made, path), place, made)
        elif below is not None and not stat.S_ISDIR(below.st_mode):
            raise StepError(
                "A layer cannot put a directory over {path}, which is none in the system",
                hint="Add the packages that do so to the system (packages.layer: system).",
                path=_shown(path),
            )
        elif path not in directories:
            os.mkdir(place)  # noqa: PTH102
            directories.add(path)

    def _finish(self, directory: bytes) -> None:
        """Give a directory the attributes that it has below, or else in the tree that was made."""
        status = _status(self.below, directory) or _status(self.made, directory)
        assert status is not None
        dress(_place(self.target, directory), status)


def _shown(path: bytes) -> str:
    return clean(os.fsdecode(path))


def _place(root: Path, path: bytes) -> bytes:
    return os.fsencode(root) + (b"/" + path if path else b"")


def _status(root: Path, path: bytes) -> os.stat_result | None:
    try:
        return os.lstat(_place(root, path))
    except (FileNotFoundError, NotADirectoryError):
        return None
