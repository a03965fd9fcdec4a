"""What is restored from a real btrfs is what was backed up; needs root."""

from pathlib import Path

import pytest

from builder.border.backups import RestoreRequest
from builder.inside.backup.restoring import restore
from builder.inside.system.real_system import RealSystem
from tests.support.backed_up import Volume
from tests.support.caches import command
from tests.support.faithful import differences, facts
from tests.support.hard_tree import make_hard_tree
from tests.support.killed_backup import request_for
from tests.support.trees import put

pytestmark = pytest.mark.container


def test_what_is_restored_is_what_was_backed_up(volume: Volume, tmp_path: Path) -> None:
    make_hard_tree(volume.source / "opt/hard")
    before = facts(volume.source)
    volume.backup(new=True)
    snapshot = volume.rootfs / ".snapshots/1/snapshot"
    for name, paths in (("all", ()), ("some", ("/opt/hard/srv", "/opt/hard/usr/b*", "/bin/sh"))):
        target = tmp_path / name
        target.mkdir(mode=0o700)
        request = RestoreRequest(folder=request_for(target).system, paths=paths)
        done = restore(request, system=RealSystem(print), source=snapshot, target=target)
        found = facts(target)
        if name == "all":
            assert differences(before, found) == []
            assert done.entries == len(found)
            continue
        assert (target / "usr/bin/sh").is_symlink()
        assert target.stat().st_mode & 0o777 == 0o700  # the folder is the user's own
        shown = {path: each[:-1] for path, each in found.items() if path.count(b"/") > 3}
        assert shown == {path: before[path][:-1] for path in shown}
        wanted = (b"/opt/hard/srv", b"/opt/hard/usr/bin", b"/usr/bin/sh")
        assert {path for path in before if path.startswith(wanted)} <= {*found}
        assert not (target / "opt/hard/etc").exists()


def test_programs_and_devices_that_give_rights_are_named_before_they_are_there(
    volume: Volume, tmp_path: Path
) -> None:
    """Another's snapshot may have one where a letter is expected."""
    letter = put(volume.source, "home/alice/letter.odt", "#!/bin/sh")
    letter.chmod(0o4755)
    command("mknod", volume.source / "home/alice/notes", "c", 1, 3)
    command("setcap", "cap_net_raw+ep", put(volume.source, "home/alice/tool", "x"))
    (volume.source / "home/alice/tool").chmod(0o755)
    command("setcap", "cap_net_raw+ep", volume.source / "home/alice/tool")
    volume.backup(new=True)
    target = tmp_path / "target"
    target.mkdir()
    told: list[object] = []

    class Watched(RealSystem):
        def note(self, message: str, *, warning: bool = False, **values: object) -> None:
            assert "rights of their own" in message
            told.append((warning, values["count"], [*target.iterdir()]))

    done = restore(
        RestoreRequest(folder=request_for(target).system, paths=("/home/*/*",)),
        system=Watched(lambda _event: None),
        source=volume.rootfs / ".snapshots/1/snapshot",
        target=target,
    )
    assert told == [(True, 3, [])]
    assert done.powerful == 3
    assert set(done.powerful_paths) == {f"/home/alice/{name}" for name in (
        "letter.odt", "notes", "tool",
    )}  # fmt: skip
    assert (target / "home/alice/letter.odt").stat().st_mode & 0o7777 == 0o4755
