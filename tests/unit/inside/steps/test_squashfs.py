"""The squashfs command, its progress, and the list of packages beside it."""

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from builder.host.config.compression_text import DISTROCLONE, PRESETS
from builder.inside.blocks.mksquashfs import mksquashfs_options
from builder.inside.blocks.store import BlockCache
from builder.inside.steps.squashfs import SquashfsStep, squashfs_progress
from tests.support.machines import RecordingSystem


def step(root: Path = Path("/work/root"), preset: str = "fast") -> SquashfsStep:
    return SquashfsStep(
        root=root,
        target=Path("/work/iso/live/filesystem.squashfs"),
        packages=Path("/work/iso/live/filesystem.packages"),
        groups=Path("/work/groups"),
        compression={**PRESETS, **DISTROCLONE}[preset],
        size=lambda: 0,
    )


@pytest.mark.parametrize("preset", sorted(PRESETS))
@pytest.mark.parametrize(("processors", "used"), [(2, "2"), (64, "20")])
def test_the_command_fails_on_reading_errors_and_keeps_only_capabilities(
    preset: str, processors: int, used: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: set(range(processors)))
    assert step(preset=preset).argv() == [
        "mksquashfs", "/work/root", "/work/iso/live/filesystem.squashfs",
        "-noappend", "-exit-on-error", "-percentage",
        "-mem", "512M", "-processors", used,
        "-xattrs-include", r"^security\.capability$",
        *mksquashfs_options(PRESETS[preset]),
        "-action-file", "/work/groups",
    ]  # fmt: skip


@pytest.mark.parametrize(("read_only", "writes"), [(True, set()), (False, {"store"})])
@pytest.mark.parametrize("preset", ["fast", "distroclone-fast"])
def test_it_sees_the_tree_its_result_and_the_store(
    tmp_path: Path, preset: str, writes: set[str], *, read_only: bool
) -> None:
    for name in ("root/var/lib/dpkg", "store"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "root/var/lib/dpkg/status").touch()
    cache = BlockCache(folder=tmp_path / "store", counts=tmp_path / "counts", read_only=read_only)
    made = dataclasses.replace(
        step(tmp_path / "root", preset),
        target=tmp_path / "iso/filesystem.squashfs",
        packages=tmp_path / "iso/packages",
        groups=tmp_path / "groups",
        block_cache=cache,
    )
    system = RecordingSystem()
    made.run(system)
    (sight,) = system.sights
    assert tmp_path / "root" in sight.reads
    assert {path.name for path in sight.writes} == {"iso", "counts", *writes}
    assert all(path.exists() for path in (*sight.reads, *sight.writes))


@pytest.mark.parametrize("not_stored", [0, 3])
def test_blocks_that_could_not_be_kept_are_only_told_where_there_are_any(
    tmp_path: Path, not_stored: int
) -> None:
    for name in ("root/var/lib/dpkg", "store", "iso"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "root/var/lib/dpkg/status").touch()
    counts = tmp_path / "counts"

    def packed(_argv: Sequence[str]) -> str:
        counts.write_text(
            "hits 9\nmisses 3\nhit_bytes 9\nmiss_bytes 3\ndamaged 0\nstored_bytes 3\n"
            f"not_stored {not_stored}\n"
        )
        return ""

    system = RecordingSystem(packed)
    dataclasses.replace(
        step(tmp_path / "root"),
        target=tmp_path / "iso/filesystem.squashfs",
        packages=tmp_path / "iso/packages",
        groups=tmp_path / "groups",
        block_cache=BlockCache(folder=tmp_path / "store", counts=counts),
    ).run(system)
    told = [note for note in system.notes if "could not be kept" in note]
    assert len(told) == bool(not_stored)
    assert any("75 % of 12 blocks reused" in note for note in system.notes)


@pytest.mark.parametrize("preset", sorted(DISTROCLONE))
def test_the_presets_of_distroclone_pack_without_groups(preset: str) -> None:
    assert "-action-file" not in step(preset=preset).argv()


def test_the_command_sets_no_time_because_source_date_epoch_does() -> None:
    # mksquashfs refuses both together; -all-root would change every owner.
    forbidden = {"-mkfs-time", "-all-time", "-root-time", "-all-root", "-no-xattrs"}
    assert not forbidden & set(step().argv())


# "100" and the texts are from a run of 4.6.1; the other numbers are made up in its form.
@pytest.mark.parametrize(
    ("line", "fraction"),
    [
        ("0", 0.0),
        ("7", 0.07),
        ("42", 0.42),
        ("100", 1.0),
        ("101", None),
        ("", None),
        ("Parallel mksquashfs: Using 2 processors", None),
        ("\t99.72% of uncompressed filesystem size (29453.23 Kbytes)", None),
        ("Number of inodes 6", None),
        ("\t duplicates are removed", None),
    ],
)
def test_progress_is_read_from_bare_numbers(line: str, fraction: float | None) -> None:
    assert squashfs_progress(line) == fraction
