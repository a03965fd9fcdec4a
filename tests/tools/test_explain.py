"""What differs in two ISOs is named, from the region down to the byte."""

import bz2
import ctypes
import gzip
import lzma
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from builder.border.differences import Difference, Explanation
from builder.host.config.compression_text import parse_compression
from builder.inside.explain.isos import explain_isos
from builder.inside.explain.regions import partition_tables, regions
from builder.inside.iso.iso_report import Extent
from builder.inside.iso.read_iso import files_of, partition_of
from builder.inside.medium import identity as medium
from builder.inside.medium.initrd_extra import gap_after, newc_archive
from tests.support import media
from tests.support.media import Work, make_root, real_system
from tests.support.results import flip_bit

pytestmark = pytest.mark.tools


def explained(original: Path, rebuilt: Path) -> Explanation:
    return explain_isos(original, rebuilt, system=real_system())


def findings(explanation: Explanation) -> dict[tuple[str, ...], dict[str, Difference]]:
    """Return the differences by place and attribute."""
    found: dict[tuple[str, ...], dict[str, Difference]] = {}
    for each in explanation.differences:
        found.setdefault(each.place, {})[each.attribute] = each
    return found


def build_of(base: Path, change: Callable[[Work], None], **compression: str) -> Work:
    """Build a tiny ISO of a changed tree."""
    work = Work(base=base)
    make_root(work)
    change(work)
    squashfs = media.squashfs_step(work)
    if compression:
        squashfs = replace(squashfs, compression=parse_compression(compression["how"]))
    for step in (squashfs, media.boot_step(work), media.iso_step(work)):
        step.run(real_system())
    return work


def spoilt_copy(built: Work, target: Path, position: int) -> Path:
    shutil.copy(built.iso, target)
    flip_bit(target, position)
    return target


def extents_of(iso: Path) -> tuple[Extent, ...]:
    system = real_system()
    return (*files_of(iso, system=system), partition_of(iso, system=system))


def start_of(iso: Path, path: str) -> Extent:
    return next(each for each in extents_of(iso) if each.path == path)


def test_the_regions_of_an_iso_are_all_of_it_without_gap_or_overlap(built: Work) -> None:
    found = regions(built.iso, extents_of(built.iso), partition_tables(built.iso))
    ends = [each.start + each.size for each in found]
    assert [0, *ends[:-1]] == [each.start for each in found]
    assert ends[-1] == built.iso.stat().st_size
    names = [each.name for each in found]
    for name in (
        "MBR boot code", "GPT header", "primary volume descriptor", "Joliet volume descriptor",
        "directories and path tables", medium.SQUASHFS, "EFI system partition",
        "backup GPT partition entries", "backup GPT header",
    ):  # fmt: skip
        assert names.count(name) == 1, name


def test_of_two_equal_isos_nothing_differs(built: Work) -> None:
    assert explained(built.iso, built.iso) == Explanation(differences=())


@pytest.mark.parametrize(
    ("name", "position"),
    [
        ("MBR boot code", 20),
        ("MBR partition table", 450),
        ("GPT header", 512 + 56),
        ("GPT partition entries", 1024 + 16),
        ("GPT header", 512),
        ("primary volume descriptor", 32_768 + 813),
        ("backup GPT header", -200),
    ],
)
def test_one_bit_around_the_files_is_named_by_its_region(
    built: Work, tmp_path: Path, name: str, position: int
) -> None:
    at = position % built.iso.stat().st_size
    spoilt = spoilt_copy(built, tmp_path / "spoilt.iso", at)
    found = findings(explained(spoilt, built.iso))
    assert list(found) == [(name,)]
    byte = built.iso.read_bytes()[at]
    difference = found[name,]["content"]
    assert (difference.original, difference.rebuilt) == (f"0x{byte ^ 1:02x}", f"0x{byte:02x}")


@pytest.mark.parametrize("path", [medium.GRUB_CONFIG, "EFI system partition"])
def test_one_bit_in_a_file_is_named_by_the_file_and_its_place_in_it(
    built: Work, tmp_path: Path, path: str
) -> None:
    extent = start_of(built.iso, path)
    spoilt = spoilt_copy(built, tmp_path / "spoilt.iso", extent.start + 77)
    found = findings(explained(spoilt, built.iso))
    assert list(found) == [(path,)]
    assert found[path,]["content"].offset == 77


