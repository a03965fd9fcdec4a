"""The text form of a compression.

`fast`, `standard` and `max` are presets, `distroclone-fast` and so on what DistroClone has under
these names; the explicit form is
`CODEC[,level=N][,block=SIZE][,filters=x86+arm…]`, e.g. `zstd,level=15,block=256K`.
What each codec knows is taken from `mksquashfs -help` of squashfs-tools 4.6.1.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NoReturn

from builder.basics.errors import UsageError
from builder.formats.recipe import Codec, Compression
from builder.host.yaml.nearest import nearest

KIB: Final = 1024
MIB: Final = 1024 * KIB
SMALLEST_BLOCK: Final = 4 * KIB
LARGEST_BLOCK: Final = MIB
ZSTD_LEVELS: Final = range(1, 23)
BRANCH_FILTERS: Final = ("x86", "arm", "armthumb", "powerpc", "sparc", "ia64")

# A Debian desktop is 1.6 % larger than with mksquashfs's own choice of 15, in less than a quarter
# of the time: docs/performance.md.
_USUAL_LEVEL: Final = 9
_OPTIONS: Final = ("level", "block", "filters")
_SHAPE: Final = "CODEC[,level=N][,block=SIZE][,filters=A+B]"
_DID_YOU_MEAN: Final = "Did you mean {meant}?"
_SHOWN: Final = 80  # characters of a wrong text that are worth repeating

PRESETS: Final[Mapping[str, Compression]] = MappingProxyType(
    {
        preset.name: preset
        for preset in (
            Compression(name="fast", codec=Codec.ZSTD, level=3, block_size=MIB),
            Compression(name="standard", codec=Codec.ZSTD, level=9, block_size=MIB),
            Compression(name="max", codec=Codec.XZ, level=None, block_size=MIB, filters=("x86",)),
        )
    }
)

# What DistroClone itself offers, flag for flag, for whoever needs just that.
DISTROCLONE: Final[Mapping[str, Compression]] = MappingProxyType(
    {
        preset.name: preset
        for preset in (
            Compression(
                name="distroclone-fast",
                codec=Codec.LZ4,
                level=None,
                block_size=128 * KIB,
                grouped=False,
            ),
            Compression(
                name="distroclone-standard",
                codec=Codec.XZ,
                level=None,
                block_size=256 * KIB,
                grouped=False,
            ),
            Compression(
                name="distroclone-max",
                codec=Codec.XZ,
                level=None,
                block_size=MIB,
                filters=("x86",),
                grouped=False,
            ),
        )
    }
)
_NAMED: Final = {**PRESETS, **DISTROCLONE}


def parse_compression(text: str) -> Compression:
    """Read a preset's name or the explicit form. Raises UsageError for anything else."""
    if text in _NAMED:
        return _NAMED[text]
    codec_name, *words = text.split(",")
    if codec_name in _NAMED:
        raise UsageError(
            "The preset {name} takes no options",
            hint="To set options, name the codec instead: {shape}.",
            name=codec_name,
            shape=_SHAPE,
        )
    if codec_name not in tuple(Codec):
        _refuse_codec(codec_name)
    codec = Codec(codec_name)
    options = _options(words, text=text)
    return Compression(
        name=text,
        codec=codec,
        level=_level(codec, options.get("level")),
        block_size=_block_size(options["block"]) if "block" in options else MIB,
        filters=_filters(codec, options.get("filters")),
    )


def _options(words: list[str], *, text: str) -> dict[str, str]:
    options: dict[str, str] = {}
    for word in words:
        name, sign, value = word.partition("=")
        if name not in _OPTIONS:
            meant = nearest(name, _OPTIONS)
            raise UsageError(
                'Compression "{text}": "{word}" is not an option',
                hint=_DID_YOU_MEAN if meant else "Write it as {shape}, without spaces.",
                text=text[:_SHOWN],
                word=word[:_SHOWN],
                meant=meant,
                shape=_SHAPE,
            )
        if not sign or not value:
            raise UsageError(
                'Compression "{text}": option {name} has no value',
                hint="Write it as {shape}, without spaces.",
                text=text[:_SHOWN],
                name=name,
                shape=_SHAPE,
            )
        if name in options:
            raise UsageError(
                'Compression "{text}" sets {name} twice',
                hint="Keep one of the two.",
                text=text[:_SHOWN],
                name=name,
            )
        options[name] = value
    return options


def _level(codec: Codec, text: str | None) -> int | None:
    if codec is not Codec.ZSTD:
        if text is not None:
            raise UsageError(
                "{codec} has no compression level", hint="Leave out level=.", codec=codec.value
            )
        return None
    if text is None:
        return _USUAL_LEVEL
    if not re.fullmatch(r"[1-9][0-9]?", text) or int(text) not in ZSTD_LEVELS:
        raise UsageError(
            'Invalid compression level "{level}"',
            hint="Use a whole number from {lowest} to {highest} for zstd.",
            level=text[:_SHOWN],
            lowest=ZSTD_LEVELS[0],
            highest=ZSTD_LEVELS[-1],
        )
    return int(text)


def _block_size(text: str) -> int:
    number = re.fullmatch(r"([1-9][0-9]{0,7})([KkMm]?)", text)
    size = int(number[1]) * {"": 1, "k": KIB, "m": MIB}[number[2].lower()] if number else 0
    is_power_of_two = size.bit_count() == 1
    if not is_power_of_two or not SMALLEST_BLOCK <= size <= LARGEST_BLOCK:
        raise UsageError(
            'Invalid block size "{size}"',
            hint="Use a power of two from 4K to 1M, e.g. 256K.",
            size=text[:_SHOWN],
        )
    return size


def _filters(codec: Codec, text: str | None) -> tuple[str, ...]:
    if text is None:
        return ()
    if codec is not Codec.XZ:
        raise UsageError(
            "{codec} has no branch filters",
            hint="Leave out filters=, which only xz takes.",
            codec=codec.value,
        )
    filters = tuple(text.split("+"))
    for name in filters:
        if name not in BRANCH_FILTERS:
            meant = nearest(name, BRANCH_FILTERS)
            raise UsageError(
                'Unknown branch filter "{name}"',
                hint=_DID_YOU_MEAN if meant else "Use one of {known}.",
                name=name[:_SHOWN],
                meant=meant,
                known=", ".join(BRANCH_FILTERS),
            )
        if filters.count(name) > 1:
            raise UsageError(
                "Branch filter {name} is given twice", hint="Keep one of the two.", name=name
            )
    return filters


def _refuse_codec(name: str) -> NoReturn:
    known = (*PRESETS, *Codec, *DISTROCLONE)
    meant = nearest(name, known)
    raise UsageError(
        'Unknown compression "{name}"',
        hint=_DID_YOU_MEAN if meant else "Use one of {known}, or {shape}.",
        name=name[:_SHOWN],
        meant=meant,
        known=", ".join(known),
        shape=_SHAPE,
    )
