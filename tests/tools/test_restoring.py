"""What is restored, by the real rsync: every name means itself."""

from pathlib import Path

import pytest

from builder.border.backups import FolderIdentity, RestoreRequest
from builder.inside.backup.restoring import restore
from builder.inside.backup.system import BOOT_ID
from tests.support.systems import RecordingSystem
from tests.support.trees import put

pytestmark = pytest.mark.tools


def test_a_name_that_begins_like_a_comment_is_restored(tmp_path: Path) -> None:
    names = ("#recycle/x", ";list", "-option", "etc/fstab", ".snapshots/1/info.xml")
    for name in names:
        put(tmp_path / "source", name)
    target = tmp_path / "target"
    target.mkdir()
    status = target.stat()
    folder = FolderIdentity(
        boot=BOOT_ID.read_text().strip(), device=status.st_dev, inode=status.st_ino
    )
    request = RestoreRequest(folder=folder, paths=("/*",))
    restore(request, system=RecordingSystem(real=True), source=tmp_path / "source", target=target)
    found = {str(each.relative_to(target)) for each in target.rglob("*") if each.is_file()}
    assert found == set(names[:-1])
