"""Puts together what the host sent to a volume, block by block: a file, or a folder as a tar.

Blocks come in any order and over several connections. Each counts when it has the digest that the
host named before, and the whole counts when all of it was read again from the disk.
"""

import hashlib
import json
import os
import shutil
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from builder.basics.errors import HostError, SourceError
from builder.border import paths
from builder.border.requests import (
    SENT_BLOCK,
    SENT_CAPABILITY,
    SENT_SOCKET,
    SENT_TIME,
    Received,
    ReceiveRequest,
    SentKind,
)

_WHOLE: Final = "whole"  # a file that says that nothing is missing
_PART: Final = "part"
_PLACED: Final = "placed.json"
_PIECE: Final = 1 << 20  # bytes


def receive(request: ReceiveRequest, volume: Path) -> Received:
    """Take the blocks that came, and return which are missing. Raises HostError for a full disk."""
    if (volume / _WHOLE).exists():
        return Received(missing=())
    try:
        return Received(missing=_taken(request, volume))
    except OSError as error:
        raise HostError(
            "What is sent to the engine cannot be kept there: {reason}",
            hint="Free space where the engine keeps its data; `distroclone-builder sweep --sent` "
            "removes what was sent before.",
            reason=error.strerror or error,
        ) from error


def _taken(request: ReceiveRequest, volume: Path) -> tuple[int, ...]:
    incoming = volume / paths.INCOMING.name
    incoming.mkdir(exist_ok=True)
    placed = _read_placed(volume / _PLACED)
    with (volume / _PART).open("r+b" if (volume / _PART).exists() else "w+b") as part:
        part.truncate(request.size)
        for path in sorted(incoming.iterdir()):
            if (number := _place(path, part, request)) is not None:
                placed.add(number)
        os.fsync(part.fileno())
        wanted = set(range(len(request.blocks))) - _empty(request)
        if wanted <= placed:
            placed = wanted - set(_wrong(part, request))
    _write_placed(volume / _PLACED, placed)
    for path in incoming.iterdir():
        path.unlink()
    if missing := wanted - placed:
        return tuple(sorted(missing))
    _finish(request, volume)
    return ()


def _place(path: Path, part: IO[bytes], request: ReceiveRequest) -> int | None:
    """Put a block where it belongs, and return its number; None for one that is not as named."""
    if not path.name.isdecimal() or int(path.name) >= len(request.blocks):
        return None
    number = int(path.name)
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != request.blocks[number]:
        return None  # it broke off, or was damaged: it is asked for again
    os.pwrite(part.fileno(), content, number * SENT_BLOCK)
    return number


def _empty(request: ReceiveRequest) -> set[int]:
    """Return the blocks of zeros, which nobody has to send."""
    sizes = (SENT_BLOCK, request.size % SENT_BLOCK)
    zeros = {hashlib.sha256(bytes(size)).hexdigest() for size in sizes}
    return {number for number, digest in enumerate(request.blocks) if digest in zeros}


def _wrong(part: IO[bytes], request: ReceiveRequest) -> Iterator[int]:
    """Yield the blocks that are not on the disk as they were sent."""
    part.seek(0)
    for number, digest in enumerate(request.blocks):
        if hashlib.sha256(part.read(SENT_BLOCK)).hexdigest() != digest:
            yield number


def _read_placed(path: Path) -> set[int]:
    try:
        return set(json.loads(path.read_bytes()))
    except (FileNotFoundError, ValueError):
        return set()


def _write_placed(path: Path, placed: set[int]) -> None:
    beside = path.with_suffix(".new")
    with beside.open("w", encoding="ascii") as file:
        json.dump(sorted(placed), file)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def _finish(request: ReceiveRequest, volume: Path) -> None:
    match request.kind:
        case SentKind.FILE:
            (volume / _PART).replace(volume / paths.SENT_FILE.name)
        case SentKind.FOLDER:
            tree = volume / "tree.part"
            if tree.exists():  # it was interrupted before
                shutil.rmtree(tree)
            with tarfile.open(volume / _PART, "r:", encoding="utf-8") as archive:
                unpack(archive, tree)
            place = volume / paths.SENT_FOLDER.name
            if place.exists():  # it was interrupted after the last renaming
                shutil.rmtree(place)
            tree.replace(place)
            (volume / _PART).unlink()
    (volume / _PLACED).unlink(missing_ok=True)
    os.sync()  # the mark may not be on the disk before what it is about
    (volume / _WHOLE).touch()


def unpack(archive: tarfile.TarFile, tree: Path) -> None:
    """Make the folder `tree` from a tar of ours. Each path is new, and reached through no link."""
    tree.mkdir()
    folders: list[tuple[Path, tarfile.TarInfo]] = []
    for member in archive:
        path = tree / member.name.lstrip("/")
        if not _make(archive, member, path, tree=tree):
            continue
        if not member.islnk():
            _dress(path, member)
        if member.isdir():
            folders.append((path, member))
        archive.members.clear()  # type: ignore[attr-defined]  # 700 bytes for each file
    for path, member in reversed(folders):  # what was made in them changed their times
        os.utime(path, ns=(_time(member), _time(member)))


def _make(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path, *, tree: Path) -> bool:
    """Make what a member is; return whether it was made: in /dev, what cannot be is left out."""
    if member.isdir():
        path.mkdir(exist_ok=path == tree)
    elif member.isreg():
        _write(archive, member, path)
    elif member.issym():
        path.symlink_to(member.linkname)
    elif member.islnk():
        path.hardlink_to(tree / member.linkname)
    else:
        try:
            os.mknod(path, _kind(member) | 0o600, os.makedev(member.devmajor, member.devminor))
        except PermissionError as error:
            if member.name.startswith("./dev/"):  # which is in no ISO
                return False
            raise SourceError(
                "{path} is a device node, which an engine without root cannot make",
                hint="Use an engine that runs as root, or remove it from the tree.",
                path=member.name.removeprefix("."),
            ) from error
    return True


def _dress(path: Path, member: tarfile.TarInfo) -> None:
    """Give it its owner, mode, capability and time, in this order."""
    os.chown(path, member.uid, member.gid, follow_symlinks=False)
    if not member.issym():
        path.chmod(member.mode)
    if (capability := member.pax_headers.get(SENT_CAPABILITY)) is not None:
        os.setxattr(path, "security.capability", bytes.fromhex(capability), follow_symlinks=False)
    os.utime(path, ns=(_time(member), _time(member)), follow_symlinks=False)


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    """Write a file; what is zero stays a hole."""
    source = archive.extractfile(member)
    assert source is not None
    with path.open("xb") as file:
        while piece := source.read(_PIECE):
            if piece.count(0) == len(piece):
                file.seek(len(piece), os.SEEK_CUR)
            else:
                file.write(piece)
        file.truncate(member.size)


def _kind(member: tarfile.TarInfo) -> int:
    if SENT_SOCKET in member.pax_headers:
        return stat.S_IFSOCK
    if member.isfifo():
        return stat.S_IFIFO
    return stat.S_IFCHR if member.ischr() else stat.S_IFBLK


def _time(member: tarfile.TarInfo) -> int:
    """Return the time of change, in nanoseconds."""
    return int(member.pax_headers[SENT_TIME])
