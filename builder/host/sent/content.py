"""What is sent, as blocks of bytes: a file, or a folder as a tar that is always the same.

It is read twice: for the digests of its blocks, and for those blocks that the engine lacks.
"""

import hashlib
import os
import stat
import tarfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from builder.basics.errors import SourceError
from builder.basics.regular import open_regular
from builder.border.requests import (
    SENT_BLOCK,
    SENT_CAPABILITY,
    SENT_SOCKET,
    SENT_TIME,
    SentKind,
)

_EMPTY_SUBVOLUME: Final = 2
_CAPABILITY: Final = "security.capability"
# What the kernel shows there in a system that runs or ran here has no end, and is in no ISO.
_KERNELS: Final = (b"./proc", b"./sys", b"./dev", b"./run")
_ZEROS: Final = bytes(SENT_BLOCK)
_KINDS: Final = {
    stat.S_IFDIR: tarfile.DIRTYPE, stat.S_IFREG: tarfile.REGTYPE, stat.S_IFLNK: tarfile.SYMTYPE,
    stat.S_IFIFO: tarfile.FIFOTYPE, stat.S_IFSOCK: tarfile.FIFOTYPE, stat.S_IFCHR: tarfile.CHRTYPE,
    stat.S_IFBLK: tarfile.BLKTYPE,
}  # fmt: skip


class Content(Protocol):
    """A sequence of bytes that can be read again."""

    @property
    def kind(self) -> SentKind:
        """What the bytes are."""
        ...

    @property
    def path(self) -> Path:
        """Where it is on this machine."""
        ...

    def blocks(self, wanted: Collection[int] | None = None) -> Iterator[tuple[int, bytes]]:
        """Yield its blocks with their numbers, in their order; None: all of them.

        Raises SourceError for what cannot be read.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What identifies a content."""

    kind: SentKind
    size: int  # bytes
    blocks: tuple[str, ...]  # the sha256 of each

    @property
    def digest(self) -> str:
        """The identity of all of it, in hexadecimal digits."""
        text = "\n".join((self.kind.value, str(self.size), *self.blocks))
        return hashlib.sha256(text.encode("ascii")).hexdigest()


def summary_of(content: Content) -> Summary:
    """Read all of it."""
    digests = []
    size = 0
    for _number, block in content.blocks():
        digests.append(hashlib.sha256(block).hexdigest())
        size += len(block)
    return Summary(kind=content.kind, size=size, blocks=tuple(digests))


