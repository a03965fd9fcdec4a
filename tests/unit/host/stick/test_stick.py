"""A file becomes a stick: written, read back, and told to be unusable when that fails."""

import os
from pathlib import Path

import pytest

from builder.basics.errors import HostError, Interrupted, UsageError, VerificationError
from builder.border.events import Event, StepStarted
from builder.host.stick.filesystems import FileSystem
from builder.host.stick.layout import Persistence
from builder.host.stick.stick import StickResult, Wish, prepared, write_stick
from tests.support.sticks import ISO_SIZE, FakeKernel, iso_bytes, make_iso, patched


def written(wish: Wish) -> tuple[StickResult, list[Event]]:
    events: list[Event] = []
    with prepared(wish) as job:
        return write_stick(job, on_event=events.append), events


def steps(events: list[Event]) -> list[tuple[str, int, int]]:
    return [(e.step, e.position, e.total) for e in events if isinstance(e, StepStarted)]


def test_a_new_file_is_the_iso(tmp_path: Path) -> None:
    iso, target = make_iso(tmp_path), tmp_path / "stick.img"
    result, events = written(Wish(iso=iso, target=target))
    assert target.read_bytes() == iso.read_bytes()
    assert result.checked_by == "SHA256SUMS"
    assert result.size == result.written == ISO_SIZE
    assert steps(events) == [("sums", 1, 3), ("stick", 2, 3), ("read-back", 3, 3)]
    assert target.stat().st_mode & 0o777 == 0o666 & ~mask()


def mask() -> int:
    found = os.umask(0)
    os.umask(found)
    return found


def test_a_new_file_of_a_wished_size_is_sparse(tmp_path: Path) -> None:
    target = tmp_path / "stick.img"
    written(Wish(iso=make_iso(tmp_path), target=target, new_size=64 << 20))
    found = target.stat()
    assert found.st_size == 64 << 20
    assert found.st_blocks * 512 < 2 * ISO_SIZE
    assert target.read_bytes()[:ISO_SIZE] == iso_bytes()


def test_an_iso_without_checksum_is_written_and_that_is_told(tmp_path: Path) -> None:
    iso = make_iso(tmp_path, sums=False)
    result, events = written(Wish(iso=iso, target=tmp_path / "stick.img"))
    assert result.checked_by == ""
    assert steps(events) == [("stick", 1, 2), ("read-back", 2, 2)]


def test_an_iso_with_another_checksum_is_not_written(tmp_path: Path) -> None:
    iso, target = make_iso(tmp_path), tmp_path / "stick.img"
    target.write_bytes(b"mine".ljust(ISO_SIZE))
    (tmp_path / "SHA256SUMS").write_text(f"{'0' * 64}  {iso.name}\n")
    with pytest.raises(VerificationError, match="is not the ISO that SHA256SUMS lists") as caught:
        written(Wish(iso=iso, target=target))
    assert target.read_bytes() == b"mine".ljust(ISO_SIZE)
    assert not getattr(caught.value, "__notes__", [])


@pytest.fixture
def old_stick(tmp_path: Path) -> Path:
    """A file that was a stick with another ISO, and has an ext4 in its third partition."""
    path = tmp_path / "old.img"
    content = iso_bytes() + bytes((3 << 20) - 512) + b"EFI PART".ljust(512)
    path.write_bytes(patched(content, 14388 * 512, bytes(1080) + b"\x53\xef" + bytes(966)))
    return path


def test_what_is_on_an_old_stick_is_seen(tmp_path: Path, old_stick: Path) -> None:
    with prepared(Wish(iso=make_iso(tmp_path), target=old_stick)) as job:
        shown = [(part.name, part.size, part.content and part.content.kind) for part in job.old]
    assert shown == [
        ("partition 1", 6132 * 512, "iso9660"),
        ("partition 2", 8192 * 512, None),
        ("partition 3", 307200, "ext2"),
    ]


def test_a_file_system_without_a_table_is_seen(tmp_path: Path) -> None:
    target = tmp_path / "old.img"
    target.write_bytes(b"XFSB".ljust(ISO_SIZE, b"\0"))
    with prepared(Wish(iso=make_iso(tmp_path), target=target)) as job:
        assert [part.content and part.content.kind for part in job.old] == ["xfs"]


def test_an_empty_file_has_nothing_on_it(tmp_path: Path) -> None:
    target = tmp_path / "old.img"
    target.write_bytes(bytes(ISO_SIZE))
    with prepared(Wish(iso=make_iso(tmp_path), target=target)) as job:
        assert job.old == ()


def test_the_marks_of_an_old_stick_are_erased(tmp_path: Path, old_stick: Path) -> None:
    iso = make_iso(tmp_path)
    written(Wish(iso=iso, target=old_stick))
    content = old_stick.read_bytes()
    assert content[:ISO_SIZE] == iso.read_bytes()
    assert b"EFI PART" not in content[ISO_SIZE:]
    assert content[-(1 << 20) :] == bytes(1 << 20)


