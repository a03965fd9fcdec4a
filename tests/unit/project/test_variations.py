"""The matrix of variations is whole, its page tells the truth, and its comparison can fail."""

import json
import os
import re
from collections import Counter
from pathlib import Path

import pytest

from tests.support.comparison import difference
from tests.support.shuffled_copy import shuffled_copy
from tests.support.variations import ALL_TOGETHER, ALONE, BY_NAME, QUICK, VARIATIONS

PROJECT = Path(__file__).parents[3]
PAGE = PROJECT / "docs/reproducibility.md"
COMBINED = (*QUICK, *ALL_TOGETHER)


def rows(heading: str) -> list[list[str]]:
    """Return the rows of the first table below a heading of the page."""
    section = PAGE.read_text("utf-8").split(f"\n{heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_every_variation_is_in_one_of_the_builds_of_every_run() -> None:
    tried = Counter(name for names in QUICK for name in names)
    assert set(tried) == set(BY_NAME) - set(ALONE)
    assert set(tried.values()) == {1}


def test_every_variation_is_in_a_build_with_all_that_fit_together() -> None:
    assert {name for names in ALL_TOGETHER for name in names} == set(BY_NAME) - set(ALONE)


@pytest.mark.parametrize("names", COMBINED, ids=lambda names: names[0])
def test_no_build_has_two_variations_of_the_same_thing(names: tuple[str, ...]) -> None:
    slots = Counter(BY_NAME[name].slot for name in names if BY_NAME[name].slot)
    assert set(slots.values()) <= {1}


def test_the_page_shows_every_variation_and_where_it_is_tried() -> None:
    shown = [tuple(row[:4]) for row in rows("## The matrix")]
    assert shown == [
        (
            each.name,
            each.what,
            each.proof,
            ", ".join(str(number) for number, names in enumerate(QUICK, 1) if each.name in names)
            or "tried",
        )
        for each in VARIATIONS
    ]


def test_the_page_says_of_every_variation_what_came_of_it() -> None:
    verdicts = {row[0]: row[-1] for row in rows("## The matrix")}
    assert set(verdicts.values()) <= {"same", "same, on Podman"}
    assert {name for name, said in verdicts.items() if said != "same"} <= set(ALONE)


def folders(tmp_path: Path) -> tuple[Path, Path]:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
        (folder / "a.iso").write_bytes(bytes(5 << 20))
        (folder / "SHA256SUMS").write_text("sums")
        (folder / "a.log").write_text(str(folder))
    return one, other


def test_equal_results_with_other_logs_are_the_same(tmp_path: Path) -> None:
    assert difference(*folders(tmp_path)) is None


@pytest.mark.parametrize("position", [0, 1, 4 << 20, (5 << 20) - 1])
def test_one_other_byte_is_a_difference(tmp_path: Path, position: int) -> None:
    one, other = folders(tmp_path)
    with (other / "a.iso").open("r+b") as file:
        file.seek(position)
        file.write(b"\1")
    assert difference(one, other) == f"a.iso differs from byte {position} on"


def test_a_longer_file_and_another_file_are_differences(tmp_path: Path) -> None:
    one, other = folders(tmp_path)
    with (other / "a.iso").open("ab") as file:
        file.write(b"\0")
    assert difference(one, other) == f"a.iso differs from byte {5 << 20} on"
    (other / "a.sbom.json").touch()
    assert "other files" in str(difference(one, other))


def test_two_empty_folders_are_not_taken_for_equal_builds(tmp_path: Path) -> None:
    assert "nothing" in str(difference(tmp_path, tmp_path))


def test_a_shuffled_copy_has_the_same_links_modes_and_times(tmp_path: Path) -> None:
    source, copy = tmp_path / "source", tmp_path / "copy"
    (source / "a/b").mkdir(parents=True)
    (source / "a/b/file").write_bytes(b"x" * 5000)
    (source / "other name").hardlink_to(source / "a/b/file")
    (source / "link").symlink_to("nowhere")
    os.mkfifo(source / "pipe", 0o620)
    (source / "a").chmod(0o2711)
    for path in (source / "link", source / "pipe", source / "a/b", source / "a", source):
        os.utime(path, ns=(1, 1_750_170_600_123_456_789), follow_symlinks=False)
    shuffled_copy(source, copy)
    assert facts(copy) == facts(source)
    assert (copy / "other name").samefile(copy / "a/b/file")


def facts(root: Path) -> list[tuple[str, int, int, int]]:
    statuses = {path: path.lstat() for path in (root, *root.rglob("*"))}
    return sorted(
        (str(path.relative_to(root)), status.st_mode, status.st_mtime_ns, status.st_nlink)
        for path, status in statuses.items()
    )


def test_the_page_shows_the_digests_of_a_manifest_as_it_is() -> None:
    block = re.search(r"```json\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert block is not None
    assert set(json.loads(block[1])) == {"source", "recipe", "image", "source_date_epoch"}
