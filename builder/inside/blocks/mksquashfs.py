"""The command that packs a folder into a squashfs, the same bytes on any number of processors."""

import os
from pathlib import Path
from typing import Final

from builder.formats.recipe import Codec, Compression
from builder.inside.blocks import packing

# Makes the facts about files that mksquashfs asks for the same everywhere: containers/steady-stat.
STEADY_STAT: Final = Path("/usr/lib/distroclone-builder/steady_stat.so")
# A single attribute per file has no order that could differ, and it is the one a system needs.
_KEPT_ATTRIBUTES: Final = r"^security\.capability$"
# Does not affect the bytes. A thread takes up to 27 MiB (zstd 22; xz with a filter: 25), the queues
# their `-mem`, so a third of the 1.5 GiB is left for the tables of large trees.
_MOST_THREADS: Final = 20


def mksquashfs_argv(root: Path, target: Path, compression: Compression) -> list[str]:
    """Return the command that packs the folder `root`, for which read errors are fatal."""
    return [
        "mksquashfs", os.fspath(root), os.fspath(target),
        "-noappend",
        "-exit-on-error",
        "-percentage",
        "-mem", packing.QUEUES,
        "-processors", str(min(len(os.sched_getaffinity(0)), _MOST_THREADS)),
        "-xattrs-include", _KEPT_ATTRIBUTES,
        *mksquashfs_options(compression),
    ]  # fmt: skip


def mksquashfs_options(compression: Compression) -> list[str]:
    """Return only those arguments of mksquashfs that set the compression."""
    options = ["-comp", compression.codec.value]
    if compression.level is not None:
        options += ["-Xcompression-level", str(compression.level)]
    if compression.filters:
        options += ["-Xbcj", ",".join(compression.filters)]
    if compression.codec is Codec.XZ:
        options += ["-Xdict-size", "100%"]
    return [*options, "-b", str(compression.block_size)]
