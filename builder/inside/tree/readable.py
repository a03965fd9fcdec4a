"""What of a tree would take longer than any patience to read, or cannot be named at all."""

import os
from dataclasses import dataclass
from typing import Final

from builder.basics.errors import SourceError
from builder.basics.printable import clean
from builder.basics.rsync_patterns import literal
from builder.basics.sizes import readable_size

# Zeros are hashed, searched and compressed like other bytes, at some hundred MB a second each.
MOST_HOLES: Final = 512 << 30  # bytes
# The kernel takes 4,096 (PATH_MAX); places of ours, like `/work/scratch`, come in front.
LONGEST_PATH: Final = 3840  # bytes
_SHOWN: Final = 200  # bytes of such a path


@dataclass(slots=True, kw_only=True)
class Holes:
    """Sums up the holes in sparse files: bytes that are on no disk, but are read as zeros."""

    size: int = 0
    _largest: int = 0
    _path: bytes = b""

    def add(self, path: bytes, size: int) -> None:
        """Count the holes of a file."""
        self.size += size
        if size > self._largest:
            self._largest, self._path = size, path

    def check(self) -> None:
        """Raise SourceError for more than can be read in a reasonable time."""
        if self.size <= MOST_HOLES:
            return
        path = os.fsdecode(self._path)
        raise SourceError(
            "Sparse files in the source read as {size} of zeros, which takes hours; the largest is "
            "{path}",
            hint="Leave it out with `exclude: ['{pattern}']` in build.yaml, or shorten it in the "
            "source system.",
            size=readable_size(self.size),
            path=clean(path),
            pattern=clean(literal(path), limit=LONGEST_PATH),
        )


def check_length(path: bytes) -> None:
    """Raise SourceError for a path that is too long to be opened wherever the tree lies."""
    if len(path) <= LONGEST_PATH:
        return
    above = path[: path.rindex(b"/", 0, _SHOWN) or path.index(b"/", 1)]
    folder = os.fsdecode(above)
    raise SourceError(
        "Paths in {folder} are longer than programs can open, with more than {count} bytes",
        hint="Leave them out with `exclude: ['{pattern}']` in build.yaml, or delete them in the "
        "source system.",
        folder=clean(folder),
        count=LONGEST_PATH,
        pattern=clean(literal(folder), limit=LONGEST_PATH),
    )
