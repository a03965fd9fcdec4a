"""The host's side of the demo cache, and the table of planted data."""

import hashlib
import io
import json
import tarfile
from collections import Counter
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from builder.inside.rules import RULES
from builder.inside.tree.excludes import EXCLUDES
from fixtures.demo import is_whole
from fixtures.demo_cache import RECIPE, Parts, code_archive, copy_sparse

_BLOCK = 64 * 1024


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"short",
        bytes(_BLOCK),
        bytes(3 * _BLOCK) + b"end",
        b"start" + bytes(5 * _BLOCK),
        bytes(_BLOCK) + b"x" * _BLOCK + bytes(2 * _BLOCK + 17),
    ],
)
def test_a_sparse_copy_reads_the_same(tmp_path: Path, content: bytes) -> None:
    copy = tmp_path / "copy"
    with copy.open("wb") as target:
        copy_sparse(io.BytesIO(content), target)
    assert copy.read_bytes() == content


def test_a_sparse_copy_takes_no_space_for_zeros(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    with copy.open("wb") as target:
        copy_sparse(io.BytesIO(bytes(64 * _BLOCK) + b"end"), target)
    assert copy.stat().st_blocks * 512 <= 2 * _BLOCK


def test_the_recipe_gets_our_code_for_containers_and_nothing_of_the_hosts() -> None:
    with tarfile.open(fileobj=io.BytesIO(code_archive())) as archive:
        names = archive.getnames()
    assert "opt/distroclone-builder/builder/inside/backup/backing_up.py" in names
    assert not [name for name in names if "/host/" in name]


@pytest.mark.parametrize("size", [1, 511, 4096, 10**6])
def test_an_archive_that_comes_in_parts_of_any_size_is_read(size: int) -> None:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        member = tarfile.TarInfo("cache.img")
        member.size = 5000
        archive.addfile(member, io.BytesIO(b"12345" * 1000))
    whole = written.getvalue()
    parts = (whole[start : start + size] for start in range(0, len(whole), size))
    with tarfile.open(fileobj=Parts(parts), mode="r|") as archive:
        content = archive.extractfile(next(iter(archive)))
        assert content is not None
        assert content.read() == b"12345" * 1000


def test_every_planted_thing_has_a_marker_of_its_own_and_says_what_it_is() -> None:
    planted = json.loads((RECIPE / "planted.json").read_text())["planted"]
    subordinate = "alice:100000:65536"  # useradd gives both files the same line
    markers = [entry["marker"] for entry in planted if entry["marker"] != subordinate]
    assert len(set(markers)) == len(markers)
    assert not [one for one in markers for other in markers if one != other and one in other]
    assert all(entry["what"] and not entry["path"].startswith("/") for entry in planted)


def test_at_least_sixty_things_of_all_kinds_are_planted_where_no_rule_names_them() -> None:
    planted = json.loads((RECIPE / "planted.json").read_text())["planted"]
    named = [pattern for rule in RULES for pattern in (*rule.removes, *rule.empties)]
    named += [row.pattern for row in EXCLUDES]
    kinds = Counter(
        entry["kind"]
        for entry in planted
        if "kind" in entry
        and not any(fnmatchcase(f"/{entry['path']}", pattern) for pattern in named)
    )
    assert kinds.total() >= 60
    assert min(kinds.values()) >= 3
    assert len(kinds) >= 7


def make_results(folder: Path) -> Path:
    folder.mkdir()
    (folder / "Demo.iso").write_bytes(b"iso")
    digest = hashlib.sha256(b"iso").hexdigest()
    (folder / "SHA256SUMS").write_text(f"{digest}  Demo.iso\n")
    record = folder.with_name("made-from.json")
    record.write_text("the plan")
    return record


def test_the_demo_takes_results_of_the_same_plan_as_they_are(tmp_path: Path) -> None:
    record = make_results(tmp_path / "iso")
    assert is_whole(tmp_path / "iso", record=record, plan="the plan")


@pytest.mark.parametrize("fault", ["damaged", "missing", "no sums", "other plan", "no record"])
def test_the_demo_builds_again_when_anything_differs(tmp_path: Path, fault: str) -> None:
    record = make_results(tmp_path / "iso")
    match fault:
        case "damaged":
            (tmp_path / "iso/Demo.iso").write_bytes(b"isn't")
        case "missing":
            (tmp_path / "iso/Demo.iso").unlink()
        case "no sums":
            (tmp_path / "iso/SHA256SUMS").unlink()
        case "other plan":
            record.write_text("another plan")
        case _:
            record.unlink()
    assert not is_whole(tmp_path / "iso", record=record, plan="the plan")
