"""Surveys a source tree in one walk: what belongs to it, and what rules out an overlay on it.

The walk reads no file contents. Nothing may change the tree during the walk.
"""

import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from builder.basics.errors import StepError
from builder.basics.printable import clean
from builder.inside.linux import acl
from builder.inside.linux.btrfs import is_subvolume_stub
from builder.inside.linux.mounts import filesystem_at
from builder.inside.linux.statx import is_unchangeable
from builder.inside.linux.xattrs import xattr_names
from builder.inside.tree.filter_rules import FilterRules
from builder.inside.tree.readable import Holes, check_length

_OVERLAY_OWN: Final = "trusted.overlay."


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTree:
    """A tree at `root`; `rules`, as rsync filter rules, say what belongs to it.

    `sections` says what the rules are for: a name, and how many in a row have it. Rules for
    extended attributes are not counted.
    """

    root: Path
    rules: tuple[str, ...] = ()
    sections: tuple[tuple[str, int], ...] = ()

    def section_of(self, position: int | None) -> str:
        """Return the section of the rule at `position`; "" if it is in none."""
        last = 0
        for name, count in self.sections:
            last += count
            if position is not None and position < last:
                return name
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """The findings. Paths are bytes, "/" is the top; each tuple is sorted by bytes."""

    paths: tuple[bytes, ...]  # what belongs to the tree
    left_out: tuple[bytes, ...]  # what does not, without what is below
    stubs: tuple[bytes, ...]  # directories without real times, see `builder.inside.linux.btrfs`
    with_acl: tuple[bytes, ...]  # paths with an access control list
    markers: tuple[bytes, ...]  # special to an overlay, which would not show them as they are
    unchangeable: tuple[bytes, ...]  # immutable or append-only
    devices: int  # how many devices or subvolumes the tree spans
    size: int  # bytes of the files; hard links count once, sparse files by their blocks
    acl_size: int  # of the files among `with_acl`


def survey_tree(tree: SourceTree, *, stop: threading.Event | None = None) -> Survey:
    """Walk `tree` once.

    Raises StepError when a part of it cannot be read or disappears, and when `stop` is set;
    SourceError for what no step could read to its end.
    """
    with path_named(tree):
        return _Walk(tree=tree, stop=stop or threading.Event()).run()


@contextmanager
def path_named(tree: SourceTree) -> Iterator[None]:
    """Turn an OSError about a path in `tree` into a StepError that names the path."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise changed(_inner(tree, error)) from error
    except OSError as error:
        raise StepError(
            "{path} in the source cannot be read: {reason}",
            hint="The file may be damaged: check the disk.",
            path=_inner(tree, error),
            reason=error.strerror,
        ) from error


def changed(path: str) -> StepError:
    """Return the error for a path that changed while it was being read."""
    return StepError(
        "{path} in the source changed or disappeared while it was being read",
        hint="Wait for the running backup or deletion to finish, then build again.",
        path=path,
    )


def _inner(tree: SourceTree, error: OSError) -> str:
    return clean(os.fsdecode(error.filename or b"").removeprefix(str(tree.root)) or "/")


@dataclass(slots=True, kw_only=True)
class _Walk:
    tree: SourceTree
    stop: threading.Event
    on_btrfs: bool = False
    paths: list[bytes] = field(default_factory=list)
    left_out: list[bytes] = field(default_factory=list)
    stubs: list[bytes] = field(default_factory=list)
    with_acl: list[bytes] = field(default_factory=list)
    markers: list[bytes] = field(default_factory=list)
    unchangeable: list[bytes] = field(default_factory=list)
    devices: set[int] = field(default_factory=set)
    linked: set[tuple[int, int]] = field(default_factory=set)
    holes: Holes = field(default_factory=Holes)
    size: int = 0
    acl_size: int = 0

    def run(self) -> Survey:
        self.on_btrfs = filesystem_at(self.tree.root.resolve()) == "btrfs"
        top = os.fsencode(self.tree.root)
        self._add(b"/", top + b"/", os.lstat(top + b"/"))
        self._walk(top)
        self.holes.check()
        return Survey(
            paths=tuple(sorted(self.paths)),
            left_out=tuple(sorted(self.left_out)),
            stubs=tuple(sorted(self.stubs)),
            with_acl=tuple(sorted(self.with_acl)),
            markers=tuple(sorted(self.markers)),
            unchangeable=tuple(sorted(self.unchangeable)),
            devices=len(self.devices),
            size=self.size,
            acl_size=self.acl_size,
        )

    def _walk(self, top: bytes) -> None:
        copies = FilterRules(self.tree.rules).copies
        waiting = [b""]
        while waiting:
            if self.stop.is_set():
                raise StepError("Reading the source was stopped")
            above = waiting.pop()
            with os.scandir(top + (above or b"/")) as entries:
                for entry in entries:
                    path = above + b"/" + entry.name
                    directory = entry.is_dir(follow_symlinks=False)
                    if not copies(path, directory=directory):
                        self.left_out.append(path)
                    elif entry.is_symlink():  # has no size, flags or ACL
                        self.paths.append(path)
                    else:
                        self._add(path, entry.path, entry.stat(follow_symlinks=False))
                        if directory:
                            waiting.append(path)

    def _add(self, path: bytes, real: bytes, status: os.stat_result) -> None:
        check_length(path)
        self.paths.append(path)
        if self.on_btrfs and is_subvolume_stub(status):
            self.stubs.append(path)
        else:
            self.devices.add(status.st_dev)
        names = xattr_names(real)
        if is_unchangeable(real):
            self.unchangeable.append(path)
        if _is_whiteout(status) or any(name.startswith(_OVERLAY_OWN) for name in names):
            self.markers.append(path)
        if acl.ACCESS in names or acl.DEFAULT in names:
            self.with_acl.append(path)
            self.acl_size += status.st_size
        if stat.S_ISREG(status.st_mode):
            self._add_size(path, status)

    def _add_size(self, path: bytes, status: os.stat_result) -> None:
        if status.st_nlink > 1:
            inode = (status.st_dev, status.st_ino)
            if inode in self.linked:
                return
            self.linked.add(inode)
        size = min(status.st_size, status.st_blocks * 512)
        self.size += size
        self.holes.add(path, status.st_size - size)


def _is_whiteout(status: os.stat_result) -> bool:
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == 0
