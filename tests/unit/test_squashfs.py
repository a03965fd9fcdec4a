"""The squashfs command, its progress, and the list of packages beside it."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from builder.compression import DISTROCLONE, PRESETS, mksquashfs_options, parse_compression
from builder.host.session import MEMORY
from builder.inside.steps.squashfs import SquashfsStep, squashfs_progress


def step(root: Path = Path("/work/root"), preset: str = "fast") -> SquashfsStep:
    return SquashfsStep(
        root=root,
        target=Path("/work/iso/live/filesystem.squashfs"),
        packages=Path("/work/iso/live/filesystem.packages"),
        groups=Path("/work/groups"),
        compression={**PRESETS, **DISTROCLONE}[preset],
        size=lambda: 0,
        source_date_epoch=1_750_170_600,
    )


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_the_command_fails_on_reading_errors_and_keeps_only_capabilities(preset: str) -> None:
    argv = step(preset=preset).argv()
    assert argv[:6] == [
        "mksquashfs", "/work/root", "/work/iso/live/filesystem.squashfs",
        "-noappend", "-exit-on-error", "-percentage",
    ]  # fmt: skip
    rest = argv[argv.index("-xattrs-include") :]
    assert rest == [
        "-xattrs-include", r"^security\.capability$",
        "-action-file", "/work/groups",
        *mksquashfs_options(PRESETS[preset]),
    ]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What a machine and a tree come to."""

    groups: int
    processors: int
    queue: int  # MiB
    threads: int
    block: str = "1M"


@pytest.mark.parametrize(
    "share",
    [
        Share(groups=0, processors=2, queue=33, threads=2),
        Share(groups=0, processors=64, queue=33, threads=39),  # no more threads than fit
        Share(groups=300, processors=2, queue=333, threads=2),
        Share(groups=300, processors=64, queue=333, threads=29),
        Share(groups=900, processors=64, queue=933, threads=7),
        Share(groups=900, processors=64, queue=145, threads=35, block="128K"),
    ],
)
def test_each_group_has_its_block_in_memory_and_the_threads_share_the_rest(
    share: Share, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: set(range(share.processors)))
    (tmp_path / "groups").write_text("fragment(group)@subpathname(x)\n" * share.groups)
    compression = parse_compression(f"zstd,level=9,block={share.block}")
    argv = replace(step(), groups=tmp_path / "groups", compression=compression).argv()
    told = {word: argv[at + 1] for at, word in enumerate(argv) if "queue" in word or "proc" in word}
    assert told["-fragment-queue"] == str(share.queue)
    assert told["-processors"] == str(share.threads)
    queues = sum(int(size) for word, size in told.items() if "queue" in word)
    assert queues + 28 * share.threads + 200 < MEMORY >> 20


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