def test_with_persistence_the_iso_is_followed_by_a_partition(tmp_path: Path) -> None:
    iso, target = make_iso(tmp_path), tmp_path / "stick.img"
    result, _events = written(Wish(iso=iso, target=target, persistence=Persistence(size=64 << 20)))
    assert result.persistence == 64 << 20
    content = target.read_bytes()
    assert content[34 << 10 : ISO_SIZE] == iso.read_bytes()[34 << 10 :]
    with prepared(Wish(iso=iso, target=target)) as job:
        part = job.old[3]
    assert (part.name, part.size) == ("partition 4", 64 << 20)
    assert part.content == FileSystem(kind="ext4", label="persistence")


def test_the_same_wish_gives_the_same_bytes_whatever_was_there(tmp_path: Path) -> None:
    iso, new, old = make_iso(tmp_path), tmp_path / "new.img", tmp_path / "old.img"
    wished = Persistence(size=64 << 20)
    written(Wish(iso=iso, target=new, persistence=wished))
    old.write_bytes(bytes(new.stat().st_size))
    written(Wish(iso=iso, target=old, persistence=wished))
    assert new.read_bytes() == old.read_bytes()


def test_a_second_stick_without_persistence_has_none_left(tmp_path: Path) -> None:
    iso, target = make_iso(tmp_path), tmp_path / "stick.img"
    written(Wish(iso=iso, target=target, persistence=Persistence(size=64 << 20)))
    written(Wish(iso=iso, target=target))
    content = target.read_bytes()
    assert content[:ISO_SIZE] == iso.read_bytes()
    assert not any(content[8 << 20 : 9 << 20])
    assert b"EFI PART" not in content[ISO_SIZE:]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (".", "is neither a disk nor a file"),
        ("none/stick.img", "There is no folder .*/none for .*stick.img"),
        ("Demo-1.iso/stick.img", "cannot be opened: Not a directory"),
        ("x" * 300, "cannot be opened: File name too long"),
        ("pipe", "is neither a disk nor a file"),
    ],
)
def test_what_is_no_place_for_a_stick_is_refused(tmp_path: Path, name: str, reason: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match=reason):
        written(Wish(iso=make_iso(tmp_path), target=tmp_path / name))


def test_a_device_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no device /dev/no-such-stick"):
        written(Wish(iso=make_iso(tmp_path), target=Path("/dev/no-such-stick")))


def test_an_iso_is_not_written_to_itself(tmp_path: Path) -> None:
    iso = make_iso(tmp_path)
    (tmp_path / "link").symlink_to(iso)
    with pytest.raises(UsageError, match="cannot be written to itself") as caught:
        written(Wish(iso=iso, target=tmp_path / "link"))
    assert "First the ISO, then where it shall go" in caught.value.advice


def test_a_size_is_for_a_new_file_only(tmp_path: Path, old_stick: Path) -> None:
    with pytest.raises(UsageError, match="is there already, and --size is for a new file"):
        written(Wish(iso=make_iso(tmp_path), target=old_stick, new_size=1 << 30))


def test_an_empty_file_is_too_small_and_stays(tmp_path: Path) -> None:
    target = tmp_path / "stick.img"
    target.touch()
    with pytest.raises(HostError, match=r"The stick has 0 B, and 7\.3 MiB is needed"):
        written(Wish(iso=make_iso(tmp_path), target=target))
    assert target.stat().st_size == 0


def test_a_new_file_of_no_size_is_refused(tmp_path: Path) -> None:
    target = tmp_path / "stick.img"
    with pytest.raises(HostError, match=r"has 0 B, and 7\.3 MiB is needed") as caught:
        written(Wish(iso=make_iso(tmp_path), target=target, new_size=0))
    assert "For a new file, give a larger --size, or leave it out" in caught.value.advice
    assert not target.exists()


@pytest.mark.parametrize("size", [0, 1 << 20])
def test_a_partition_that_is_too_small_is_refused(tmp_path: Path, size: int) -> None:
    wish = Wish(
        iso=make_iso(tmp_path),
        target=tmp_path / "stick.img",
        persistence=Persistence(size=size),
    )
    with pytest.raises(UsageError, match=r"has from 64\.0 MiB to .*, not ") as caught:
        written(wish)
    assert "Give a size between these, or `rest`" in caught.value.advice


@pytest.mark.parametrize("new", [True, False])
def test_what_is_too_small_is_refused(tmp_path: Path, *, new: bool) -> None:
    target = tmp_path / "stick.img"
    if not new:
        target.write_bytes(bytes(1 << 20))
    wish = Wish(iso=make_iso(tmp_path), target=target, new_size=1 << 20 if new else None)
    with pytest.raises(HostError, match=r"The stick has 1\.0 MiB, and 7\.3 MiB is needed"):
        written(wish)
    assert target.exists() is not new


