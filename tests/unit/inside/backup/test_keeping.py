"""A snapshot is made when the tree is whole and on the disk, with a number that readers know."""

from pathlib import Path

import pytest

from builder.basics.errors import StepError
from builder.inside.backup import backing_up, keeping
from builder.inside.backup.cache import Cache
from builder.inside.backup.keeping import keep, next_number
from builder.inside.backup.records import Record
from builder.inside.source.unfinished import is_unfinished, mark
from tests.support.systems import RecordingSystem

RECORD = Record(now=1_781_700_000, zone=0, distro="Debian 13", kernel="6.12", size=1)
RUN = "0123456789abcdef"


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    rootfs = tmp_path / ".rootfs_cache"
    (rootfs / ".snapshots").mkdir(parents=True)
    return Cache(base=tmp_path, rootfs=rootfs, snapshots=rootfs / ".snapshots")


@pytest.fixture(autouse=True)
def no_btrfs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "snapshot_read_only", lambda *_words, **_named: None)


def test_the_next_number_is_after_the_highest(cache: Cache) -> None:
    assert next_number(cache.snapshots) == 1
    for name in ("3", "11", "@2026-06-17_14:30", "1000000000"):
        (cache.snapshots / name).mkdir()
    assert keep(cache, RECORD, run=RUN, system=RecordingSystem()) == 12
    assert "<num>12</num>" in (cache.snapshots / "12/info.xml").read_text()


def test_a_number_that_no_reader_knows_is_not_given(cache: Cache) -> None:
    (cache.snapshots / "999999999").mkdir()
    with pytest.raises(StepError, match="No number is free") as caught:
        keep(cache, RECORD, run=RUN, system=RecordingSystem())
    assert "999999999" in caught.value.advice
    assert [each.name for each in cache.snapshots.iterdir()] == ["999999999"]


@pytest.mark.parametrize("kind", ["folder", "file", "link"])
def test_what_is_made_there_meanwhile_is_not_replaced(
    cache: Cache, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Snapper makes an empty folder first, and rename(2) would put ours in its place."""
    usual = keeping.next_number
    made: list[Path] = []

    def late(snapshots: Path) -> int:
        number = usual(snapshots)
        place = snapshots / str(number)
        if not made:
            made.append(place)
            match kind:
                case "folder":
                    place.mkdir()
                case "file":
                    place.touch()
                case _:
                    place.symlink_to("nowhere")
        return number

    monkeypatch.setattr(keeping, "next_number", late)
    assert keep(cache, RECORD, run=RUN, system=RecordingSystem()) == 2
    assert not (made[0] / "info.xml").exists()
    assert (cache.snapshots / "2/info.xml").exists()


def test_the_mark_stays_until_the_tree_is_on_the_disk(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark(cache.rootfs, now=1)
    marked_at: list[tuple[tuple[str, ...], bool]] = []

    class Watched(RecordingSystem):
        def run(self, argv, **_named):  # type: ignore[no-untyped-def]
            marked_at.append((tuple(argv), is_unfinished(cache.rootfs)))
            return ""

    monkeypatch.setattr(backing_up, "keep", lambda *_words, **_named: 1)
    request = type("Request", (), {"run": RUN})()
    backing_up._kept(request, cache, RECORD, system=Watched())
    assert marked_at == [(("btrfs", "filesystem", "sync", str(cache.rootfs)), True)]
    assert not is_unfinished(cache.rootfs)
