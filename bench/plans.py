"""What is tried: kinds of builds, compressions, packings."""

from typing import Final

from bench.build import BuildKind
from bench.pack import Pack
from builder.host.config.compression_text import DISTROCLONE, PRESETS

TREES: Final = ("demo", "desktop", "large")
GROUPED, IN_A_ROW = "by group", "in a row (mksquashfs's own)"
STUDIED: Final = "zstd,level=3"  # which blocks differ does not depend on the codec

# States of the cache images, as bench/recipe/make_trees.py numbers them.
INSTALLED, SIX_PACKAGES, OTHER_KERNEL, ONE_BYTE, LARGE = 1, 2, 3, 4, 5
CHANGES: Final = (
    ("six packages", SIX_PACKAGES), ("another kernel", OTHER_KERNEL), ("one byte", ONE_BYTE),
)  # fmt: skip

SWEEP: Final = (
    "lz4,block=128K", "lz4", "zstd,level=1", "zstd,level=3", "zstd,level=5", "zstd,level=7",
    "zstd,level=9", "zstd,level=11", "zstd,level=13", "zstd,level=15", "zstd,level=17",
    "zstd,level=19", "zstd,level=22",
    "zstd,level=9,block=128K", "zstd,level=9,block=256K", "zstd,level=9,block=512K",
    "zstd,level=15,block=256K", "xz,block=256K", "xz", "xz,filters=x86",
)  # fmt: skip


def image_of(tree: str) -> str:
    """Return which cache image holds a tree."""
    return "demo" if tree == "demo" else "desktop"


def builds_of(tree: str, *, can_stage: bool) -> list[BuildKind]:
    """Return the builds of one round, in order; the later ones find what the earlier ones left."""
    if tree == "large":
        return [
            BuildKind(name="standard cold", selector=str(LARGE), compression="standard",
                      store="standard", fresh=True),
            BuildKind(name="standard warm", selector=str(LARGE), compression="standard",
                      store="standard"),
        ]  # fmt: skip
    by_copying = ("--staging", "rsync") if can_stage else ()
    first = str(INSTALLED)
    return [
        BuildKind(name="reference", selector=first, compression="distroclone-standard",
                  options=by_copying),
        BuildKind(name="standard, no block cache", selector=first, compression="standard"),
        BuildKind(name="standard cold", selector=first, compression="standard",
                  store="standard", fresh=True),
        BuildKind(name="standard warm", selector=first, compression="standard", store="standard"),
        BuildKind(name="max cold", selector=first, compression="max", store="max", fresh=True),
        BuildKind(name="max warm", selector=first, compression="max", store="max"),
        BuildKind(name="max six packages", selector=str(SIX_PACKAGES), compression="max",
                  store="max"),
        BuildKind(name="max other kernel", selector=str(OTHER_KERNEL), compression="max",
                  store="max"),
    ]  # fmt: skip


def copying() -> Pack:
    """Return the image that costs nothing but reading and writing."""
    return Pack(state=INSTALLED, compression="lz4", grouped=False, options=("-no-compression",))


def packings() -> list[tuple[str, str, tuple[str, ...], bool]]:
    """Return the packings of the study: name, compression, options for mksquashfs, grouped."""
    return [
        (IN_A_ROW, STUDIED, (), False),
        ("none (`-no-fragments`)", STUDIED, ("-no-fragments",), False),
        ("large ones alone (`no-fragments@filesize(+65535)`)", STUDIED,
         ("-action", "no-fragments@filesize(+65535)"), False),
        ("tail ends too (`-tailends`)", STUDIED, ("-tailends",), False),
        (GROUPED, STUDIED, (), True),
    ]  # fmt: skip


def preset_names() -> dict[str, str]:
    """Return which explicit form is which preset."""
    names: dict[str, list[str]] = {}
    for preset in (*PRESETS.values(), *DISTROCLONE.values()):
        words = [preset.codec.value]
        if preset.level is not None:
            words.append(f"level={preset.level}")
        if preset.block_size != 1 << 20:
            words.append(f"block={preset.block_size >> 10}K")
        if preset.filters:
            words.append(f"filters={'+'.join(preset.filters)}")
        names.setdefault(",".join(words), []).append(f"`{preset.name}`")
    return {text: ", ".join(found) for text, found in names.items()}
