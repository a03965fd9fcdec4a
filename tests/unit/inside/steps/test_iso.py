"""The commands around the ISO, what xorriso says about it, and the digests of its content."""

import hashlib
import json
from pathlib import Path, PurePosixPath

import pytest

from builder.basics.errors import VerificationError
from builder.inside.iso.iso_digests import digest_iso
from builder.inside.iso.iso_report import Extent, check_layout, parse_files
from builder.inside.medium import boot_images
from builder.inside.medium import identity as medium
from builder.inside.medium.identity import MediumId, write_medium_id
from builder.inside.medium.sums import read_sums, write_sums
from builder.inside.steps.iso import IsoStep, iso_progress
from builder.inside.system.digests import Sums
from tests.support.machines import RecordingSystem

IDENTITY = MediumId(text="0123456789abcdef" * 2)
EPOCH = 1_750_170_600

# As xorriso 1.5.6 printed it for a tiny ISO; rows that nobody looks at are left out.
LAYOUT = """\
xorriso 1.5.6 : RockRidge filesystem manipulator, libburnia project.
Drive current: -indev 'x.iso'
Boot record  : El Torito , MBR protective-msdos-label grub2-mbr cyl-align-off GPT
El Torito catalog  : 66  1
El Torito cat path : /boot/grub/boot.cat
El Torito images   :   N  Pltf  B   Emul  Ld_seg  Hdpt  Ldsiz         LBA
El Torito boot img :   1  BIOS  y   none  0x0000  0x00      4          67
El Torito boot img :   2  UEFI  y   none  0x0000  0x00   6144       14839
El Torito img path :   1  /boot/grub/eltorito.img
El Torito img blks :   2  1536
System area options: 0x00004201
System area summary: MBR protective-msdos-label grub2-mbr cyl-align-off GPT
ISO image size/512 : 66164
Partition offset   : 16
MBR partition table:   N Status  Type        Start       Blocks
MBR partition      :   1   0x00  0xee            1        66163
MBR partition      :   2   0x80  0x00            0            1
GPT                :   N  Info
GPT type GUID      :   1  a2a0d0ebe5b9334487c068b6b72699c7
GPT start and size :   1  64  59292
GPT type GUID      :   2  28732ac11ff8d211ba4b00a0c93ec93b
GPT start and size :   2  59356  6144
GPT type GUID      :   3  a2a0d0ebe5b9334487c068b6b72699c7
GPT start and size :   3  65500  600
"""

# The first row is from a real report; the two of the big file are made up.
FILES = """\
Report layout: xt , Startlba ,   Blocks , Filesize , ISO image path
File data lba:  0 ,       67 ,       86 ,   175780 , '/boot/grub/eltorito.img'
File data lba:  0 ,      153 ,  2097151 , 4294967300 , '/live/big file'
File data lba:  1 ,  2097304 ,        2 , 4294967300 , '/live/big file'
"""


def test_the_iso_command_is_hybrid_and_takes_every_date_from_the_plan() -> None:
    step = IsoStep(
        iso_tree=Path("/work/iso"),
        partition=Path("/work/boot/esp.img"),
        sums=Path("/work/boot/sums.json"),
        target=Path("/work/out/x.iso"),
        pretty_name="Debian",
        volume_id="DEBIAN_13",
        source_date_epoch=EPOCH,
    )
    assert step.argv(IDENTITY) == [
        "xorriso", "-no_rc", "-as", "mkisofs",
        "-r", "-J", "-joliet-long", "-iso-level", "3",
        "-V", "DEBIAN_13",
        "-p", "distroclone-builder 0.1.0",
        f"--modification-date={IDENTITY.volume_date(EPOCH)}",
        "--set_all_file_dates", "=1750170600",
        "--gpt_disk_guid", "01234567-89ab-5def-8123-456789abcdef",
        "-c", "boot/grub/boot.cat",
        "-b", "boot/grub/eltorito.img",
        "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table", "--grub2-boot-info",
        "--grub2-mbr", "/usr/lib/grub/i386-pc/boot_hybrid.img",
        "--mbr-force-bootable",
        "-partition_offset", "16",
        "-iso_mbr_part_type", "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7",
        "-append_partition", "2", "C12A7328-F81F-11D2-BA4B-00A0C93EC93B", "/work/boot/esp.img",
        "-appended_part_as_gpt",
        "-eltorito-alt-boot", "-e", "--interval:appended_partition_2:all::", "-no-emul-boot",
        "-o", "/work/out/x.iso", "/work/iso",
    ]  # fmt: skip


