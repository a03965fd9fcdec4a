"""The text form of a compression as one pattern, for editors; `parse_compression` explains more."""

from collections.abc import Iterable
from typing import Final

from builder.formats.recipe import Codec, Compression
from builder.host.config.compression_text import (
    BRANCH_FILTERS,
    DISTROCLONE,
    KIB,
    LARGEST_BLOCK,
    MIB,
    PRESETS,
    SMALLEST_BLOCK,
    ZSTD_LEVELS,
    parse_compression,
)
from builder.host.config.rule import Rule, anchored


def _any_of(words: Iterable[object]) -> str:
    return f"(?:{'|'.join(str(word) for word in words)})"


def _pattern() -> str:
    sizes = [1 << bit for bit in range(LARGEST_BLOCK.bit_length()) if 1 << bit >= SMALLEST_BLOCK]
    block = "block=" + _any_of(
        (
            *sizes,
            *(f"{size // KIB}[Kk]" for size in sizes),
            *(f"{size // MIB}[Mm]" for size in sizes if size >= MIB),
        )
    )
    level = f"level={_any_of(ZSTD_LEVELS)}"
    one = _any_of(BRANCH_FILTERS)
    twice = r"(?:[^,]*\+)?([a-z0-9]+)\+(?:[^,]*\+)?\1(?:[+,]|$)"
    filters = rf"filters=(?!{twice}){one}(?:\+{one})*"
    return "|".join(
        (
            *PRESETS,
            *DISTROCLONE,
            _codec(Codec.ZSTD, level=level, block=block),
            _codec(Codec.XZ, block=block, filters=filters),
            _codec(Codec.LZ4, block=block),
        )
    )


def _codec(codec: Codec, **options: str) -> str:
    once = "".join(f"(?!.*{name}=.*{name}=)" for name in options)
    return f"{codec}{once}(?:,{_any_of(options.values())})*"


compression: Final[Rule[str, Compression]] = Rule(
    check=parse_compression, schema={"pattern": anchored(_pattern())}
)