def test_a_damaged_squashfs_is_named_and_the_file_that_cannot_be_unpacked(
    built: Work, tmp_path: Path
) -> None:
    extent = start_of(built.iso, medium.SQUASHFS)
    spoilt = spoilt_copy(built, tmp_path / "spoilt.iso", extent.start + 200)
    explanation = explained(spoilt, built.iso)
    found = findings(explanation)
    assert found[medium.SQUASHFS,]["content"].offset == 200
    assert found[medium.SQUASHFS, "/usr/share/big"]["unpacks"].original == "no"
    (remark,) = explanation.remarks
    assert "cannot be read" in remark.message


def changed_tree(work: Work) -> None:
    big = work.root / "usr/share/big"
    content = bytearray(big.read_bytes())
    content[70_000] ^= 0xFF
    big.write_bytes(content)
    (work.root / "bin/ping").chmod(0o4755)
    os.utime(work.root / "etc/os-release", (media.EPOCH - 5, media.EPOCH - 5))
    (work.root / "etc/more").write_text("more\n")
    Path(os.fsdecode(os.fsencode(work.root) + b"/etc/\xff\x1b[2J")).write_text("no UTF-8\n")
    link = work.root / "boot/vmlinuz-6.12.48+deb13-amd64"
    link.unlink()
    link.symlink_to("../usr/lib/kernel/newest")


def test_what_differs_in_the_squashfs_is_named_path_by_path(built: Work, tmp_path: Path) -> None:
    changed = build_of(tmp_path / "changed", changed_tree)
    found = findings(explained(built.iso, changed.iso))

    def of(path: str) -> dict[str, tuple[str, str]]:
        rows = found.pop((medium.SQUASHFS, path))
        return {name: (row.original, row.rebuilt) for name, row in rows.items() if name != "time"}

    assert found[medium.SQUASHFS, "/usr/share/big"]["content"].offset == 70_000
    assert of("/usr/share/big") == {"content": ("0x30", "0xcf")}
    assert of("/bin/ping") == {"mode": ("0755", "4755")}
    assert of("/etc/\\xff\x1b[2J") == {"presence": ("no", "yes")}
    assert of("/etc/more") == {"presence": ("no", "yes")}
    assert of("/boot/vmlinuz-6.12.48+deb13-amd64")["target"] == (
        "/usr/lib/kernel/newest",
        "../usr/lib/kernel/newest",
    )
    released = found[medium.SQUASHFS, "/etc/os-release"]["time"]
    assert (released.original, released.rebuilt) == (str(media.EPOCH - 1000), str(media.EPOCH - 5))


def layered(hides: str, **files: str) -> Callable[[Work], None]:
    """Return what adds a live layer with these files of /etc, and a whiteout in one's place."""
    named = {f"etc/{name}": text for name, text in files.items()}
    return lambda work: media.pack_layer(work, named, hides=[f"etc/{hides}"])


def test_what_differs_only_in_the_live_layer_is_named_by_layer_and_file(tmp_path: Path) -> None:
    one = build_of(tmp_path / "one", layered("crontab", hostname="live", motd="a"))
    other = build_of(tmp_path / "other", layered("motd", hostname="lime"))
    found = findings(explained(one.iso, other.iso))
    # The id, which follows from all that is on the medium, is in some of the others.
    assert medium.SQUASHFS not in {place[0] for place in found}
    inside = {place[1]: rows for place, rows in found.items()
              if place[0] == medium.LIVE_SQUASHFS and len(place) > 1}  # fmt: skip
    assert set(inside) == {"/etc/hostname", "/etc/crontab", "/etc/motd"}
    name = inside["/etc/hostname"]["content"]
    assert (name.offset, name.original, name.rebuilt) == (2, "0x76", "0x6d")
    assert inside["/etc/crontab"]["presence"].rebuilt == "no"
    assert inside["/etc/motd"]["type"].rebuilt == "whiteout"


def test_a_changed_file_whose_name_is_a_pattern_is_compared_itself(
    built: Work, tmp_path: Path
) -> None:
    def one(work: Work) -> None:
        (work.root / "etc/[x] *").write_text("AAAA")
        (work.root / "etc/x y").write_text("AAAA")

    def other(work: Work) -> None:
        (work.root / "etc/[x] *").write_text("AABA")
        (work.root / "etc/x y").write_text("AAAA")

    first, second = build_of(tmp_path / "one", one), build_of(tmp_path / "other", other)
    found = findings(explained(first.iso, second.iso))
    assert found[medium.SQUASHFS, "/etc/[x] *"]["content"].offset == 2
    assert (medium.SQUASHFS, "/etc/x y") not in found or "content" not in found[
        medium.SQUASHFS, "/etc/x y"
    ]


