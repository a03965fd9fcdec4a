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
        ("", 'Compression "" is unknown', "Known are fast, standard, max, zstd, xz, lz4"),
        ("gzip", '"gzip" is unknown', "Known are"),
        ("ZSTD", '"ZSTD" is unknown', "Did you mean zstd?"),
        ("standart", '"standart" is unknown', "Did you mean standard?"),
        ("fast,level=2", "preset fast takes no options", "CODEC[,level=N]"),
        ("zstd,", '"" is not an option', "without spaces"),
        ("zstd, level=9", '" level=9" is not an option', "Did you mean level?"),
        ("zstd,levle=9", '"levle=9" is not an option', "Did you mean level?"),
        ("zstd,level", "option level has no value", "CODEC[,level=N]"),
        ("zstd,level=", "option level has no value", "CODEC[,level=N]"),
        ("zstd,level=9,level=10", "gives level twice", ""),
        ("zstd,level=0", 'level "0" is not possible', "from 1 to 22"),
        ("zstd,level=23", 'level "23" is not possible', "from 1 to 22"),
        ("zstd,level=-1", 'level "-1" is not possible', "from 1 to 22"),
        ("zstd,level=9.5", 'level "9.5" is not possible', "from 1 to 22"),
        ("zstd,level=٩", 'level "٩" is not possible', "from 1 to 22"),
        ("xz,level=6", "xz has no compression level", "Leave level= out."),
        ("lz4,level=1", "lz4 has no compression level", "Leave level= out."),
        ("zstd,block=2K", '"2K" is not possible', "from 4K to 1M"),
        ("zstd,block=2M", '"2M" is not possible', "from 4K to 1M"),
        ("zstd,block=100K", '"100K" is not possible', "power of two"),
        ("zstd,block=1.5M", '"1.5M" is not possible', "power of two"),
        ("zstd,block=1MiB", '"1MiB" is not possible', "power of two"),
        ("zstd,block=99999999999999", "is not possible", "power of two"),
        ("zstd,filters=x86", "zstd has no branch filters", "Only xz"),
        ("xz,filters=x68", '"x68" is unknown', "Did you mean x86?"),
        ("xz,filters=mips", '"mips" is unknown', "x86, arm, armthumb, powerpc, sparc, ia64"),
        ("xz,filters=x86+", '"" is unknown', "Known are"),
        ("xz,filters=x86+x86", "x86 is given twice", ""),
        ("{0.__class__},level={x}", "{0.__class__}", "Known are"),
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