@dataclass(frozen=True, slots=True, kw_only=True)
class FileContent:
    """A file."""

    path: Path
    kind: SentKind = SentKind.FILE

    def blocks(self, wanted: Collection[int] | None = None) -> Iterator[tuple[int, bytes]]:
        """See `Content.blocks`; holes are not read."""
        try:
            with open_regular(self.path, follow=True) as file:
                size = os.fstat(file.fileno()).st_size
                count = -(-size // SENT_BLOCK)
                for number in range(count) if wanted is None else sorted(wanted):
                    length = min(SENT_BLOCK, size - number * SENT_BLOCK)
                    yield number, _read(file.fileno(), number * SENT_BLOCK, length)
        except OSError as error:
            raise _unreadable(self.path, error) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderContent:
    """A folder with all that is in it, on whatever file systems; but no other attribute than
    capabilities, which is the only one that an ISO keeps.
    """

    path: Path
    kind: SentKind = SentKind.FOLDER

    def blocks(self, wanted: Collection[int] | None = None) -> Iterator[tuple[int, bytes]]:
        """See `Content.blocks`."""
        pending = bytearray()
        number = 0
        for piece in self._pieces():
            pending += piece
            while len(pending) >= SENT_BLOCK:
                if wanted is None or number in wanted:
                    yield number, bytes(pending[:SENT_BLOCK])
                del pending[:SENT_BLOCK]
                number += 1
        if pending and (wanted is None or number in wanted):
            yield number, bytes(pending)

    def _pieces(self) -> Iterator[bytes]:
        known: dict[tuple[int, int], str] = {}  # names of files with several
        for path, name in _walk(os.fsencode(self.path), b"."):
            try:
                yield from _entry(path, name, known)
            except OSError as error:
                raise _unreadable(Path(os.fsdecode(path)), error) from error
        yield bytes(2 * tarfile.BLOCKSIZE)


def _walk(path: bytes, name: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield each path and its name in the tar, a folder before what is in it."""
    waiting = [(path, name, True)]
    while waiting:
        path, name, is_folder = waiting.pop()
        yield path, name
        if not is_folder or (name in _KERNELS and os.path.ismount(path)):
            continue
        try:
            with os.scandir(path) as entries:
                found = sorted(entries, key=lambda each: each.name, reverse=True)
        except NotADirectoryError:
            continue
        except OSError as error:
            raise _unreadable(Path(os.fsdecode(path)), error) from error
        waiting += [
            (each.path, name + b"/" + each.name, each.is_dir(follow_symlinks=False))
            for each in found
        ]


def _entry(path: bytes, name: bytes, known: dict[tuple[int, int], str]) -> Iterator[bytes]:
    facts = os.lstat(path)
    kind = stat.S_IFMT(facts.st_mode)
    member = tarfile.TarInfo(os.fsdecode(name))
    member.type = _KINDS[kind]
    member.mode, member.uid, member.gid = stat.S_IMODE(facts.st_mode), facts.st_uid, facts.st_gid
    time = 0 if _is_stub(path, facts) else facts.st_mtime_ns
    member.mtime = max(time, 0) // 10**9
    member.pax_headers = {SENT_TIME: str(time)}
    if kind in (stat.S_IFCHR, stat.S_IFBLK):
        member.devmajor, member.devminor = os.major(facts.st_rdev), os.minor(facts.st_rdev)
    elif kind == stat.S_IFSOCK:
        member.pax_headers[SENT_SOCKET] = "1"
    elif kind == stat.S_IFLNK:
        member.linkname = os.fsdecode(os.readlink(path))  # noqa: PTH115 - of bytes
    if kind != stat.S_IFDIR and facts.st_nlink > 1:
        first = known.setdefault((facts.st_dev, facts.st_ino), member.name)
        if first != member.name:
            member.type, member.linkname = tarfile.LNKTYPE, first
    if member.type == tarfile.REGTYPE:
        member.size = facts.st_size
        if (capability := _capability(path)) is not None:
            member.pax_headers[SENT_CAPABILITY] = capability.hex()
    yield member.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
    if member.type == tarfile.REGTYPE:
        yield from _contents(path, facts.st_size)
        yield bytes(-facts.st_size % tarfile.BLOCKSIZE)


def _is_stub(path: bytes, facts: os.stat_result) -> bool:
    """Whether this is what a snapshot on btrfs has in place of a subvolume inside the original.

    The kernel dates it anew whenever it reads the inode; builds date it 1970. Its number is
    BTRFS_EMPTY_SUBVOL_DIR_OBJECTID; the top of an ext4, which has the same, is never empty.
    """
    is_folder = stat.S_ISDIR(facts.st_mode)
    return is_folder and facts.st_ino == _EMPTY_SUBVOLUME and not os.listdir(path)  # noqa: PTH208


def _contents(path: bytes, size: int) -> Iterator[bytes]:
    with open_regular(os.fsdecode(path)) as file:
        for start in range(0, size, SENT_BLOCK):
            yield _read(file.fileno(), start, min(SENT_BLOCK, size - start))


def _capability(path: bytes) -> bytes | None:
    try:
        return os.getxattr(path, _CAPABILITY, follow_symlinks=False)
    except OSError:  # it has none, or its file system has no such thing
        return None


def _read(descriptor: int, start: int, length: int) -> bytes:
    """Read so many bytes; a part that is a hole is not read from the disk.

    Raises OSError where the file has become shorter.
    """
    try:
        if os.lseek(descriptor, start, os.SEEK_DATA) >= start + length:
            return _ZEROS[:length]
    except OSError:  # nothing but a hole up to the end; or the file system tells of none
        pass
    found = os.pread(descriptor, length, start)
    if len(found) < length:
        raise OSError(0, "it became shorter while it was read")
    return found


def _unreadable(path: Path, error: OSError) -> SourceError:
    return SourceError(
        "{path} cannot be read to be sent to the engine: {reason}",
        hint="Who sends a system must be able to read all of it: run this as root.",
        path=path,
        reason=error.strerror or error,
    )