def test_a_file_that_is_attached_to_a_loop_device_is_in_use(
    tmp_path: Path, old_stick: Path
) -> None:
    kernel = FakeKernel(tmp_path / "kernel")
    file = str(old_stick.resolve())
    kernel.add("loop3", number="7:3", above="virtual", files={"loop/backing_file": file})
    wish = Wish(iso=make_iso(tmp_path), target=old_stick)
    with (
        pytest.raises(HostError, match="is in use as loop3"),
        prepared(wish, root=kernel.root),
    ):
        pass


def test_a_stick_that_is_being_written_is_in_use(tmp_path: Path, old_stick: Path) -> None:
    wish = Wish(iso=make_iso(tmp_path), target=old_stick)
    with (
        prepared(wish),
        pytest.raises(HostError, match=r"old\.img is in use by another program"),
        prepared(wish),
    ):
        pass


class Stopped:
    """Ends the writing at a step's progress."""

    def __init__(self, step: str) -> None:
        self.step = step

    def __call__(self, event: Event) -> None:
        if getattr(event, "step", "") == self.step and hasattr(event, "fraction"):
            raise Interrupted("Interrupted by {signal}", signal="SIGINT")


def test_a_stick_that_was_not_finished_is_told_to_be_unusable(
    tmp_path: Path, old_stick: Path
) -> None:
    with (
        prepared(Wish(iso=make_iso(tmp_path), target=old_stick)) as job,
        pytest.raises(Interrupted) as caught,
    ):
        write_stick(job, on_event=Stopped("stick"))
    (note,) = caught.value.__notes__
    assert note.startswith("old.img is unusable now")
    assert old_stick.read_bytes()[: 1 << 20] == bytes(1 << 20)  # nothing starts it


def test_a_stick_that_was_not_compared_is_told_to_be_unknown(
    tmp_path: Path, old_stick: Path
) -> None:
    iso = make_iso(tmp_path)
    with (
        prepared(Wish(iso=iso, target=old_stick)) as job,
        pytest.raises(Interrupted) as caught,
    ):
        write_stick(job, on_event=Stopped("read-back"))
    (note,) = caught.value.__notes__
    assert note.startswith("old.img was written, but whether it kept everything is not known.")
    assert old_stick.read_bytes()[:ISO_SIZE] == iso.read_bytes()


def test_a_new_file_that_was_not_finished_is_gone(tmp_path: Path) -> None:
    target = tmp_path / "stick.img"
    with (
        pytest.raises(Interrupted),
        prepared(Wish(iso=make_iso(tmp_path), target=target)) as job,
    ):
        write_stick(job, on_event=Stopped("read-back"))
    assert not target.exists()


class Spoiling:
    """Changes a byte of a file once it is written."""

    def __init__(self, path: Path, at: int) -> None:
        self.path, self.at = path, at

    def __call__(self, event: Event) -> None:
        if isinstance(event, StepStarted) and event.step == "read-back":
            with self.path.open("r+b") as stream:
                stream.seek(self.at)
                stream.write(b"spoiled")


@pytest.mark.parametrize("at", [100, 4 << 20, ISO_SIZE - 7])
def test_one_other_byte_on_the_stick_is_found(tmp_path: Path, old_stick: Path, at: int) -> None:
    with (
        prepared(Wish(iso=make_iso(tmp_path), target=old_stick)) as job,
        pytest.raises(VerificationError, match=r"does not have what was written to it") as caught,
    ):
        write_stick(job, on_event=Spoiling(old_stick, at))
    assert caught.value.__notes__[0].startswith("old.img is unusable now")


class Rewriting:
    """Changes the ISO between its check and its writing."""

    def __init__(self, iso: Path) -> None:
        self.iso = iso

    def __call__(self, event: Event) -> None:
        if isinstance(event, StepStarted) and event.step == "stick":
            with self.iso.open("r+b") as stream:
                stream.seek(5 << 20)
                stream.write(b"changed")


def test_an_iso_that_changes_meanwhile_is_noticed(tmp_path: Path, old_stick: Path) -> None:
    iso = make_iso(tmp_path)
    with (
        prepared(Wish(iso=iso, target=old_stick)) as job,
        pytest.raises(VerificationError, match="was changed while it was written"),
    ):
        write_stick(job, on_event=Rewriting(iso))


def test_an_iso_that_shrinks_meanwhile_is_noticed(tmp_path: Path, old_stick: Path) -> None:
    iso = make_iso(tmp_path)

    def shrink(event: Event) -> None:
        if isinstance(event, StepStarted) and event.step == "stick":
            os.truncate(iso, 2 << 20)

    with (
        prepared(Wish(iso=iso, target=old_stick)) as job,
        pytest.raises(VerificationError, match="became shorter while it was read"),
    ):
        write_stick(job, on_event=shrink)
