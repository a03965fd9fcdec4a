"""A live system gets what starts the installer only where one was asked for."""

from pathlib import Path

from builder.formats.recipe import Installer, LiveSettings
from builder.inside.session import RULES, rules_with
from builder.inside.session.installer import RULES as INSTALLING
from builder.inside.tree.tree import Tree
from tests.support.trees import make_system

UNITS = "usr/lib/systemd/system"


def test_only_a_medium_with_an_installer_has_it() -> None:
    assert rules_with(Installer.NONE) == RULES
    assert rules_with(Installer.TEXT) == (*RULES, *INSTALLING)


def test_it_starts_from_its_own_target_alone(tmp_path: Path) -> None:
    root = make_system(tmp_path)
    (root / UNITS).mkdir()
    changed: list[str] = []
    tree = Tree(root, clock=0, record=lambda _change, path: changed.append(path))
    (rule,) = INSTALLING
    assert rule.edit is not None
    assert rule.edit(tree, LiveSettings()) == ()
    assert set(changed) - {"/usr/lib/distroclone-builder"} == set(rule.edits)
    target = (root / UNITS / "distroclone-builder-install.target").read_text()
    service = (root / UNITS / "distroclone-builder-install.service").read_text()
    assert "Requires=basic.target distroclone-builder-install.service" in target
    assert "[Install]" not in target + service
    assert "ConditionKernelCommandLine=boot=live" in service
    assert (root / "usr/lib/distroclone-builder/install").stat().st_mode & 0o777 == 0o755
    assert (root / "usr/lib/distroclone-builder/installer").is_dir()


def test_without_systemd_it_is_not_there_and_that_is_told(tmp_path: Path) -> None:
    root = make_system(tmp_path)
    (rule,) = INSTALLING
    assert rule.edit is not None
    (warned,) = rule.edit(Tree(root, clock=0), LiveSettings())
    assert "does not use systemd" in warned.message
    assert not (root / "usr/lib/distroclone-builder").exists()
