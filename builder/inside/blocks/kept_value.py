"""A small value in the store of compressed blocks: offered during a build, kept if it succeeds.

It consists of its bytes and a line with their checksum. Its name is the digest of its kind and of
what decides it. Both are `builder.inside.blocks.store_key`'s. It may name paths, so its file can be
read by the store's owner alone.
"""

import contextlib
import hmac
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from builder.basics.regular import read_whole
from builder.inside.blocks.store import BlockCache

_SUM: Final = 64  # hexadecimal digits


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptValue:
    """The value of a `kind` (at most 10 bytes) for `decided_by`, of at most `largest` bytes."""

    store: BlockCache
    run: str
    kind: bytes
    decided_by: str
    largest: int

    def read(self) -> bytes | None:
        """Return it; None if there is none, or a damaged one."""
        try:
            whole = read_whole(self._place, limit=self.largest + _SUM + 2)
        except OSError:
            return None
        data, _newline, digest = whole.removesuffix(b"\n").rpartition(b"\n")
        return data if hmac.compare_digest(digest, self._checksum(data)) else None

    def used(self) -> None:
        """Say that it was of use: pruning removes the least recently used values."""
        if not self.store.read_only:
            with contextlib.suppress(OSError):
                os.utime(self._place)

    def offer(self, data: bytes) -> None:
        """Write it to the store, for `decide` to keep or drop. May do nothing."""
        if self.store.read_only or len(data) > self.largest:
            return
        with contextlib.suppress(OSError):  # the store only saves time
            owner = self.store.folder.stat()
            with contextlib.suppress(FileExistsError):
                self._place.parent.mkdir(mode=0o755)
                shutil.chown(self._place.parent, owner.st_uid, owner.st_gid)
            with self._offered.open("xb") as file:
                os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
                os.fchmod(file.fileno(), 0o600)
                file.write(data + b"\n" + self._checksum(data) + b"\n")

    def decide(self, failure: type[BaseException] | None, *_details: object) -> None:
        """Keep what was offered, or drop it after a `failure`: the source may have changed."""
        with contextlib.suppress(OSError):  # often, nothing was offered
            if failure is None:
                self._offered.rename(self._place)
            else:
                self._offered.unlink()

    @property
    def _name(self) -> str:
        what = self.decided_by.encode("utf-8", "surrogateescape")
        return self.store.key.name(self.kind, what)

    @property
    def _place(self) -> Path:
        return self.store.folder / self._name[:2] / self._name[2:]

    @property
    def _offered(self) -> Path:
        return self._place.with_name(f".new-{self.run}-{self.kind.decode('ascii')}")

    def _checksum(self, data: bytes) -> bytes:
        seal = self.store.key.seal(self.kind, self._name)
        seal.update(data)
        return seal.hexdigest().encode()
