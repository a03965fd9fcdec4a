"""An overlay mount: a writable layer on top of the source, instead of a copy.

Before mounting, the layer gets whiteouts and changed directories where a copy would differ from the
source; so the merged tree is what rsync would have made. For the format of the layer and the mount
options see the kernel's Documentation/filesystems/overlayfs.rst.
"""

import os
import re
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from builder.basics.errors import HostError, StepError
from builder.basics.printable import clean
from builder.inside.linux import acl
from builder.inside.linux.mounts import mount_points_below
from builder.inside.linux.xattrs import xattr_names
from builder.inside.system.system import System
from builder.inside.tree.excludes import KEPT_XATTR
from builder.inside.tree.survey import SourceTree, Survey

_WHITEOUT: Final = stat.S_IFCHR  # with device number 0:0
_NAMES: Final = 1024  # hard links to one whiteout; no filesystem has a lower limit
_OPTIONS: Final = (
    "index=on",  # hard links stay one file, even when it is changed
    "redirect_dir=on",  # directories can be renamed
    "metacopy=off",
    "xino=on",
)


class NoOverlayError(HostError):
    """An overlay cannot replace a copy here; the message is the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """A mount of `tree` at `target`, with a writable layer in the new directory `layer`.

    None of the three paths may contain special characters of mount options: `:`, `,`, `\\`.
    """

    tree: SourceTree
    survey: Survey
    target: Path
    layer: Path

    @property
    def _upper(self) -> Path:
        return self.layer / "upper"

    @property
    def _work(self) -> Path:
        return self.layer / "work"

    @contextmanager
    def mounted(self, system: System) -> Iterator[None]:
        """Mount on entry, unmount on exit.

        Raises NoOverlayError, leaving nothing behind, when the merged tree would differ from a
        copy, or when the kernel or the filesystem of the layer does not support it.
        """
        _check_source(self.tree, self.survey)
        with ExitStack() as stack:
            try:
                self._make_layer()
                stack.enter_context(self._mounted(system))
                self._check_index()
                self._fold_acls()
            except (NoOverlayError, StepError, OSError) as error:
                stack.close()
                shutil.rmtree(self.layer, ignore_errors=True)
                if isinstance(error, NoOverlayError):
                    raise
                raise _no_overlay(error) from error
            yield

    def _make_layer(self) -> None:
        """Make the layer: whiteouts, and the directories that differ from the source."""
        self._work.mkdir(parents=True)
        self._upper.mkdir()
        source, upper = os.fsencode(self.tree.root), os.fsencode(self._upper)
        directories = sorted(_directories(self.survey, source))
        for directory in directories[1:]:
            os.mkdir(upper + directory)  # noqa: PTH102 - a Path has no bytes
        _write_whiteouts([upper + path for path in self.survey.left_out])
        undated = set(self.survey.stubs)
        for directory in reversed(directories):
            _copy_attributes(upper + directory, source + directory, dated=directory not in undated)

    @contextmanager
    def _mounted(self, system: System) -> Iterator[None]:
        options = (
            f"lowerdir={self.tree.root}",
            f"upperdir={self._upper}",
            f"workdir={self._work}",
            *_OPTIONS,
            *(("volatile",) if _knows_volatile() else ()),
        )
        with system.mounted("overlay", self.target, kind="overlay", options=options):
            yield

    def _check_index(self) -> None:
        """Without file handles in a filesystem, the kernel silently mounts without an index."""
        if not (self._work / "index").is_dir():
            raise NoOverlayError("The kernel cannot keep hard links together in an overlay here")

    def _fold_acls(self) -> None:
        for path in self.survey.with_acl:
            acl.fold(os.fsencode(self.target) + path)


def _knows_volatile() -> bool:
    """Whether the kernel has the option `volatile`, since Linux 5.10: the layer is never synced.

    Without it, unmounting waits until everything on the layer's disk is written.
    """
    major, minor = re.findall(r"[0-9]+", os.uname().release)[:2]
    return (int(major), int(minor)) >= (5, 10)


def _check_source(tree: SourceTree, survey: Survey) -> None:
    """Raise NoOverlayError for a tree whose overlay would differ from a copy."""
    root = tree.root.resolve()
    if [point for point in mount_points_below(root) if point != str(root)]:
        raise NoOverlayError("Something else is mounted inside the source")
    if survey.devices > 1:
        raise NoOverlayError("The source spans several subvolumes or devices")
    if survey.markers:
        raise NoOverlayError(
            "{path} in the source is a whiteout, or has an attribute of an overlay",
            path=_shown(survey.markers[0]),
        )
    if survey.unchangeable:
        raise NoOverlayError(
            "{path} in the source is immutable or append-only (see `lsattr`)",
            path=_shown(survey.unchangeable[0]),
        )


def _shown(path: bytes) -> str:
    return clean(os.fsdecode(path))


def _directories(survey: Survey, source: bytes) -> set[bytes]:
    """Return the directories that the layer needs: for whiteouts, and for changed attributes."""
    with_acl = [path for path in survey.with_acl if stat.S_ISDIR(os.lstat(source + path).st_mode)]
    found = {b"/"}
    for path in (*map(_parent, survey.left_out), *survey.stubs, *with_acl):
        directory = path
        while directory not in found:
            found.add(directory)
            directory = _parent(directory)
    return found


def _parent(path: bytes) -> bytes:
    return path.rpartition(b"/")[0] or b"/"


def _write_whiteouts(places: Sequence[bytes]) -> None:
    """Put a whiteout at each place; linking an existing one is faster than making a new one."""
    for start in range(0, len(places), _NAMES):
        first, *others = places[start : start + _NAMES]
        os.mknod(first, _WHITEOUT, os.makedev(0, 0))
        for place in others:
            os.link(first, place)


def _copy_attributes(place: bytes, original: bytes, *, dated: bool) -> None:
    """Copy owner, mode, capability and, if `dated`, the times of the original directory."""
    status = os.lstat(original)
    mode, names = stat.S_IMODE(status.st_mode), xattr_names(original)
    if acl.ACCESS in names:
        mode = acl.folded(mode, os.getxattr(original, acl.ACCESS, follow_symlinks=False))
    os.chown(place, status.st_uid, status.st_gid)
    os.chmod(place, mode)  # noqa: PTH101
    if KEPT_XATTR in names:
        os.setxattr(place, KEPT_XATTR, os.getxattr(original, KEPT_XATTR, follow_symlinks=False))
    times = (status.st_atime_ns, status.st_mtime_ns) if dated else (0, 0)
    os.utime(place, ns=times)


def _no_overlay(error: StepError | OSError) -> NoOverlayError:
    if isinstance(error, OSError):
        return NoOverlayError(
            "The writable layer of the overlay cannot be written: {reason}", reason=error.strerror
        )
    reason = next((line for line in error.output if line.startswith("mount:")), str(error))
    return NoOverlayError("The overlay cannot be mounted: {reason}", reason=clean(reason))
