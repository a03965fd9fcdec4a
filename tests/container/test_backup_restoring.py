"""What is restored from a real btrfs is what was backed up; needs root."""

from pathlib import Path

import pytest

from builder.border.backups import RestoreRequest
from builder.inside.backup.restoring import restore
from builder.inside.system.real_system import RealSystem
from tests.support.backed_up import Volume
from tests.support.faithful import differences, facts
from tests.support.hard_tree import make_hard_tree
from tests.support.killed_backup import request_for

pytestmark = pytest.mark.container


def test_what_is_restored_is_what_was_backed_up(volume: Volume, tmp_path: Path) -> None:
    make_hard_tree(volume.source / "opt/hard")
    before = facts(volume.source)
    volume.backup(new=True)
    snapshot = volume.rootfs / ".snapshots/1/snapshot"
    for name, paths in (("all", ()), ("some", ("/opt/hard/srv", "/opt/hard/usr/b*", "/bin/sh"))):
        target = tmp_path / name
        target.mkdir()
        request = RestoreRequest(folder=request_for(target).system, paths=paths)
        done = restore(request, system=RealSystem(print), source=snapshot, target=target)
        found = facts(target)
        if name == "all":
            assert differences(before, found) == []
            assert done.entries == len(found)
            continue
        assert (target / "usr/bin/sh").is_symlink()
        shown = {path: each[:-1] for path, each in found.items() if path.count(b"/") > 3}
        assert shown == {path: before[path][:-1] for path in shown}
        wanted = (b"/opt/hard/srv", b"/opt/hard/usr/bin", b"/usr/bin/sh")
        assert {path for path in before if path.startswith(wanted)} <= {*found}
        assert not (target / "opt/hard/etc").exists()
