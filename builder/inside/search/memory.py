"""Remembers what is in files from one build to the next, so that only what changed is read again.

What a search learnt comes from a process that read what strangers made. It is believed for the
files of this very tree alone.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from builder.inside.blocks.kept_files import KeptFiles, SearchedFile, SeenFiles
from builder.inside.search.recall import Learnt, file_digests


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMemory:
    """What is `kept` of the files of the tree at `source`.

    `records` of that tree are there when `ready` returns.
    """

    kept: KeptFiles
    source: Path
    records: Path
    ready: Callable[[], object]

    def recalled(self) -> bytes | None:
        """Return the SeenFiles of earlier builds as bytes, when the records are there; or None."""
        before = self.kept.restore()
        if before is not None:
            self.ready()
        return before

    def offer(self, learnt: Learnt) -> None:
        """Write what a search learnt to the store, for `decide` of `kept`."""
        self.ready()
        known = file_digests(self.records)
        sums, searched = {}, {}
        for path, looked in learnt.files.items():
            sha256 = known.get(path)
            if sha256 is None:
                continue
            sums[sha256] = looked.md5
            if looked.searched:
                searched[path, sha256] = SearchedFile(
                    path=os.fsdecode(path),
                    sha256=sha256.hex(),
                    packed=looked.packed,
                    found=tuple(sorted((each.kind, each.member) for each in looked.found)),
                )
        self.kept.offer(SeenFiles(public=learnt.public, sums=sums, searched=searched))
