"""What searches of earlier builds found, kept in the store of compressed blocks.

A search depends on the whole tree, on the rules, which are in the builder image, and on the words
that it looks for. So its key is made as that of a kept initramfs
(`builder.inside.blocks.kept_initramfs`): the source's digest, the inputs of the steps up to the
search, and the image.

A value is a line of JSON and a line with its checksum. Its name is the digest of all of the above
except the source, which the JSON names. Both are `builder.inside.blocks.store_key`'s.
"""

import contextlib
import hmac
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from builder.basics.codec import from_data, to_data
from builder.basics.regular import read_whole
from builder.border.privacy import Finding
from builder.inside.blocks.store import BlockCache
from builder.inside.tree.tree_digest import TreeDigest

_KIND: Final = b"dcfound2"
_LARGEST: Final = 8 << 20  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Value:
    source: str  # digest of the source tree, and its format
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFindings:
    """The entry in a store for the search of one system in one configuration.

    `source` waits for the digest of the source.
    """

    store: BlockCache
    run: str
    inputs: Sequence[Mapping[str, object]]
    source: Callable[[], TreeDigest]

    def restore(self) -> tuple[Finding, ...] | None:
        """Return what was found in the very same tree; None if that is not known."""
        try:
            text, _newline, digest = read_whole(self._place, limit=_LARGEST).partition(b"\n")
            if not hmac.compare_digest(digest.strip(), self._checksum(text)):
                return None
            value = from_data(_Value, json.loads(text))
        except (OSError, ValueError):  # no value, a damaged one, or a disk error
            return None
        if value.source != self._source():
            return None
        if not self.store.read_only:
            with contextlib.suppress(OSError):
                os.utime(self._place)  # pruning removes the least recently used values
        return value.findings

    def offer(self, findings: Sequence[Finding]) -> None:
        """Write what was found to the store, for `decide` to keep or drop. May do nothing."""
        if self.store.read_only:
            return
        value = _Value(source=self._source(), findings=tuple(findings))
        text = json.dumps(to_data(value)).encode("utf-8", "surrogateescape")
        if len(text) > _LARGEST // 2:
            return
        with contextlib.suppress(OSError):  # the store only saves time
            owner = self.store.folder.stat()
            with contextlib.suppress(FileExistsError):
                self._place.parent.mkdir(mode=0o755)
                shutil.chown(self._place.parent, owner.st_uid, owner.st_gid)
            with self._offered.open("xb") as file:
                os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
                os.fchmod(file.fileno(), 0o600)
                file.write(text + b"\n" + self._checksum(text) + b"\n")

    def decide(self, failure: type[BaseException] | None, *_details: object) -> None:
        """Keep what was offered, or drop it after a `failure`: the source may have changed."""
        with contextlib.suppress(OSError):  # often, nothing was offered
            if failure is None:
                self._offered.rename(self._place)
            else:
                self._offered.unlink()

    @property
    def _name(self) -> str:
        text = json.dumps(list(self.inputs), sort_keys=True)
        return self.store.key.name(_KIND, text.encode("utf-8", "surrogateescape"))

    @property
    def _place(self) -> Path:
        return self.store.folder / self._name[:2] / self._name[2:]

    def _checksum(self, text: bytes) -> bytes:
        seal = self.store.key.seal(_KIND, self._name)
        seal.update(text)
        return seal.hexdigest().encode()

    @property
    def _offered(self) -> Path:
        return self._place.with_name(f".new-{self.run}-findings")

    def _source(self) -> str:
        digest = self.source()
        return f"{digest.format} {digest.digest}"
