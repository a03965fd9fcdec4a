"""Initramfs images of earlier builds, kept in the store of compressed blocks.

mkinitramfs may read any file of the tree, so a list of files cannot be its key. The key is
everything that determines the whole scratch root: the digest of the source
(docs/tree-digest.md), the inputs of this step and of those that made the tree
(`builder.inside.steps.step.decisions`), and the builder image, which holds their code and the
environment. This relies on nothing but the project's first promise, reproducible builds.

A value is named like every other one in the store: 64 hexadecimal digits, the digest of all of the
above except the source. It consists of `dcinitr3`, four bytes (little-endian) with the length of
the header, the header in JSON, the images one after the other, and the checksum of the name and
all that; digest and checksum are those of `builder.inside.blocks.store_key`. The header names the
source, so that a build waits for the digest of its source only if there is a value at all.
"""

import contextlib
import hmac
import json
import os
import shutil
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from builder.basics.codec import from_data, to_data
from builder.basics.regular import open_regular
from builder.border.privacy import Finding
from builder.inside.blocks.store import BlockCache
from builder.inside.system.digests import CHUNK
from builder.inside.tree.tree_digest import TreeDigest

if TYPE_CHECKING:
    import hashlib

_MAGIC: Final = b"dcinitr3"
_LENGTH: Final = struct.Struct("<I")
_LONGEST_HEADER: Final = 1 << 20
_DIGEST_SIZE: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    source: str  # digest of the source tree, and its format
    images: tuple[int, ...]  # their sizes in bytes, in the order of the kernels
    findings: tuple[Finding, ...]  # private things in the images


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptInitramfs:
    """The entry in a store for the images of one system in one configuration.

    `source` waits for the digest of the source; `reserve` returns how many bytes must stay free.
    """

    store: BlockCache
    run: str
    inputs: Sequence[Mapping[str, object]]
    source: Callable[[], TreeDigest]
    reserve: Callable[[], int]

    def restore(self, images: Sequence[Path]) -> tuple[Finding, ...] | None:
        """Write the kept images to new files, and return what is private in them; None without."""
        try:
            with open_regular(self._value) as file:
                header = self._header(file, images=len(images))
                if header is None or header.source != self._source():
                    return None
                if not _write_images(file, header, images, seal=self._seal()):
                    return None
        except (OSError, ValueError):  # no value, a damaged one, or a disk error
            return None
        if not self.store.read_only:
            with contextlib.suppress(OSError):
                os.utime(self._value)  # pruning removes the least recently used values
        return header.findings

    def offer(self, images: Sequence[Path], *, findings: Sequence[Finding] = ()) -> None:
        """Write new images to the store, for `decide` to keep or drop. May do nothing."""
        sizes = tuple(image.stat().st_size for image in images)
        if self.store.read_only or not self._has_room(sum(sizes)):
            return
        header = _Header(source=self._source(), images=sizes, findings=tuple(findings))
        with contextlib.suppress(OSError, ValueError):  # the store only saves time
            owner = self.store.folder.stat()
            _write_value(self._offered, header, images, owner=owner, seal=self._seal())

    def decide(self, failure: type[BaseException] | None, *_details: object) -> None:
        """Keep the offered images, or drop them after a `failure`: the source may have changed."""
        with contextlib.suppress(OSError):  # usually, nothing was offered
            if failure is None:
                self._offered.rename(self._value)
            else:
                self._offered.unlink()

    @property
    def _name(self) -> str:
        text = json.dumps(list(self.inputs), sort_keys=True)
        return self.store.key.name(_MAGIC, text.encode())

    @property
    def _value(self) -> Path:
        return self.store.folder / self._name[:2] / self._name[2:]

    def _seal(self) -> "hashlib.blake2b":
        return self.store.key.seal(_MAGIC, self._name)

    @property
    def _offered(self) -> Path:
        return self._value.with_name(f".new-{self.run}")

    def _source(self) -> str:
        digest = self.source()
        return f"{digest.format} {digest.digest}"

    def _has_room(self, size: int) -> bool:
        space = os.statvfs(self.store.folder)
        return space.f_bavail * space.f_frsize > self.reserve() + size

    def _header(self, file: BinaryIO, *, images: int) -> _Header | None:
        magic, length = file.read(len(_MAGIC)), file.read(_LENGTH.size)
        if magic != _MAGIC or len(length) != _LENGTH.size:
            return None
        (count,) = _LENGTH.unpack(length)
        if count > _LONGEST_HEADER:
            return None
        header = from_data(_Header, json.loads(file.read(count)))
        whole = os.fstat(file.fileno()).st_size == file.tell() + sum(header.images) + _DIGEST_SIZE
        return header if whole and len(header.images) == images else None


def _write_images(
    file: BinaryIO, header: _Header, images: Sequence[Path], *, seal: "hashlib.blake2b"
) -> bool:
    """Write the images if the value is intact, or none; `file` is just after the header."""
    begins = file.tell()
    file.seek(0)
    seal.update(file.read(begins))
    with contextlib.ExitStack() as undo:
        for image, size in zip(images, header.images, strict=True):
            with image.open("xb") as target:
                undo.callback(image.unlink)
                os.fchmod(target.fileno(), 0o600)
                _copy(file, target, seal, size)
        if not hmac.compare_digest(file.read(_DIGEST_SIZE), seal.digest()):
            return False
        undo.pop_all()
    return True


def _write_value(
    path: Path,
    header: _Header,
    images: Sequence[Path],
    *,
    owner: os.stat_result,
    seal: "hashlib.blake2b",
) -> None:
    text = json.dumps(to_data(header)).encode()
    with _new_file(path, owner) as target:
        for piece in (_MAGIC, _LENGTH.pack(len(text)), text):
            target.write(piece)
            seal.update(piece)
        for image, size in zip(images, header.images, strict=True):
            with open_regular(image) as file:
                _copy(file, target, seal, size)
        target.write(seal.digest())


@contextlib.contextmanager
def _new_file(path: Path, owner: os.stat_result) -> Iterator[BinaryIO]:
    """Open a new file in the store, and give it to the store's owner."""
    with contextlib.suppress(FileExistsError):
        path.parent.mkdir(mode=0o755)
        shutil.chown(path.parent, owner.st_uid, owner.st_gid)
    try:
        with path.open("xb") as file:
            os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
            yield file
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _copy(source: BinaryIO, target: BinaryIO, seal: "hashlib.blake2b", size: int) -> None:
    while size:
        chunk = source.read(min(size, CHUNK))
        if not chunk:
            message = "truncated"
            raise ValueError(message)
        target.write(chunk)
        seal.update(chunk)
        size -= len(chunk)
