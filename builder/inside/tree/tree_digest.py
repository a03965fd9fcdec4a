"""The digest that identifies a source tree: it covers exactly what can get into an ISO.

docs/tree-digest.md is the definition. The digest is the same on every filesystem and for every copy
that preserves owners, modes, times in seconds, links, capabilities and contents. Nothing may change
the tree while it is read.
"""

import hashlib
import os
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from builder.basics.errors import StepError
from builder.basics.printable import clean
from builder.formats.tree_record import TREE_FORMAT, Record
from builder.inside.linux import acl
from builder.inside.linux.xattrs import xattr_names
from builder.inside.system.digests import CHUNK
from builder.inside.tree.excludes import KEPT_XATTR
from builder.inside.tree.survey import SourceTree, Survey, changed, path_named, survey_tree

_TYPES: Final = {
    stat.S_IFDIR: b"d", stat.S_IFREG: b"f", stat.S_IFLNK: b"l", stat.S_IFIFO: b"p",
    stat.S_IFSOCK: b"s", stat.S_IFCHR: b"c", stat.S_IFBLK: b"b",
}  # fmt: skip
_MACHINE_IDS: Final = (b"/etc/machine-id", b"/var/lib/dbus/machine-id")
_OPEN: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeDigest:
    """The digest of a tree, and its size."""

    digest: str  # "sha256:" and 64 hexadecimal digits
    format: int  # version of the definition in docs/tree-digest.md
    files: int  # names of regular files
    size: int  # bytes of their contents; hard links count once
    # A second digest of the same, which is never published; "" where anyone could guess the tree.
    secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceReading:
    """A tree that is read in the background; each `result()` waits for its part."""

    tree: SourceTree
    survey: "Future[Survey]"
    digest: "Future[TreeDigest]"


def digest_tree(
    tree: SourceTree,
    *,
    survey: Survey | None = None,
    stop: threading.Event | None = None,
    records: Path | None = None,
) -> TreeDigest:
    """Read everything that `survey` (None: a new one) found in `tree`, and return the digest.

    The new file `records` gets what went into it; only its owner can read that.
    Raises StepError when a part of it cannot be read, changes or disappears, or `stop` is set.
    """
    stop = stop or threading.Event()
    found = survey or survey_tree(tree, stop=stop)
    reader = TreeReader(tree=tree, survey=found, stop=stop)
    total = hashlib.sha256(b"distroclone-tree %d\0" % TREE_FORMAT)
    secret, is_secret = hashlib.sha256(b"distroclone-tree-secret %d\0" % TREE_FORMAT), False
    with ExitStack() as stack:
        kept = stack.enter_context(_opened(records)) if records is not None else None
        for record in reader.records():
            line = record.line
            total.update(line)
            secret.update(line)
            is_secret = is_secret or _is_machine_id(record)
            if kept is not None:
                kept.write(line)
    return TreeDigest(
        digest=f"sha256:{total.hexdigest()}",
        format=TREE_FORMAT,
        files=reader.files,
        size=reader.size,
        secret=secret.hexdigest() if is_secret else "",
    )


def _opened(path: Path) -> BinaryIO:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, 0o600), "wb")


@contextmanager
def read_in_background(tree: SourceTree, *, records: Path | None = None) -> Iterator[SourceReading]:
    """Survey, then digest `tree` while the body runs; at its end, unfinished work is stopped.

    `records` is the file for what went into the digest, complete when there is a digest.
    """
    stop = threading.Event()
    with ThreadPoolExecutor(1, thread_name_prefix="source") as pool:
        try:
            survey = pool.submit(survey_tree, tree, stop=stop)
            digest = pool.submit(
                lambda: digest_tree(tree, survey=survey.result(), stop=stop, records=records)
            )
            yield SourceReading(tree=tree, survey=survey, digest=digest)
        finally:
            stop.set()


@dataclass(slots=True, kw_only=True)
class TreeReader:
    """Reads what a survey found in a tree once, and counts files and bytes."""

    tree: SourceTree
    survey: Survey
    stop: threading.Event = field(default_factory=threading.Event)
    files: int = 0
    size: int = 0
    # The first name of each hard link, and its value, by device and inode.
    linked: dict[tuple[int, int], tuple[bytes, bytes]] = field(default_factory=dict)

    def records(self) -> Iterator[Record]:
        """Yield the record of every path, sorted by bytes. Raises as `digest_tree` does."""
        top = os.fsencode(self.tree.root)
        undated = {b"/", *self.survey.stubs}
        with path_named(self.tree):
            for path in self.survey.paths:
                status = os.lstat(top + path)
                seconds = 0 if path in undated else status.st_mtime_ns // 1_000_000_000
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
        """Return the value of the entry, and the first name if it is a further hard link."""
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
            raise changed(clean(os.fsdecode(path)))
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


def _is_machine_id(record: Record) -> bool:
    """Whether this is a machine-id that was ever set, by its size: machine-id(5).

    It is 122 random bits that no ISO has, so a tree that has one cannot be guessed.
    """
    return record.path in _MACHINE_IDS and record.size in (b"32", b"33")


def _mode_and_capability(real: bytes, status: os.stat_result) -> tuple[int, bytes]:
    mode = stat.S_IMODE(status.st_mode)
    names = xattr_names(real)
    if acl.ACCESS in names:
        mode = acl.folded(mode, os.getxattr(real, acl.ACCESS, follow_symlinks=False))
    if KEPT_XATTR not in names:
        return mode, b""
    return mode, os.getxattr(real, KEPT_XATTR, follow_symlinks=False)
