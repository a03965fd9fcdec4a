"""Layers of an image whose bytes depend on nothing but their files.

A layer is a tar (POSIX.1-2001 pax): sorted paths, numeric owners, whole seconds, no time after
the image's date, and of the extended attributes only file capabilities.
"""

import hashlib
import io
import re
import tarfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, Final

from builder.basics.errors import HostError

_PIECE: Final = 1024 * 1024  # bytes
_CAPABILITY: Final = "SCHILY.xattr.security.capability"

# What differs from run to run, or is another machine's.
_VOLATILE: Final = re.compile(
    r"""
      (dev|proc|sys|tmp|var/tmp)/.*
    | etc/(hostname|machine-id|resolv\.conf)
    | var/lib/dpkg/[^/]*-old  # the state before the last package
    """,
    re.VERBOSE,
)
# Where only the folders stay: times of installations, inodes, what is made again when needed.
_EMPTIED: Final = re.compile(r"(run|var/cache|var/log|var/lib/apt/lists)/.*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A layer in an open file: its digest (the image's "diff id"), and its size in bytes."""

    digest: str
    size: int
    content: IO[bytes]


def tree_layer(source: IO[bytes], into: IO[bytes], *, top: str, epoch: int) -> Layer:
    """Write the folder `top` of a tar as a layer, without what is volatile.

    Both files must be able to seek. Raises HostError for a tar that is none, or holds more.
    """
    try:
        with (
            tarfile.open(fileobj=source, encoding="utf-8", errors="surrogateescape") as archive,
            _new_tar(into) as layer,
        ):
            members = _members(archive, top)
            first = _firsts(members, top)
            for path, member in sorted(members.items()):
                info = _plain(path, member, epoch=epoch)
                origin = _origin(path, member, top)
                if first[origin] != path:
                    info.type, info.linkname = tarfile.LNKTYPE, first[origin]
                elif info.isreg():
                    original = members.get(origin, member)
                    info.size = original.size
                    layer.addfile(info, archive.extractfile(original))
                    continue
                layer.addfile(info)
    except (tarfile.TarError, KeyError) as error:
        raise HostError(
            "The engine sent an incomplete file system: {reason}",
            hint="Make sure that the engine's disk is not full (`distroclone-builder doctor`), "
            "then try again.",
            temporary=True,
            reason=error,
        ) from error
    return _measured(into)


def files_layer(
    files: Mapping[str, bytes], into: IO[bytes], *, empty: Collection[str] = (), epoch: int
) -> Layer:
    """Write files, the folders above them, and empty folders as a layer.

    All of them are root's, and none of the files is executable.
    """
    folders = {*empty, *(str(each) for path in files for each in PurePosixPath(path).parents)}
    with _new_tar(into) as layer:
        for path in sorted({*files, *folders} - {"."}):
            member = tarfile.TarInfo(path)
            member.mtime = epoch
            if path in folders:
                member.type, member.mode = tarfile.DIRTYPE, 0o755
                layer.addfile(member)
            else:
                member.size, member.mode = len(files[path]), 0o644
                layer.addfile(member, io.BytesIO(files[path]))
    return _measured(into)


def _new_tar(into: IO[bytes]) -> tarfile.TarFile:
    return tarfile.open(  # the caller's `with` closes it
        fileobj=into,
        mode="w",
        format=tarfile.PAX_FORMAT,
        encoding="utf-8",
        errors="surrogateescape",
    )


def _members(archive: tarfile.TarFile, top: str) -> dict[str, tarfile.TarInfo]:
    """Return what of the archive goes into the layer, by path below `top`."""
    members = {}
    for member in archive:
        path = _below(member.name, top)
        emptied = _EMPTIED.fullmatch(path) and not member.isdir()
        if path and not emptied and not _VOLATILE.fullmatch(path):
            members[path] = member
    return members


def _below(name: str, top: str) -> str:
    parts = PurePosixPath(name).parts
    if not parts or parts[0] != top or ".." in parts:
        message = f"{name!r} is not below {top!r}"
        raise tarfile.TarError(message)
    return "/".join(parts[1:])


def _origin(path: str, member: tarfile.TarInfo, top: str) -> str:
    """Return the path that has the content: a hard link's target, else the path itself."""
    return _below(member.linkname, top) if member.islnk() else path


def _firsts(members: Mapping[str, tarfile.TarInfo], top: str) -> dict[str, str]:
    """Return, for each origin, the first path of those with its content.

    It has the content in the layer: which one has it in the source depends on who wrote that.
    """
    first: dict[str, str] = {}
    for path, member in sorted(members.items()):
        origin = _origin(path, member, top)
        if origin not in members:
            message = f"{path!r} is a link to {origin!r}, which is not there"
            raise tarfile.TarError(message)
        first.setdefault(origin, path)
    return first


def _plain(path: str, member: tarfile.TarInfo, *, epoch: int) -> tarfile.TarInfo:
    """Return the member with what belongs to its file, and nothing of how it was archived."""
    plain = tarfile.TarInfo(path)
    plain.type = tarfile.REGTYPE if member.isreg() or member.islnk() else member.type
    plain.mode = member.mode & 0o7777
    plain.uid, plain.gid = member.uid, member.gid
    plain.mtime = min(int(member.mtime), epoch)
    plain.devmajor, plain.devminor = member.devmajor, member.devminor
    plain.linkname = member.linkname if member.issym() else ""
    if _CAPABILITY in member.pax_headers:
        plain.pax_headers = {_CAPABILITY: member.pax_headers[_CAPABILITY]}
    return plain


def _measured(file: IO[bytes]) -> Layer:
    file.seek(0)
    whole = hashlib.sha256()
    while piece := file.read(_PIECE):
        whole.update(piece)
    return Layer(digest=f"sha256:{whole.hexdigest()}", size=file.tell(), content=file)
