"""An ISO is listed layer by layer; what only holds others, or is new in every ISO, is no change."""

import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pytest

from builder.basics.errors import VerificationError
from builder.border.iso_contents import BootFile
from builder.formats.inventory import Entry, Row
from builder.inside.inventory.boot_files import boot_file
from builder.inside.inventory.iso_listing import IsoRows, changed_rows, iso_rows
from builder.inside.iso.iso_report import BLOCK, Extent
from builder.inside.medium import identity as medium
from builder.inside.medium.initrd_extra import gap_after, newc_archive
from tests.support.comparisons import file, folder, link, whiteout
from tests.support.machines import RecordingSystem

MARK = b"#\n# START OF DATA - DO NOT MODIFY\n#\n"
ROOT = b"/ D 1795412662 755 0 0\n"
SYSTEM = ROOT + b"etc D 1 755 0 0\n" + b"etc/motd R 1 644 0 0 4 0 0\n" + MARK + b"abcd"
LIVE = ROOT + (
    b"etc D 1 755 0 0\n" + b"etc/live R 1 644 0 0 2 0 0\n" + b"etc/motd C 1 0 0 0 0 0\n"
) + MARK + b"ab"  # fmt: skip


class Disc(RecordingSystem):
    """xorriso and unsquashfs, asked about an ISO of one block for each file."""

    def __init__(self, iso: Path, files: Mapping[str, bytes], streams: Mapping[str, bytes]) -> None:
        super().__init__(lambda _argv: self.report)
        self.report = "\n".join(
            f"File data lba:  0 , {number} , 1 , {len(content)} , '/{path}'"
            for number, (path, content) in enumerate(files.items())
        )
        self.streams = {
            str(number * BLOCK): streams.get(path, b"") for number, path in enumerate(files)
        }
        iso.write_bytes(b"".join(content.ljust(BLOCK, b"\0") for content in files.values()))

    @contextmanager
    def reading(self, argv: Sequence[str]) -> Iterator[BinaryIO]:
        tool, option, offset, *_others = argv
        assert (tool, option) == ("unsquashfs", "-offset")
        yield io.BytesIO(self.streams[offset])


def squashfs(inodes: int) -> bytes:
    """Return a superblock as far as it is read here."""
    return b"hsqs" + inodes.to_bytes(4, "little")


USUAL: Mapping[str, bytes] = {
    "boot/grub/grub.cfg": b"menuentry",
    medium.LIVE_SQUASHFS: squashfs(4),
    "live/vmlinuz-6.12": b"kernel",
    medium.SQUASHFS: squashfs(3),
    "live/initrd.img-6.12": b"initramfs",
}
STREAMS: Mapping[str, bytes] = {medium.SQUASHFS: SYSTEM, medium.LIVE_SQUASHFS: LIVE}


def listed(
    folder: Path, files: Mapping[str, bytes] = USUAL, streams: Mapping[str, bytes] = STREAMS
) -> IsoRows:
    iso = folder / "medium.iso"
    return iso_rows(iso, system=Disc(iso, files, streams))


def paths(rows: Sequence[Row]) -> list[str]:
    return [row.path for row in rows if isinstance(row, Entry)]


def test_the_system_and_what_is_above_it_are_listed_apart(tmp_path: Path) -> None:
    found = listed(tmp_path)
    assert paths(found.system) == ["/", "/etc", "/etc/motd"]
    assert found.live is not None
    assert paths(found.live) == ["/etc/live", "/etc/motd"]
    hidden = [row.path for row in found.live if isinstance(row, Entry) and row.is_whiteout]
    assert hidden == ["/etc/motd"]


def test_an_iso_of_the_time_before_the_layers_has_none(tmp_path: Path) -> None:
    files = {path: content for path, content in USUAL.items() if path != medium.LIVE_SQUASHFS}
    found = listed(tmp_path, files)
    assert (paths(found.system), found.live) == (["/", "/etc", "/etc/motd"], None)


def test_what_boots_is_listed_with_sizes_and_digests(tmp_path: Path) -> None:
    assert listed(tmp_path).boots == tuple(
        BootFile(path=path, size=len(content), sha256=hashlib.sha256(content).hexdigest())
        for path, content in (
            ("live/initrd.img-6.12", b"initramfs"),
            ("live/vmlinuz-6.12", b"kernel"),
        )
    )


