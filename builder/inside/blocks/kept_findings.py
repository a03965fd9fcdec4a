"""What searches of earlier builds found, kept in the store of compressed blocks.

A search depends on the whole tree, on the rules, which are in the builder image, and on the words
that it looks for. So its key is made as that of a kept initramfs
(`builder.inside.blocks.kept_initramfs`): the source's digest, the inputs of the steps up to the
search, and the image. The source is named in the value, everything else in its name.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from builder.basics.codec import from_data, to_data
from builder.border.privacy import Finding
from builder.inside.blocks.kept_value import KeptValue
from builder.inside.blocks.store import BlockCache
from builder.inside.tree.tree_digest import TreeDigest

_KIND: Final = b"dcfound3"
_LARGEST: Final = 4 << 20  # bytes


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
        data = self._kept.read()
        if data is None:
            return None
        try:
            value = from_data(_Value, json.loads(data))
        except ValueError:
            return None
        if value.source != self._source():
            return None
        self._kept.used()
        return value.findings

    def offer(self, findings: Sequence[Finding]) -> None:
        """Write what was found to the store, for `decide` to keep or drop. May do nothing."""
        value = _Value(source=self._source(), findings=tuple(findings))
        self._kept.offer(json.dumps(to_data(value)).encode("ascii"))

    def decide(self, failure: type[BaseException] | None, *_details: object) -> None:
        """Keep what was offered, or drop it after a `failure`: the source may have changed."""
        self._kept.decide(failure)

    @property
    def _kept(self) -> KeptValue:
        return KeptValue(
            store=self.store,
            run=self.run,
            kind=_KIND,
            decided_by=json.dumps(list(self.inputs), sort_keys=True),
            largest=_LARGEST,
        )

    def _source(self) -> str:
        digest = self.source()
        return f"{digest.format} {digest.digest}"
