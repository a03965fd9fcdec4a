"""The options of mksquashfs for the compression in a recipe."""

from builder.formats.recipe import Codec, Compression


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
