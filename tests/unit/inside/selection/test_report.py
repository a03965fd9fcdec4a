"""What was left out and what stayed is told by size and rule."""

import json
from pathlib import Path

import pytest
import yaml

from builder.basics.rsync_patterns import literal
from builder.border.privacy import LeftOut, Stayed
from builder.inside.selection import report
from builder.inside.selection.notes import left_out_notes, stayed_notes
from builder.inside.selection.source_tree import source_tree
from builder.inside.tree.survey import survey_tree
from tests.support.machines import RecordingSystem
from tests.support.staging import stage_step
from tests.support.trees import make_system, put

_MEBIBYTE = 1 << 20


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = make_system(tmp_path / "source")
    put(root, "etc/passwd", "root:x:0:0::/root:/bin/sh\nbob:x:1000:1000::/opt/bob:/bin/sh\n")
    put(root, "etc/crypttab", "data UUID=1 /opt/disk luks\n")
    for path in ("srv/a/x", "srv/a/y", "opt/bob/diary", "opt/disk", "etc/x.bak", "boot/x",
                 "home/alice/x", "var/lib/app/db", "mine/x", "opt/big/x", "tmp/x"):  # fmt: skip
        put(root, path, "x" * 5000)
    put(root, "etc/closed", "x").chmod(0o600)
    return root


def left_out(
    root: Path, *, exclude: tuple[str, ...] = (), keep: tuple[str, ...] = ()
) -> dict[str, LeftOut]:
    tree = source_tree(root, exclude=exclude, keep=keep)
    return {each.path: each for each in report.left_out_report(tree, survey_tree(tree))}


@pytest.mark.parametrize("keep", [(), ("/srv/none/x", "/opt/bob/none", "/mine/none/x")])
def test_each_path_has_the_rule_that_left_it_out(root: Path, keep: tuple[str, ...]) -> None:
    found = {path: each.rule for path, each in left_out(root, exclude=("/opt/big",), keep=keep)
             .items()}  # fmt: skip
    expected = {
        "/opt/big": "excluded", "/opt/disk": "named-secret", "/opt/bob": "home",
        "/etc/x.bak": "older-copy", "/etc/closed": "closed", "/boot/x": "boot-files",
        "/home/alice": "not-copied", "/tmp/x": "not-copied", "/srv/a": "data", "/mine": "data",
        "/var/lib/app": "data",
    }  # fmt: skip
    if keep:
        del expected["/opt/bob"], expected["/mine"]
        expected |= {"/opt/bob/diary": "home", "/mine/x": "data"}
    assert found.items() >= expected.items()
    assert "" not in found.values()


def test_sizes_and_entries_are_counted(root: Path) -> None:
    (root / "srv/a/link").hardlink_to(root / "srv/a/x")
    (root / "srv/a/out").symlink_to("/usr")
    found = left_out(root)["/srv/a"]
    assert (found.size, found.entries, found.whole) == (10_000, 5, True)


def test_a_file_with_names_in_several_paths_counts_once(root: Path) -> None:
    for name in ("srv/b/same", "srv/c/same", "opt/app/one", "opt/app/two", "opt/tool/three"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        first = "srv/a/x" if name.startswith("srv") else "opt/big/x"
        (root / name).hardlink_to(root / first)
    found = left_out(root)
    assert [found[f"/srv/{name}"].size for name in "abc"] == [10_000, 0, 0]
    tree = source_tree(root, exclude=(), keep=())
    assert [(each.path, each.size) for each in report.stayed_report(tree, survey_tree(tree))] == [
        ("/opt/app", 5000), ("/opt/big", 0), ("/opt/tool", 0),
    ]  # fmt: skip


def test_counting_ends(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "_MOST_EACH", 3)
    for number in range(9):
        put(root, f"srv/many/{number}", "x")
    found = left_out(root)
    assert (found["/srv/many"].entries, found["/srv/many"].whole) == (3, False)
    assert found["/srv/a"].whole
    monkeypatch.setattr(report, "_MOST", 2)
    assert not all(each.whole for each in left_out(root).values())


def test_programs_that_stayed_are_listed_by_size(root: Path) -> None:
    put(root, "opt/app/bin/app", "x" * 7000)
    put(root, "opt/app/lib", "x" * 1000)
    put(root, "usr/local/bin/tool", "x" * 10)
    (root / "opt/empty/dir").mkdir(parents=True)
    (root / "optional").mkdir()
    tree = source_tree(root, exclude=("/opt/big",), keep=())
    assert report.stayed_report(tree, survey_tree(tree)) == (
        Stayed(path="/opt/app", size=8000, entries=4),
        Stayed(path="/usr/local", size=10, entries=3),
    )


def told(*found: tuple[str, str, int]) -> list[str]:
    rows = [LeftOut(path=path, rule=rule, size=size * _MEBIBYTE, entries=1)
            for path, rule, size in found]  # fmt: skip
    return [each.message.format(**dict(each.values)) for each in left_out_notes(rows)]


def test_the_largest_are_named_with_how_to_take_them() -> None:
    notes = told(
        ("/home/alice", "not-copied", 9), ("/proc/x", "not-copied", 99), ("/tmp/x", "excluded", 99),
        ("/var/lib/mysql/ibdata1", "data", 3), ("/var/lib/mysql/db", "data", 4),
        ("/var/log/syslog", "data", 2), ("/srv/a", "data", 1), ("/srv/b", "data", 5),
        ("/etc/small", "closed", 0), ("/data", "data", 1), ("/etc/x.bak", "older-copy", 1),
    )  # fmt: skip
    assert notes[0] == "Data of people and services is left out: 26.0 MiB"
    assert [note.split(" ")[0] for note in notes[1:]] == [
        "/home", "/var/lib/mysql", "/srv", "/var/log", "/data",
    ]  # fmt: skip
    assert notes[2] == (
        "/var/lib/mysql (7.0 MiB) is left out; `keep: [/var/lib/mysql]` in build.yaml takes it"
    )
    assert told(("/proc/x", "not-copied", 99)) == []


def test_programs_are_named_with_how_to_leave_them_out() -> None:
    found = [Stayed(path=f"/opt/{size}", size=size * _MEBIBYTE, entries=1) for size in range(9)]
    notes = [each.message.format(**dict(each.values)) for each in stayed_notes(found)]
    assert len(notes) == 5
    assert notes[0] == (
        "/opt/8 (8.0 MiB) comes along; `exclude: [/opt/8]` in build.yaml leaves it out"
    )


@pytest.mark.parametrize("name", ["my data", "a, b", "it's", "a: #b", "[x]*?", '"', "ö"])
def test_any_place_can_be_copied_into_the_config(name: str) -> None:
    path = f"/{name}"
    (_total, note) = told((path, "data", 2))
    _before, setting, _after = note.split("`")
    assert yaml.safe_load(setting) == {"keep": [literal(path)]}


def test_the_step_writes_the_list(root: Path, tmp_path: Path) -> None:
    put(root, "srv/large", "x" * 2 * _MEBIBYTE)
    step = stage_step(root, tmp_path / "root", rules=source_tree(root, exclude=(), keep=()).rules)
    system = RecordingSystem()
    step.run(system)
    listed = {each["path"]: each for each in json.loads(step.left_out.read_text())}
    assert listed["/srv/large"]["size"] == 2 * _MEBIBYTE
    assert any("`keep: [/srv]`" in note for note in system.notes)
