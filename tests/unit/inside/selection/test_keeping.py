"""`keep` wins over the rules, too: what it names is neither removed nor emptied."""

import json
import os
from pathlib import Path

import pytest

from builder.inside.rules.rule import truncate
from builder.inside.selection.keeping import keeper
from builder.inside.steps.configure import ConfigureStep
from builder.inside.tree.tree import Tree
from tests.support.machines import CLOCK, RecordingSystem, make_machine
from tests.support.trees import put


def files(root: Path) -> list[str]:
    return sorted(f"/{path.relative_to(root)}" for path in root.rglob("*") if not path.is_dir())


def tree_keeping(root: Path, *keep: str) -> tuple[Tree, list[str]]:
    removed: list[str] = []
    tree = Tree(root, clock=CLOCK, record=lambda _change, path: removed.append(path),
                keeps=keeper(keep))  # fmt: skip
    return tree, removed


@pytest.mark.parametrize(
    ("keep", "left"),
    [
        (("/a/b/c",), ["/a/b/c/x", "/a/b/c/y"]),
        (("/a/b/c/",), ["/a/b/c/x", "/a/b/c/y"]),
        (("/a/b/c/x",), ["/a/b/c/x"]),
        (("/a/*/d",), ["/a/b/d"]),
        (("/a/b/c/**",), ["/a/b/c/x", "/a/b/c/y"]),
        (("/a/b/c/***",), ["/a/b/c/x", "/a/b/c/y"]),
        (("/a",), ["/a/b/c/x", "/a/b/c/y", "/a/b/d", "/a/e"]),
        (("/other", "/a/b/c/no"), []),
        ((), []),
    ],
)
def test_a_folder_is_removed_around_what_is_kept(
    tmp_path: Path, keep: tuple[str, ...], left: list[str]
) -> None:
    for path in ("a/b/c/x", "a/b/c/y", "a/b/d", "a/e"):
        put(tmp_path, path, "x")
    tree, removed = tree_keeping(tmp_path, *keep)
    assert tree.remove("/a") == (len(left) < 4)
    assert files(tmp_path) == left
    assert not [path for path in left if any(path.startswith(gone) for gone in removed)]
    assert tree.exists("/a") == bool(left)


def test_a_folder_is_emptied_around_what_is_kept(tmp_path: Path) -> None:
    for path in ("home/alice/a", "home/alice/b", "home/bob/a"):
        put(tmp_path, path, "x")
    tree, removed = tree_keeping(tmp_path, "/home/alice/a")
    assert tree.empty("/home")
    assert files(tmp_path) == ["/home/alice/a"]
    assert removed == ["/home/alice/b", "/home/bob"]


def test_a_kept_file_is_not_emptied_through_a_link_either(tmp_path: Path) -> None:
    put(tmp_path, "etc/exports", "/srv")
    (tmp_path / "etc/link").symlink_to("exports")
    tree, changed = tree_keeping(tmp_path, "/etc/exports")
    truncate(tree, "/etc/exports")
    truncate(tree, "/etc/link")
    assert changed == []
    assert (tmp_path / "etc/exports").read_text() == "/srv"


def test_names_of_any_bytes_can_be_kept(tmp_path: Path) -> None:
    odd = os.fsdecode(b"na\xffme\n")
    put(tmp_path, f"a/{odd}", "x")
    put(tmp_path, "a/b", "x")
    tree, _removed = tree_keeping(tmp_path, "/a/na*")
    tree.remove("/a")
    assert files(tmp_path) == [f"/a/{odd}"]


def test_configure_leaves_alone_what_is_kept(tmp_path: Path) -> None:
    root = make_machine(tmp_path / "root")
    put(root, "etc/wireguard/other.conf", "x")
    journal = tmp_path / "journal.json"
    ConfigureStep(
        root=root,
        source=root,
        keep=("/etc/wireguard/wg0.conf",),
        source_date_epoch=CLOCK,
        journal=journal,
    ).run(RecordingSystem())
    changed = {each["path"] for each in json.loads(journal.read_text())}
    assert (root / "etc/wireguard/wg0.conf").is_file()
    assert "/etc/wireguard/wg0.conf" not in changed
    assert "/etc/wireguard/other.conf" in changed
