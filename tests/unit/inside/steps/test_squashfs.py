"""The squashfs command, its progress, and the list of packages beside it."""

import os
from pathlib import Path

import pytest

from builder.host.config.compression_text import DISTROCLONE, PRESETS
from builder.inside.blocks.mksquashfs import mksquashfs_options
from builder.inside.steps.squashfs import SquashfsStep, squashfs_progress


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
        "-action-file", "/work/groups",
        *mksquashfs_options(PRESETS[preset]),
    ]  # fmt: skip


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
