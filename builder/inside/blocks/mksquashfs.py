"""What mksquashfs is told so that it compresses as a recipe says."""

from builder.formats.recipe import Codec, Compression


def mksquashfs_options(compression: Compression) -> list[str]:
    """Return the arguments by which mksquashfs compresses so, and no other ones."""
    options = ["-comp", compression.codec.value]
    if compression.level is not None:
        options += ["-Xcompression-level", str(compression.level)]
    if compression.filters:
        options += ["-Xbcj", ",".join(compression.filters)]
    if compression.codec is Codec.XZ:
        options += ["-Xdict-size", "100%"]
    return [*options, "-b", str(compression.block_size)]
