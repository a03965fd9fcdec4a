"""What is mended in the pinned live-boot before it gets into an initramfs.

Each mend replaces text that its version of live-boot has exactly once. When a newer one is locked
that reads otherwise, this fails, and somebody looks whether the fault is gone.
"""

from dataclasses import dataclass, replace
from typing import Final

from builder.inside.stack.bundle import File


@dataclass(frozen=True, slots=True, kw_only=True)
class Mend:
    """A fault in a file of a package: the text that has it, and what belongs there."""

    path: str
    faulty: bytes
    right: bytes


MENDS: Final = (
    # With persistence, live-boot takes the images in the order of their names and stacks the first
    # above the others: the system would hide the live layer. `rootfslist` is what it has mounted,
    # from the top down.
    Mend(
        path="/usr/lib/live/boot/9990-misc-helpers.sh",
        faulty=b"\t\t\tfor d in /run/live/rootfs/*\n\t\t\tdo\n\t\t\t\tif [ -n",
        right=b"\t\t\tfor d in ${rootfslist}\n\t\t\tdo\n\t\t\t\tif [ -n",
    ),
)


def mended(file: File) -> File:
    """Return a file as it should be. Raises LookupError where its fault is not in it."""
    for mend in MENDS:
        if mend.path == file.path:
            if file.data.count(mend.faulty) != 1:
                message = f"{file.path} of the live stack is not the one that is mended"
                raise LookupError(message)
            file = replace(file, data=file.data.replace(mend.faulty, mend.right))
    return file
