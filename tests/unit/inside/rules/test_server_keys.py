"""A system whose host keys were removed gets new ones, but only where an ssh server needs them."""

from pathlib import Path

import pytest

from builder.formats.recipe import LiveSettings
from builder.inside.leftovers.gone import Gone
from builder.inside.rules import server_keys
from builder.inside.tree.tree import Tree


def ruled(root: Path) -> None:
    for rule in server_keys.RULES:
        tree = Tree(root, clock=1_750_170_600)
        rule.apply(tree, LiveSettings(), Gone(source=tree, tree=tree, heir="user"))


def test_the_unit_makes_keys_before_the_server_only_where_there_are_none(tmp_path: Path) -> None:
    (tmp_path / "usr/lib/systemd/system").mkdir(parents=True)
    (tmp_path / "usr/sbin").mkdir()
    (tmp_path / "usr/sbin/sshd").touch()
    ruled(tmp_path)
    unit = (tmp_path / server_keys.UNIT.lstrip("/")).read_text()
    assert "\nConditionPathExistsGlob=!/etc/ssh/ssh_host_*_key\n" in unit
    assert "\nBefore=ssh.service ssh.socket\n" in unit
    assert "boot=live" not in unit
    assert str((tmp_path / server_keys.ENABLED.lstrip("/")).readlink()) == server_keys.UNIT


@pytest.mark.parametrize("there", ["usr/lib/systemd/system/x", "usr/sbin/sshd"])
def test_without_server_or_systemd_there_is_none(tmp_path: Path, there: str) -> None:
    (tmp_path / there).parent.mkdir(parents=True)
    (tmp_path / there).touch()
    ruled(tmp_path)
    assert not (tmp_path / server_keys.UNIT.lstrip("/")).exists()