def test_the_same_tree_packed_otherwise_is_said_to_be_just_that(
    built: Work, tmp_path: Path
) -> None:
    packed = build_of(tmp_path / "packed", lambda _work: None, how="zstd,level=3,block=256K")
    explanation = explained(built.iso, packed.iso)
    block_size = findings(explanation)[medium.SQUASHFS, "superblock"]["block size"]
    assert (block_size.original, block_size.rebuilt) == ("1048576", "262144")
    assert any("the same tree, packed differently" in each.message for each in explanation.remarks)


def test_what_is_no_iso_is_compared_byte_by_byte(built: Work, tmp_path: Path) -> None:
    cut = tmp_path / "cut.iso"
    cut.write_bytes(built.iso.read_bytes()[:100_000])
    explanation = explained(cut, built.iso)
    found = findings(explanation)[()]
    assert (found["size"].original, found["content"].offset) == ("100000", 100_000)
    assert found["content"].original == "none"
    assert explanation.remarks


def zstd(content: bytes) -> bytes:
    library = ctypes.CDLL("libzstd.so.1")
    library.ZSTD_compress.restype = ctypes.c_size_t
    space = ctypes.create_string_buffer(len(content) + 1024)
    size = library.ZSTD_compress(space, ctypes.c_size_t(len(space)), content,
                                 ctypes.c_size_t(len(content)), 3)  # fmt: skip
    return space.raw[:size]


PACKERS = {
    "plain": bytes,
    "gzip": gzip.compress,
    "xz": lambda content: lzma.compress(content, check=lzma.CHECK_CRC32),
    "bzip2": bz2.compress,
    "zstd": zstd,
}


def initramfs(pack: Callable[[bytes], bytes], *, init: bytes, name: str = "init") -> bytes:
    """Return microcode in a plain archive, then the main one, then ours."""
    early = newc_archive({"kernel/x86/microcode/x.bin": b"m" * 3000}, mtime=1)
    main = pack(newc_archive({name: init, "bin/busybox": bytes(3_000_000)}, mtime=1))
    ours = newc_archive({"conf/uuid.conf": b"id\n"}, mtime=1)
    return early + bytes(512) + main + gap_after(len(main)) + ours


def with_initramfs(content: bytes) -> Callable[[Work], None]:
    def change(work: Work) -> None:
        (work.initramfs / "6.1.0-40-amd64").write_bytes(content)

    return change


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS.keys())
def test_what_differs_in_an_initramfs_is_named_member_by_member(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    contents = (initramfs(pack, init=b"#!/bin/sh\n"), initramfs(pack, init=b"#!/bin/ch\n"))
    one, other = (
        build_of(tmp_path / str(number), with_initramfs(content))
        for number, content in enumerate(contents)
    )
    found = findings(explained(one.iso, other.iso))
    region = "live/initrd.img-6.1.0-40-amd64"
    inner = [place[1:] for place in found if place[0] == region and len(place) > 1]
    # The last one is the medium's id, which is another one in another ISO.
    assert inner == [("archive 2", "init"), ("archive 4", "conf/uuid.conf")]
    difference = found[region, "archive 2", "init"]["content"]
    assert (difference.offset, difference.original, difference.rebuilt) == (7, "0x73", "0x63")


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[: len(content) // 2],
        lambda content: b"no archive at all" + content,
        lambda content: content.replace(b"070701", b"0707ZZ"),
        lambda content: content[:3700] + b"\xff" * 64 + content[3764:],
    ],
    ids=["cut off", "no archive", "damaged header", "damaged zstd"],
)
def test_an_initramfs_that_cannot_be_unpacked_is_said_to_be_so(
    tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    whole = initramfs(zstd, init=b"#!/bin/sh\n")
    one = build_of(tmp_path / "one", with_initramfs(whole))
    other = build_of(tmp_path / "other", with_initramfs(damage(whole)))
    explanation = explained(one.iso, other.iso)
    assert any("initramfs cannot be unpacked" in each.message for each in explanation.remarks)
