"""A rule reaches what its patterns name, and nothing else."""

from pathlib import Path

import pytest

from builder.formats.recipe import LiveSettings
from builder.inside.leftovers.gone import Gone
from builder.inside.rules import RULES
from builder.inside.rules.rule import Rule, add, expand, lines_of, put_lines
from builder.inside.tree.tree import Tree
from tests.support.machines import CLOCK

PATTERNS = [(rule.name, pattern) for rule in RULES for pattern in rule.removes]


def tree_with(root: Path, *names: str) -> Tree:
    for name in names:
        path = root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("private")
    return Tree(root, clock=CLOCK)


def apply(rule: Rule, tree: Tree) -> None:
    rule.apply(tree, LiveSettings(), Gone(source=tree, tree=tree, heir="user"))


@pytest.mark.parametrize(("name", "pattern"), PATTERNS)
def test_what_a_pattern_names_is_removed(tmp_path: Path, name: str, pattern: str) -> None:
    path = pattern.replace("*", "x").replace("?", "y")
    tree = tree_with(tmp_path, path, "/etc/other", "/var/lib/other")
    (rule,) = (rule for rule in RULES if rule.name == name)
    apply(Rule(name=name, reason=rule.reason, removes=rule.removes), tree)
    assert not tree.exists(path)
    assert tree.exists("/etc/other")
    assert tree.exists("/var/lib/other")


def test_patterns_match_in_every_part_and_in_order(tmp_path: Path) -> None:
    tree = tree_with(tmp_path, "/a/1/x.key", "/a/2/x.key", "/a/2/x.pub", "/b/1/x.key")
    assert expand(tree, ("/a/*/*.key",)) == ["/a/1/x.key", "/a/2/x.key"]
    assert expand(tree, ("/a/1", "/none", "/none/*")) == ["/a/1"]


def test_hidden_files_match_a_star(tmp_path: Path) -> None:
    tree = tree_with(tmp_path, "/d/.hidden")
    assert expand(tree, ("/d/*",)) == ["/d/.hidden"]


def test_emptied_files_keep_owner_and_mode(tmp_path: Path) -> None:
    tree = tree_with(tmp_path, "/etc/crypttab", "/etc/elsewhere")
    (tmp_path / "etc/crypttab").chmod(0o600)
    (tmp_path / "etc/link").symlink_to("elsewhere")
    rule = Rule(name="r", reason="r", empties=("/etc/crypttab", "/etc/link", "/etc/none"))
    apply(rule, tree)
    assert (tmp_path / "etc/crypttab").read_bytes() == b""
    assert (tmp_path / "etc/crypttab").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "etc/link").read_bytes() == b""
    assert (tmp_path / "etc/elsewhere").read_text() == "private"


def test_edited_text_keeps_what_is_not_utf8_and_the_link_to_it(tmp_path: Path) -> None:
    tree = tree_with(tmp_path, "/etc/real")
    (tmp_path / "etc/real").write_bytes(b"caf\xe9\nsecret\n")
    (tmp_path / "etc/real").chmod(0o640)
    (tmp_path / "etc/file").symlink_to("/etc/real")
    lines = lines_of(tree, "/etc/file")
    assert lines is not None
    put_lines(tree, "/etc/file", lines[:1])
    assert (tmp_path / "etc/real").read_bytes() == b"caf\xe9\n"
    assert (tmp_path / "etc/real").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "etc/file").is_symlink()


def test_unchanged_text_is_not_written(tmp_path: Path) -> None:
    tree = tree_with(tmp_path, "/etc/file")
    before = (tmp_path / "etc/file").stat()
    put_lines(tree, "/etc/file", lines_of(tree, "/etc/file") or [])
    assert (tmp_path / "etc/file").stat() == before


def test_what_is_added_replaces_even_a_directory(tmp_path: Path) -> None:
    tree = tree_with(tmp_path, "/etc/fstab/odd")
    add(tree, "/etc/fstab", b"new")
    assert (tmp_path / "etc/fstab").read_bytes() == b"new"
