"""The text form of a compression and the arguments of mksquashfs that follow from it."""

import pytest

from builder.basics.errors import ExitCode, UsageError
from builder.formats.recipe import Codec, Compression
from builder.host.config.compression_text import DISTROCLONE, PRESETS, parse_compression
from builder.inside.blocks.mksquashfs import mksquashfs_options


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fast", Compression(name="fast", codec=Codec.ZSTD, level=3, block_size=1 << 20)),
        ("standard", Compression(name="standard", codec=Codec.ZSTD, level=9, block_size=1 << 20)),
        (
            "max",
            Compression(
                name="max", codec=Codec.XZ, level=None, block_size=1 << 20, filters=("x86",)
            ),
        ),
        (
            "zstd,level=15,block=256K",
            Compression(
                name="zstd,level=15,block=256K", codec=Codec.ZSTD, level=15, block_size=1 << 18
            ),
        ),
        (
            "xz,filters=x86+arm,block=4096",
            Compression(
                name="xz,filters=x86+arm,block=4096",
                codec=Codec.XZ,
                level=None,
                block_size=4096,
                filters=("x86", "arm"),
            ),
        ),
        ("zstd", Compression(name="zstd", codec=Codec.ZSTD, level=9, block_size=1 << 20)),
        ("lz4", Compression(name="lz4", codec=Codec.LZ4, level=None, block_size=1 << 20)),
    ],
)
def test_presets_and_explicit_forms_are_read(text: str, expected: Compression) -> None:
    assert parse_compression(text) == expected


@pytest.mark.parametrize(
    ("text", "message", "advice"),
    [
        ("", 'Unknown compression ""', "Use one of fast, standard, max, zstd, xz, lz4"),
        ("gzip", 'Unknown compression "gzip"', "Use one of"),
        ("ZSTD", 'Unknown compression "ZSTD"', "Did you mean zstd?"),
        ("standart", 'Unknown compression "standart"', "Did you mean standard?"),
        ("fast,level=2", "preset fast takes no options", "CODEC[,level=N]"),
        ("zstd,", '"" is not an option', "without spaces"),
        ("zstd, level=9", '" level=9" is not an option', "Did you mean level?"),
        ("zstd,levle=9", '"levle=9" is not an option', "Did you mean level?"),
        ("zstd,level", "option level has no value", "CODEC[,level=N]"),
        ("zstd,level=", "option level has no value", "CODEC[,level=N]"),
        ("zstd,level=9,level=10", "sets level twice", ""),
        ("zstd,level=0", 'Invalid compression level "0"', "from 1 to 22"),
        ("zstd,level=23", 'Invalid compression level "23"', "from 1 to 22"),
        ("zstd,level=-1", 'Invalid compression level "-1"', "from 1 to 22"),
        ("zstd,level=9.5", 'Invalid compression level "9.5"', "from 1 to 22"),
        ("zstd,level=٩", 'Invalid compression level "٩"', "from 1 to 22"),
        ("xz,level=6", "xz has no compression level", "Leave out level=."),
        ("lz4,level=1", "lz4 has no compression level", "Leave out level=."),
        ("zstd,block=2K", 'Invalid block size "2K"', "from 4K to 1M"),
        ("zstd,block=2M", 'Invalid block size "2M"', "from 4K to 1M"),
        ("zstd,block=100K", 'Invalid block size "100K"', "power of two"),
        ("zstd,block=1.5M", 'Invalid block size "1.5M"', "power of two"),
        ("zstd,block=1MiB", 'Invalid block size "1MiB"', "power of two"),
        ("zstd,block=99999999999999", "Invalid block size", "power of two"),
        ("zstd,filters=x86", "zstd has no branch filters", "which only xz takes"),
        ("xz,filters=x68", 'Unknown branch filter "x68"', "Did you mean x86?"),
        (
            "xz,filters=mips",
            'Unknown branch filter "mips"',
            "x86, arm, armthumb, powerpc, sparc, ia64",
        ),
        ("xz,filters=x86+", 'Unknown branch filter ""', "Use one of"),
        ("xz,filters=x86+x86", "x86 is given twice", ""),
        ("{0.__class__},level={x}", "{0.__class__}", "Use one of"),
    ],
)
def test_what_mksquashfs_cannot_do_is_refused_with_advice(
    text: str, message: str, advice: str
) -> None:
    with pytest.raises(UsageError) as caught:
        parse_compression(text)
    assert message in str(caught.value)
    assert advice in caught.value.advice
    assert caught.value.exit_code is ExitCode.USAGE


def test_a_message_repeats_only_the_start_of_a_huge_text() -> None:
    with pytest.raises(UsageError) as caught:
        parse_compression("z" * 1_000_000)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("fast", "-comp zstd -Xcompression-level 3 -b 1048576"),
        ("standard", "-comp zstd -Xcompression-level 9 -b 1048576"),
        ("max", "-comp xz -Xbcj x86 -Xdict-size 100% -b 1048576"),
        ("xz", "-comp xz -Xdict-size 100% -b 1048576"),
        ("xz,filters=x86+arm,block=64k", "-comp xz -Xbcj x86,arm -Xdict-size 100% -b 65536"),
        ("lz4,block=128K", "-comp lz4 -b 131072"),
        ("distroclone-fast", "-comp lz4 -b 131072"),  # mksquashfs's own block size, written out
        ("distroclone-standard", "-comp xz -Xdict-size 100% -b 262144"),
        ("distroclone-max", "-comp xz -Xbcj x86 -Xdict-size 100% -b 1048576"),
    ],
)
def test_mksquashfs_is_told_codec_options_and_block_size(text: str, options: str) -> None:
    assert mksquashfs_options(parse_compression(text)) == options.split()


def test_a_preset_is_named_as_the_user_writes_it() -> None:
    for presets in (PRESETS, DISTROCLONE):
        assert {preset.name for preset in presets.values()} == set(presets)
        assert all(parse_compression(name) == preset for name, preset in presets.items())


def test_only_what_distroclone_has_is_packed_as_mksquashfs_packs() -> None:
    assert all(preset.grouped for preset in PRESETS.values())
    assert not any(preset.grouped for preset in DISTROCLONE.values())
    assert parse_compression("xz,block=256K").grouped