@pytest.mark.parametrize("size", [(4 << 30) - 1, 4 << 30])
def test_a_build_says_when_its_files_cannot_be_copied_onto_fat(tmp_path: Path, size: int) -> None:
    tree, sums = tmp_path / "iso", tmp_path / "sums.json"
    write_medium_id(tree, IDENTITY)
    large, small = (tree / name for name in medium.IMAGES)
    for path, length in ((large, size), (small, 5)):
        path.parent.mkdir(exist_ok=True)
        with path.open("wb") as stream:
            stream.truncate(length)  # it takes no space
    known = {name: {"sha256": "a" * 64, "md5": "b" * 32} for name in medium.IMAGES}
    sums.write_text(json.dumps(known))
    system = RecordingSystem(lambda _argv: LAYOUT)
    IsoStep(
        iso_tree=tree,
        partition=tmp_path / "esp.img",
        sums=sums,
        target=tmp_path / "out/x.iso",
        pretty_name="Debian",
        volume_id="DEBIAN_13",
        source_date_epoch=EPOCH,
    ).run(system)
    said = "live/filesystem.squashfs has 4.0 GiB, and no FAT32 holds a file of 4 GiB or more"
    assert [said in note for note in system.notes] == ([True] if size == 4 << 30 else [])


# Written by hand in the form of its pacifier; tests/tools reads what real xorriso prints.
@pytest.mark.parametrize(
    ("line", "fraction"),
    [
        ("xorriso : UPDATE :  12.34% done", 0.1234),
        ("xorriso : UPDATE :   0.00% done", 0.0),
        ("xorriso : UPDATE : 100.00% done", 1.0),
        ("xorriso : UPDATE :  53.1% done, estimate finish Tue Jun 17 12:00:00 2025", 0.531),
        ("xorriso : UPDATE :       6 files added in 1 seconds", None),
        ("ISO image produced: 16541 sectors", None),
        ("Added to ISO image: directory '/'='/x 99.0% done'", None),
    ],
)
def test_progress_is_read_from_the_pacifier(line: str, fraction: float | None) -> None:
    assert iso_progress(line) == pytest.approx(fraction)


def test_a_complete_layout_tells_where_the_system_partition_is() -> None:
    assert check_layout(LAYOUT) == Extent(path="", start=59356 * 512, size=6144 * 512)


@pytest.mark.parametrize(
    ("old", "new", "missing"),
    [
        ("1  BIOS  y", "1  BIOS  n", "the El Torito image for BIOS"),
        ("2  UEFI  y", "2  PPC   y", "the El Torito image for UEFI"),
        ("grub2-mbr cyl", "cyl", "GRUB's code in the MBR"),
        ("0x80  0x00", "0x00  0x00", "an active partition"),
        ("cyl-align-off GPT\nISO", "cyl-align-off\nISO", "the GPT"),
        ("28732ac11ff8d211ba4b00a0c93ec93b", "a2a0d0ebe5b9334487c068b6b72699c7", "EFI system"),
        ("6144       14839", "6144       14840", "is not its EFI system partition"),
    ],
)
def test_an_iso_that_some_firmware_cannot_start_is_refused(
    old: str, new: str, missing: str
) -> None:
    assert old in LAYOUT
    with pytest.raises(VerificationError, match=missing):
        check_layout(LAYOUT.replace(old, new))


@pytest.mark.parametrize("report", ["", "xorriso : FAILURE : Cannot read\n", "GPT type GUID : 1\n"])
def test_a_report_about_no_iso_is_refused(report: str) -> None:
    with pytest.raises(VerificationError, match="lacks the El Torito image for BIOS"):
        check_layout(report)


def test_a_file_over_four_gib_is_read_from_several_extents() -> None:
    assert parse_files(FILES) == (
        Extent(path="boot/grub/eltorito.img", start=67 * 2048, size=175780),
        Extent(path="live/big file", start=153 * 2048, size=2097151 * 2048),
        Extent(path="live/big file", start=2097304 * 2048, size=4294967300 - 2097151 * 2048),
    )


