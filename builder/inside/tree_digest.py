"""The digest that names a source tree: what of it can reach an ISO, and nothing else.

docs/tree-digest.md is the definition; it is the same on every filesystem and for every copy that
keeps owners, modes, times in seconds, links, capabilities and contents. Nothing may change the
tree meanwhile.
"""

import errno
import hashlib
import os
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from builder.errors import StepError
from builder.inside import acl
from builder.inside.btrfs import is_subvolume_stub
from builder.inside.digests import CHUNK
from builder.inside.excludes import KEPT_XATTR
from builder.inside.filter_rules import FilterRules
from builder.inside.foreign_text import clean
from builder.inside.mounts import filesystem_at

TREE_FORMAT: Final = 1

_TYPES: Final = {
    stat.S_IFDIR: b"d", stat.S_IFREG: b"f", stat.S_IFLNK: b"l", stat.S_IFIFO: b"p",
    stat.S_IFSOCK: b"s", stat.S_IFCHR: b"c", stat.S_IFBLK: b"b",
}  # fmt: skip
_OPEN: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeDigest:
    """What names a tree, and how large it is."""

    digest: str  # "sha256:" and 64 hexadecimal digits
    format: int  # of the definition in docs/tree-digest.md
    files: int  # names of regular files
    size: int  # bytes of their contents; a file with several names counts once
    stubs: tuple[bytes, ...]  # directories without a time of their own, see `builder.inside.btrfs`


class Record(NamedTuple):
    """The ten fields that docs/tree-digest.md has for one path, as they go into the digest."""

    path: bytes
    kind: bytes
    mode: bytes
    uid: bytes
    gid: bytes
    mtime: bytes
    size: bytes
    value: bytes
    capability: bytes
    first: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTree:
    """A tree at `root` of which `rules`, in rsync's form, say what belongs to it."""

    root: Path
    rules: tuple[str, ...] = ()

    def paths(self) -> list[bytes]:
        """Return what belongs to the tree ("/", "/etc", …) in the order of the bytes.

        Raises OSError where a directory cannot be read.
        """
        rules, top = FilterRules(self.rules), os.fsencode(self.root)
        found, waiting = [b"/"], [b""]
        while waiting:
            above = waiting.pop()
            with os.scandir(top + (above or b"/")) as entries:
                for entry in entries:
                    path = above + b"/" + entry.name
                    directory = entry.is_dir(follow_symlinks=False)
                    if rules.copies(path, directory=directory):
                        found.append(path)
                        if directory:
                            waiting.append(path)
        return sorted(found)


def digest_tree(tree: SourceTree, *, stop: threading.Event | None = None) -> TreeDigest:
    """Read the whole `tree` once and return its digest.

    Raises StepError when a part of it cannot be read, changes or vanishes, and when `stop` is set.
    """
    reader = TreeReader(tree=tree, stop=stop or threading.Event())
    total = hashlib.sha256(b"distroclone-tree %d\0" % TREE_FORMAT)
    for record in reader.records():
        total.update(b"\0".join(record) + b"\0")
    return TreeDigest(
        digest=f"sha256:{total.hexdigest()}",
        format=TREE_FORMAT,
        files=reader.files,
        size=reader.size,
        stubs=tuple(reader.stubs),
    )


