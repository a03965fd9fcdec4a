"""Packages in the live layer: what they bring is there, what is secret in them is not."""

import json
import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from builder.formats.added_packages import Action, PackagesLock, Phase
from builder.formats.recipe import LiveSettings
from builder.host.config.compression_text import PRESETS
from builder.inside.added.install import Installation
from builder.inside.steps.live import LiveStep
from tests.support.machines import CLOCK, RecordingSystem, make_machine, open_tree

LOCK = PackagesLock(
    format=1,
    wishes=("wish",),
    packages=(),
    phases=(Phase(action=Action.CONFIGURE, packages=()),),
)


@pytest.fixture
def step(tmp_path: Path) -> LiveStep:
    root = make_machine(tmp_path / "root")
    (root / "etc/ssh/ssh_host_ed25519_key").unlink()
    shutil.copytree(root, tmp_path / "scratch", symlinks=True)
    return LiveStep(
        root=root,
        scratch=open_tree(tmp_path / "scratch"),
        layer=tmp_path / "layer",
        target=tmp_path / "iso/live.squashfs",
        live=LiveSettings(),
        compression=PRESETS["fast"],
        source_date_epoch=CLOCK,
        journal=tmp_path / "journal.json",
        mounts=ExitStack(),
        added=Installation(lock=LOCK, store=tmp_path),
    )


def test_what_packages_bring_is_in_the_layer_and_their_secrets_are_not(
    step: LiveStep, tmp_path: Path
) -> None:
    made = tmp_path / "scratch"

    def answer(argv: Sequence[str]) -> str:
        if argv[:1] == ("dpkg",) and "--configure" in argv:
            (made / "usr/bin").mkdir(exist_ok=True)
            (made / "usr/bin/wish").write_text("wish")
            (made / "etc/ssh/ssh_host_ed25519_key").write_text("a key of nobody's")
            (made / "var/lib/systemd/random-seed").write_text("another one")
        return ""

    step.run(RecordingSystem(answer))
    assert (step.layer / "usr/bin/wish").read_text() == "wish"
    assert not (step.layer / "etc/ssh/ssh_host_ed25519_key").exists()
    rows = json.loads(step.journal.read_text())
    by_path = {each["path"]: each["rule"] for each in rows}
    assert by_path["/usr/bin/wish"] == "maintainer-scripts"
    assert by_path["/etc/ssh/ssh_host_ed25519_key"] == "ssh-host-keys"
    assert not any(each.startswith("/usr/sbin/policy-rc.d") for each in by_path)