def test_one_pass_gives_the_digests_of_the_whole_and_of_every_file(tmp_path: Path) -> None:
    data = bytes(range(256)) * 12000  # three chunks; pieces lie across their borders
    iso = tmp_path / "x.iso"
    iso.write_bytes(data)
    places = {"a": [(0, 10)], "b": [(1048570, 20), (2097150, 900000)], "c": [(1048576, 0)]}
    extents = [
        Extent(path=path, start=start, size=size)
        for path, pieces in places.items()
        for start, size in pieces
    ]
    seen: list[float] = []
    digests = digest_iso(iso, extents, progress=seen.append)
    assert digests.whole.sha256 == hashlib.sha256(data).hexdigest()
    assert digests.whole.size == len(data)
    for path, pieces in places.items():
        content = b"".join(data[start : start + size] for start, size in pieces)
        assert digests.inside[path].sha256 == hashlib.sha256(content).hexdigest()
        assert digests.inside[path].size == len(content)
    assert seen[-1] == 1.0


def test_checksums_leave_out_what_xorriso_patches_and_themselves(tmp_path: Path) -> None:
    for name in ("live/b", "live/a", ".disk/info", "boot/grub/eltorito.img"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    for _again in range(2):
        write_sums(tmp_path, known={})
    rows = (tmp_path / "sha256sum.txt").read_text().splitlines()
    assert [row.split("  ")[1] for row in rows] == ["./.disk/info", "./live/a", "./live/b"]
    assert rows[1] == f"{hashlib.sha256(b'live/a').hexdigest()}  ./live/a"
    md5 = hashlib.md5(b"live/a", usedforsecurity=False).hexdigest()
    assert f"{md5}  ./live/a" in (tmp_path / "md5sum.txt").read_text().splitlines()
    assert set(read_sums(tmp_path)) == {".disk/info", "live/a", "live/b"}


def test_what_the_boot_step_summed_is_not_read_again(tmp_path: Path) -> None:
    (tmp_path / "large").write_text("never read")
    known = {"large": Sums(sha256="a" * 64, md5="b" * 32), "elsewhere": Sums(sha256="", md5="")}
    write_sums(tmp_path, known=known)
    assert read_sums(tmp_path) == {"large": "a" * 64}
    assert (tmp_path / "md5sum.txt").read_text() == f"{'b' * 32}  ./large\n"


def test_the_system_partition_is_made_without_mounts_in_sorted_order() -> None:
    files = [
        (Path("/b.efi"), PurePosixPath("EFI/BOOT/BOOTX64.EFI")),
        (Path("/a.txt"), PurePosixPath("A.TXT")),
    ]
    argvs = boot_images.partition_argvs(Path("/esp.img"), identity=IDENTITY, files=files)
    assert argvs == [
        ["mkfs.fat", "--invariant", "-i", "01234567", "-n", "DCB_ESP    ", "/esp.img"],
        ["mmd", "-i", "/esp.img", "::/EFI"],
        ["mmd", "-i", "/esp.img", "::/EFI/BOOT"],
        ["mcopy", "-m", "-i", "/esp.img", "/a.txt", "::/A.TXT"],
        ["mcopy", "-m", "-i", "/esp.img", "/b.efi", "::/EFI/BOOT/BOOTX64.EFI"],
    ]


@pytest.mark.parametrize(
    ("sizes", "mebibytes"), [([0], 1), ([1 << 19], 1), ([(1 << 19) + 1], 2), ([3 << 20, 5], 4)]
)
def test_the_system_partition_is_whole_mebibytes(sizes: list[int], mebibytes: int) -> None:
    assert boot_images.partition_size(sizes) == mebibytes << 20


def test_every_image_carries_the_early_config() -> None:
    for make, form, module in (
        (boot_images.bios_image_argv, "i386-pc-eltorito", "biosdisk"),
        (boot_images.uefi_image_argv, "x86_64-efi", "efifwsetup"),
        (boot_images.uefi32_image_argv, "i386-efi", "efifwsetup"),
    ):
        argv = make(config=Path("/e.cfg"), target=Path("/t.img"))
        assert argv[:9] == [
            "grub-mkimage", "--format", form, "--prefix", "/boot/grub",
            "--config", "/e.cfg", "--output", "/t.img",
        ]  # fmt: skip
        assert {"iso9660", "search", "search_fs_file", "normal", "linux", module} <= set(argv)
