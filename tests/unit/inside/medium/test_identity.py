"""The medium's id, what is derived from it, and the archive that carries it."""

import dataclasses
import re
import uuid
from pathlib import Path

import pytest

from builder.formats.recipe import BootSettings, Recipe
from builder.host.config.compression_text import PRESETS
from builder.inside.medium.identity import MediumId, medium_id, read_medium_id, write_medium_id
from builder.inside.medium.initrd_extra import gap_after, newc_archive
from builder.inside.system.digests import FileDigest

RECIPE = Recipe(compression=PRESETS["fast"])
PARTS = {
    "live/filesystem.squashfs": FileDigest(size=10, sha256="a" * 64),
    "live/vmlinuz-6.1": FileDigest(size=20, sha256="b" * 64),
}
EPOCH = 1_750_170_600  # 2025-06-17


def test_the_id_is_the_same_for_the_same_content_in_any_order() -> None:
    backwards = dict(reversed(PARTS.items()))
    assert medium_id(parts=PARTS, recipe=RECIPE) == medium_id(parts=backwards, recipe=RECIPE)


@pytest.mark.parametrize(
    ("parts", "recipe"),
    [
        ({**PARTS, "live/vmlinuz-6.1": FileDigest(size=20, sha256="c" * 64)}, RECIPE),
        ({**PARTS, "live/initrd.img-6.1": FileDigest(size=1, sha256="d" * 64)}, RECIPE),
        (PARTS, dataclasses.replace(RECIPE, boot=BootSettings(timeout_seconds=6))),
    ],
)
def test_the_id_changes_with_any_part_and_with_the_recipe(
    parts: dict[str, FileDigest], recipe: Recipe
) -> None:
    assert medium_id(parts=parts, recipe=recipe) != medium_id(parts=PARTS, recipe=RECIPE)


def test_the_id_confirms_no_guess_at_a_private_setting() -> None:
    recipe = dataclasses.replace(RECIPE, exclude=("/srv/acme",))
    assert medium_id(parts=PARTS, recipe=recipe) == medium_id(parts=PARTS, recipe=RECIPE)


def test_ids_derived_from_it_have_the_forms_that_tools_take() -> None:
    identity = medium_id(parts=PARTS, recipe=RECIPE)
    assert re.fullmatch(r"[0-9a-f]{32}", identity.text)
    assert re.fullmatch(r"[0-9a-f]{8}", identity.fat_serial)
    assert uuid.UUID(identity.guid).version == 5


@pytest.mark.parametrize("text", ["0" * 32, "f" * 32, "0123456789abcdef" * 2])
def test_the_volume_date_is_a_real_time_on_the_day_of_the_snapshot(text: str) -> None:
    date = MediumId(text=text).volume_date(EPOCH)
    found = re.fullmatch(r"20250617(\d\d)(\d\d)(\d\d)(\d\d)", date)
    assert found
    hour, minute, second, _hundredths = map(int, found.groups())
    assert hour < 24
    assert minute < 60
    assert second < 60


def test_two_media_of_one_day_have_different_volume_dates() -> None:
    dates = {MediumId(text=f"{number:032x}").volume_date(EPOCH) for number in range(1000)}
    assert len(dates) == 1000


def test_the_id_is_written_for_grub_and_for_live_boot(tmp_path: Path) -> None:
    identity = medium_id(parts=PARTS, recipe=RECIPE)
    write_medium_id(tmp_path, identity)
    assert read_medium_id(tmp_path) == identity
    assert (tmp_path / f".disk/distroclone-builder-{identity.text}").is_file()
    assert (tmp_path / ".disk/live-uuid").read_text() == f"{identity.text}\n"


@pytest.mark.parametrize("size", range(8))
def test_an_archive_after_an_initrd_begins_aligned_after_zeros(size: int) -> None:
    gap = gap_after(size)
    assert (size + len(gap)) % 4 == 0
    assert len(gap) >= 4
    assert not any(gap)


def test_the_archive_is_newc_with_folders_first_and_aligned_members() -> None:
    archive = newc_archive({"conf/uuid.conf": b"abc\n"}, mtime=EPOCH)
    assert members(archive) == [
        ("conf", 0o040755, b""),
        ("conf/uuid.conf", 0o100644, b"abc\n"),
        ("TRAILER!!!", 0, b""),
    ]


def members(archive: bytes) -> list[tuple[str, int, bytes]]:
    """Read newc by the kernel's rules, not by the writer's code."""
    found, place = [], 0
    while place < len(archive):
        assert archive[place : place + 6] == b"070701"
        fields = [
            int(archive[place + 6 + 8 * index : place + 14 + 8 * index], 16) for index in range(13)
        ]
        mode, size, name_size = fields[1], fields[6], fields[11]
        name = archive[place + 110 : place + 110 + name_size - 1].decode()
        start = (place + 110 + name_size + 3) & ~3
        found.append((name, mode, archive[start : start + size]))
        place = (start + size + 3) & ~3
    assert place == len(archive)
    return found
