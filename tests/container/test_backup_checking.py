"""What happened to snapshots on a real btrfs is found: changes, and damage of the disk."""

from pathlib import Path

import pytest

from builder.border.backups import Checked, CheckRequest, Wholeness
from builder.inside.backup.checking import check
from builder.inside.system.real_system import RealSystem
from tests.support.backed_up import Volume
from tests.support.caches import command, image_of
from tests.support.hard_tree import make_hard_tree
from tests.support.trees import put

pytestmark = pytest.mark.container

SECRET = b"what was written here stays here" * 4096  # 128 KiB, of its own extent


def checked(volume: Volume, *, read_data: bool = False) -> Checked:
    system = RealSystem(lambda _event: None)
    return check(CheckRequest(read_data=read_data), system=system, base=volume.base)


def states(found: Checked) -> dict[str, Wholeness]:
    return {each.selector: each.wholeness for each in found.snapshots}


def test_snapshots_are_whole_until_somebody_changes_one(volume: Volume) -> None:
    make_hard_tree(volume.source / "opt/hard")
    volume.backup(new=True)
    put(volume.source, "etc/new", "new")
    volume.backup()
    found = checked(volume, read_data=True)
    assert states(found) == {"1": Wholeness.WHOLE, "2": Wholeness.WHOLE}
    assert found.device_errors == ()
    assert found.read > 0
    first = volume.rootfs / ".snapshots/1/snapshot"
    command("btrfs", "property", "set", first, "ro", "false")
    (first / "etc/state").chmod(0o600)
    (first / "etc/state").chmod(0o644)
    command("btrfs", "property", "set", first, "ro", "true")
    assert states(checked(volume)) == {"1": Wholeness.CHANGED, "2": Wholeness.WHOLE}


def test_a_disk_that_gives_back_something_else_is_found(volume: Volume) -> None:
    put(volume.source, "etc/ssl/secret", SECRET)
    volume.backup(new=True)
    command("umount", volume.mount)
    image = image_of(volume.mount)
    try:
        spoil(image)
    finally:
        command("mount", "-o", "loop,noatime", image, volume.mount)
    assert states(checked(volume)) == {
        "1": Wholeness.WHOLE
    }  # of what nobody reads nothing is known
    found = checked(volume, read_data=True)
    (only,) = found.snapshots
    assert (only.wholeness, only.path) == (Wholeness.DAMAGED, "/etc/ssl/secret")
    assert "nput/output" in only.reason
    errors = "".join(found.device_errors)
    assert not errors or "corruption_errs" in errors  # an older kernel does not say


def spoil(image: Path) -> None:
    """Change one byte of the file's data on the disk."""
    with image.open("r+b") as stream:
        place = stream.read().index(SECRET[:4096])
        stream.seek(place + 100)
        stream.write(b"!")


@pytest.mark.full
def test_what_was_sent_here_or_has_no_record_is_not_known(volume: Volume) -> None:
    volume.backup(new=True)
    volume.backup()
    folder = volume.rootfs / ".snapshots/2"
    sent = volume.mount / "sent"
    command("btrfs", "send", "--quiet", "-f", sent, folder / "snapshot")
    command("btrfs", "subvolume", "delete", folder / "snapshot")
    command("btrfs", "receive", "-f", sent, folder)
    text = (volume.rootfs / ".snapshots/1/info.xml").read_text()
    (volume.rootfs / ".snapshots/1/info.xml").write_text(text.replace(">tree<", ">other<"))
    assert states(checked(volume)) == {"1": Wholeness.UNKNOWN, "2": Wholeness.UNKNOWN}