@contextmanager
def explained(tree: SourceTree) -> Iterator[None]:
    """Raise StepError for what goes wrong in reading `tree` in the body."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _changed(_inner(tree, error)) from error
    except OSError as error:
        raise StepError(
            "{path} in the source cannot be read: {reason}",
            hint="A file that cannot be read may be damaged on the disk.",
            path=_inner(tree, error),
            reason=error.strerror,
        ) from error


def _inner(tree: SourceTree, error: OSError) -> str:
    return clean(os.fsdecode(error.filename or b"").removeprefix(str(tree.root)) or "/")


@contextmanager
def digesting(tree: SourceTree) -> Iterator[Future[TreeDigest]]:
    """Digest `tree` beside the body, which asks for the result; it is dropped at the end."""
    stop = threading.Event()
    with ThreadPoolExecutor(1, thread_name_prefix="tree-digest") as pool:
        try:
            yield pool.submit(digest_tree, tree, stop=stop)
        finally:
            stop.set()


@dataclass(slots=True, kw_only=True)
class TreeReader:
    """Reads a tree once, and counts meanwhile."""

    tree: SourceTree
    stop: threading.Event = field(default_factory=threading.Event)
    files: int = 0
    size: int = 0
    stubs: list[bytes] = field(default_factory=list)
    # The first name of what has several, and what it holds, by device and inode.
    linked: dict[tuple[int, int], tuple[bytes, bytes]] = field(default_factory=dict)

    def records(self) -> Iterator[Record]:
        """Yield the record of every path, in the order of the bytes; errors as `digest_tree`."""
        top = os.fsencode(self.tree.root)
        with explained(self.tree):
            on_btrfs = filesystem_at(self.tree.root.resolve()) == "btrfs"
            for path in self.tree.paths():
                status = os.lstat(top + path)
                stub = on_btrfs and is_subvolume_stub(status)
                if stub:
                    self.stubs.append(path)
                seconds = 0 if stub or path == b"/" else status.st_mtime_ns // 1_000_000_000
                yield self._record(path, top + path, status, seconds=seconds)

    def _record(self, path: bytes, real: bytes, status: os.stat_result, *, seconds: int) -> Record:
        kind = _TYPES[stat.S_IFMT(status.st_mode)]
        mode, capability = _mode_and_capability(real, status)
        value, first = self._value(path, real, status)
        return Record(
            path,
            kind,
            b"%04o" % mode,
            b"%d" % status.st_uid,
            b"%d" % status.st_gid,
            b"%d" % seconds,
            b"%d" % status.st_size if kind == b"f" else b"",
            value,
            capability.hex().encode(),
            first,
        )

    def _value(self, path: bytes, real: bytes, status: os.stat_result) -> tuple[bytes, bytes]:
        """Return what the entry holds, and the first name of a file with several."""
        if stat.S_ISDIR(status.st_mode):
            return b"", b""
        if stat.S_ISREG(status.st_mode):
            self.files += 1
        inode = (status.st_dev, status.st_ino)
        if inode in self.linked:
            first, value = self.linked[inode]
            return value, first
        value = self._content(path, real, status)
        if status.st_nlink > 1:
            self.linked[inode] = (path, value)
        return value, b""

    def _content(self, path: bytes, real: bytes, status: os.stat_result) -> bytes:
        if stat.S_ISLNK(status.st_mode):
            return os.readlink(real)  # noqa: PTH115 - a Path has no bytes
        if stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode):
            return b"%d:%d" % (os.major(status.st_rdev), os.minor(status.st_rdev))
        if not stat.S_ISREG(status.st_mode):
            return b""
        self.size += status.st_size
        digest, size = self._digest_of(real, most=status.st_size)
        if size != status.st_size:
            raise _changed(clean(os.fsdecode(path)))
        return digest.encode()

    def _digest_of(self, real: bytes, *, most: int) -> tuple[str, int]:
        digest, size = hashlib.sha256(), 0
        with os.fdopen(os.open(real, _OPEN), "rb", buffering=0) as stream:
            while size <= most and (chunk := stream.read(CHUNK)):
                if self.stop.is_set():
                    raise StepError("Reading the source was stopped")
                digest.update(chunk)
                size += len(chunk)
        return digest.hexdigest(), size


def _mode_and_capability(real: bytes, status: os.stat_result) -> tuple[int, bytes]:
    mode = stat.S_IMODE(status.st_mode)
    names = _attributes(real)
    if acl.ACCESS in names:
        mode = acl.folded(mode, os.getxattr(real, acl.ACCESS, follow_symlinks=False))
    if KEPT_XATTR not in names:
        return mode, b""
    return mode, os.getxattr(real, KEPT_XATTR, follow_symlinks=False)


def _attributes(real: bytes) -> list[str]:
    try:
        return os.listxattr(real, follow_symlinks=False)
    except OSError as error:
        if error.errno == errno.ENOTSUP:
            return []
        raise


def _changed(path: str) -> StepError:
    return StepError(
        "{path} in the source changed or vanished while it was read",
        hint="Let the running backup or deletion finish, then build again.",
        path=path,
    )
