"""The source itself under a writable layer, in place of a copy: an overlay mount.

What a copy would not have is hidden, or changed, in the layer before it is mounted; so the merged
tree is what rsync would have made. Format of the layer and options of the mount: the kernel's
Documentation/filesystems/overlayfs.rst.
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
_NAMES: Final = 1024  # of one whiteout; no file system has a lower limit
_OPTIONS: Final = (
    "index=on",  # the names of a hard link stay one file, also when it is changed
    "redirect_dir=on",  # a folder can be renamed
    "metacopy=off",
    "xino=on",
)


class NoOverlayError(HostError):
    """An overlay cannot replace a copy here; the message is the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """A mount at `target` of `tree`, writable by means of a layer in the new folder `layer`.

    None of the three paths may hold what mount options are made of: `:`, `,`, `\\`.
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

        Raises NoOverlayError, with nothing left behind, where the merged tree would not be what
        a copy is, or where the kernel or the place of the layer cannot do it.
        """
        _check(self.tree, self.survey)
        with ExitStack() as stack:
            try:
                self._lay()
                stack.enter_context(self._mounted(system))
                self._check_index()
                self._fold()
            except (NoOverlayError, StepError, OSError) as error:
                stack.close()
                shutil.rmtree(self.layer, ignore_errors=True)
                if isinstance(error, NoOverlayError):
                    raise
                raise _no_overlay(error) from error
            yield

    def _lay(self) -> None:
        """Make the layer: whiteouts, and the folders that differ from the source's."""
        self._work.mkdir(parents=True)
        self._upper.mkdir()
        source, upper = os.fsencode(self.tree.root), os.fsencode(self._upper)
        folders = sorted(_folders(self.survey, source))
        for folder in folders[1:]:
            os.mkdir(upper + folder)  # noqa: PTH102 - a Path has no bytes
        _hide([upper + path for path in self.survey.left_out])
        undated = set(self.survey.stubs)
        for folder in reversed(folders):
            _dress(upper + folder, source + folder, dated=folder not in undated)

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
        """The kernel mounts without an index too, where a file system gives no file handles."""
        if not (self._work / "index").is_dir():
            raise NoOverlayError("The kernel cannot keep hard links together in an overlay here")

    def _fold(self) -> None:
        for path in self.survey.listed:
            acl.fold(os.fsencode(self.target) + path)


def _knows_volatile() -> bool:
    """Whether the layer, which is thrown away, need not reach the disk: since Linux 5.10.

    Without the option, unmounting waits until all is written that the layer's disk has to write.
    """
    major, minor = re.findall(r"[0-9]+", os.uname().release)[:2]
    return (int(major), int(minor)) >= (5, 10)


def _check(tree: SourceTree, survey: Survey) -> None:
    """Raise NoOverlayError for a tree that an overlay would not show as a copy would be."""
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


def _folders(survey: Survey, source: bytes) -> set[bytes]:
    """Return the folders that the layer needs: for whiteouts, and for attributes of their own."""
    listed = [path for path in survey.listed if stat.S_ISDIR(os.lstat(source + path).st_mode)]
    found = {b"/"}
    for path in (*map(_parent, survey.left_out), *survey.stubs, *listed):
        folder = path
        while folder not in found:
            found.add(folder)
            folder = _parent(folder)
    return found


def _parent(path: bytes) -> bytes:
    return path.rpartition(b"/")[0] or b"/"


def _hide(places: Sequence[bytes]) -> None:
    """Put a whiteout at each place; a name of one that is there takes less time than a new one."""
    for start in range(0, len(places), _NAMES):
        first, *others = places[start : start + _NAMES]
        os.mknod(first, _WHITEOUT, os.makedev(0, 0))
        for place in others:
            os.link(first, place)


def _dress(place: bytes, original: bytes, *, dated: bool) -> None:
    """Give a folder the owner, mode, capability and, when `dated`, the times of the original."""
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
