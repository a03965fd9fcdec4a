"""How results get from a build container to the host's output folder.

A container writes them there itself where it sees the folder. For that the host marks a folder
and asks the engine to show it. Another machine's engine, another user's view or a security module
may show something else, or nothing that can be written; then there is no mark, and the results
leave the container as a stream.
"""

from dataclasses import dataclass
from typing import Final

SUMS: Final = "SHA256SUMS"
MARK: Final = ".distroclone-builder-mark"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What the host writes into the folder, as JSON."""

    run: str  # the run's id, which nobody can guess
    folder: str  # the output folder as the host's user knows it, for messages


@dataclass(frozen=True, slots=True, kw_only=True)
class Artefact:
    """A file that the build made."""

    name: str
    size: int  # bytes
    sha256: str
