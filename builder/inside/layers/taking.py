"""Takes what was changed in a scratch root over into the tree below it."""

import os
import shutil
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from builder.formats.changes import Change
from builder.inside.layers.copying import copy_entry, dress
from builder.inside.layers.difference import Difference


@dataclass(frozen=True, slots=True, kw_only=True)
class Taking:
    """Makes the tree at `root` what the tree `made` is."""

    root: Path
    made: Path

    def take(self, changes: Sequence[Difference]) -> None:
        """Apply the changes, parents first; directories that were there keep their times.

        Raises DefectError for what is neither a file, a symlink nor a directory.
        """
        dated: dict[bytes, os.stat_result] = {}
        for path, change in changes:
            above = path.rpartition(b"/")[0]
            if above not in dated:
                dated[above] = os.lstat(self._at(above))
            if change is Change.REMOVED:
                self._remove(path)
            else:
                self._copy(path, change)
        for directory in sorted(dated, reverse=True):
            if not os.path.lexists(self._at(directory)):
                continue
            status = dated[directory]
            os.utime(self._at(directory), ns=(status.st_atime_ns, status.st_mtime_ns))

    def _copy(self, path: bytes, change: Change) -> None:
        original, place = os.fsencode(self.made) + path, self._at(path)
        status = os.lstat(original)
        if stat.S_ISDIR(status.st_mode):
            before = status
            if change is Change.ADDED:
                os.mkdir(place)  # noqa: PTH102 - a Path has no bytes
            else:
                before = os.lstat(place)
            dress(place, status)
            os.utime(place, ns=(before.st_atime_ns, before.st_mtime_ns))
            return
        if change is Change.CHANGED:
            os.unlink(place)  # noqa: PTH108
        copy_entry(original, place, status)

    def _remove(self, path: bytes) -> None:
        place = self._at(path)
        if stat.S_ISDIR(os.lstat(place).st_mode):
            shutil.rmtree(place)
        else:
            os.unlink(place)  # noqa: PTH108

    def _at(self, path: bytes) -> bytes:
        return os.fsencode(self.root) + path
