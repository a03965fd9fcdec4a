"""How results get from a build container to the host's output folder.

If the container can see the folder, it writes the results there itself. To find out, the host
puts a mark into the folder and asks the engine to bind-mount it. An engine on another machine, in
another user's namespace or under a security module may mount something else or something that is
not writable; then there is no usable mark, and the results leave the container as a stream.
"""

from dataclasses import dataclass
from typing import Final

SUMS: Final = "SHA256SUMS"
MARK: Final = ".distroclone-builder-mark"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """The mark that the host writes into the folder, as JSON."""

    run: str  # the run's unguessable id
    folder: str  # the path of the output folder on the host, for messages


@dataclass(frozen=True, slots=True, kw_only=True)
class Artefact:
    """A file that the build made."""

    name: str
    size: int  # bytes
    sha256: str