def test_a_directory_is_a_change_only_if_the_system_has_another_or_none() -> None:
    below: list[Row] = [
        folder("/"),
        folder("/etc"),
        folder("/opt"),
        file("/srv"),
        link("/usr", "x"),
    ]
    above: list[Row] = [
        folder("/", mtime=9), folder("/etc"), file("/etc/x"), folder("/home"),
        folder("/opt", mode=0o700), folder("/srv"), folder("/usr"), whiteout("/var"),
    ]  # fmt: skip
    assert paths(changed_rows(below, above)) == [
        "/etc/x", "/home", "/opt", "/srv", "/usr", "/var",
    ]  # fmt: skip


def with_id(content: bytes, text: str, *, mtime: int) -> bytes:
    """Return an initramfs with a medium's id, as the step `boot` writes it."""
    archive = newc_archive({medium.LIVE_UUID_IN_INITRD: f"{text}\n".encode()}, mtime=mtime)
    return content + gap_after(len(content)) + archive


def digest(folder: Path, content: bytes, path: str = "live/initrd.img-6.12") -> str:
    iso = folder / "medium.iso"
    iso.write_bytes(b"before" + content + b"after")
    return boot_file(iso, Extent(path=path, start=6, size=len(content))).sha256


def test_of_two_initramfs_the_ids_of_their_media_do_not_count(tmp_path: Path) -> None:
    one = digest(tmp_path, with_id(b"made" * 9, "0123456789abcdef" * 2, mtime=7))
    assert one == digest(tmp_path, with_id(b"made" * 9, "f" * 32, mtime=1_750_170_600))
    assert one != digest(tmp_path, with_id(b"mad." * 9, "f" * 32, mtime=7))
    kernel = "live/vmlinuz-6.12"
    assert digest(tmp_path, with_id(b"made", "e" * 32, mtime=7), kernel) != digest(
        tmp_path, with_id(b"made", "f" * 32, mtime=7), kernel
    )


@pytest.mark.parametrize("content", [b"", b"short", b"070701" * 100])
def test_of_an_initramfs_without_an_id_every_byte_counts(tmp_path: Path, content: bytes) -> None:
    assert digest(tmp_path, content) == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({medium.SQUASHFS: b"no squashfs at all"}, f"{medium.SQUASHFS}: it is not a squashfs"),
        ({medium.SQUASHFS: b"hs"}, f"{medium.SQUASHFS}: it is not a squashfs"),
        ({medium.LIVE_SQUASHFS: b"hsqz"}, f"{medium.LIVE_SQUASHFS}: it is not a squashfs"),
        ({medium.SQUASHFS: squashfs(4)}, "lists 3 files, its superblock says 4"),
        ({medium.LIVE_SQUASHFS: squashfs(5)}, f"{medium.LIVE_SQUASHFS}: it lists 4 files"),
    ],
)
def test_an_iso_that_is_none_of_ours_is_refused(
    tmp_path: Path, changed: Mapping[str, bytes], reason: str
) -> None:
    with pytest.raises(VerificationError, match="The ISO cannot be read") as caught:
        listed(tmp_path, {**USUAL, **changed})
    assert reason in str(caught.value)


def test_a_layer_that_is_cut_off_is_named(tmp_path: Path) -> None:
    with pytest.raises(VerificationError, match=f"{medium.LIVE_SQUASHFS}: it is truncated"):
        listed(tmp_path, streams={**STREAMS, medium.LIVE_SQUASHFS: ROOT})


@pytest.mark.parametrize(
    ("report", "reason"),
    [
        ("File data lba:  0 , 2 , 1 , 9 , '/x'", f"{medium.SQUASHFS}: it is not there"),
        (
            "\n".join(
                f"File data lba:  {piece} , {start} , 1 , 5000 , '/{medium.SQUASHFS}'"
                for piece, start in ((0, 2), (1, 7))
            ),
            f"{medium.SQUASHFS}: it is fragmented",
        ),
        ("File data lba:  0 , 900 , 1 , 9 , '/live/vmlinuz-6'", "live/vmlinuz-6: it is truncated"),
        ("File data lba:  0 , 2 , 1 , 9 , '/x", "No closing quotation"),
    ],
)
def test_an_iso_whose_files_lie_strangely_is_refused(
    tmp_path: Path, report: str, reason: str
) -> None:
    iso = tmp_path / "medium.iso"
    disc = Disc(iso, USUAL, STREAMS)
    disc.report = report
    with pytest.raises(VerificationError, match="The ISO cannot be read") as caught:
        iso_rows(iso, system=disc)
    assert reason in str(caught.value)


def test_the_text_of_what_a_layer_has_below_etc_is_carried(tmp_path: Path) -> None:
    live = listed(tmp_path).live
    assert live is not None
    assert [row.text for row in live if isinstance(row, Entry)] == ["ab", None]
