"""What the system's fstab names and nobody mounted is told, or ends the backup: never lost."""

from pathlib import Path

import pytest

from builder.basics.errors import SourceError
from builder.basics.texts import render
from builder.inside.backup.absent_parts import absent_parts, check_parts
from builder.inside.tree.tree import Tree
from tests.support.systems import RecordingSystem
from tests.support.trees import put

FSTAB = r"""# <file system> <mount point> <type> <options>
UUID=1 /            ext4  errors=remount-ro 0 1
UUID=2 /boot        ext4  defaults 0 2
UUID=3 /boot/efi    vfat  umask=0077 0 1
UUID=4 none         swap  sw 0 0
UUID=5 /home        btrfs subvol=@home 0 0
UUID=6 /srv/my\040data xfs nofail 0 2
UUID=7 /opt/        auto  noauto 0 0
/srv   /export      none  bind 0 0
tmpfs  /tmp         tmpfs size=1G 0 0
host:/ /srv/share   nfs4  defaults 0 0
/dev/sr0 /media/cdrom0 udf,iso9660 user,noauto 0 0
UUID=8 /mnt/disk    ext4  defaults 0 2
UUID=9 /windows     ntfs3 defaults 0 0
UUID=10 /boot/firmware vfat defaults 0 0
UUID=11 /usr
"""
FILTERS = ("- /home/*", "- /mnt/*", "- /media/*", "- /boot/efi/*", "- /tmp/*")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    put(tmp_path, "system/etc/fstab", FSTAB)
    return tmp_path / "system"


def paths(source: Path, *mounted: str, filters: tuple[str, ...] = FILTERS) -> list[str]:
    return [each.path for each in absent_parts(Tree(source), mounted=mounted, filters=filters)]


def test_the_parts_of_a_system_on_disks_are_known_by_its_fstab(source: Path) -> None:
    assert paths(source) == ["/boot", "/srv/my data", "/opt", "/boot/firmware"]
    assert paths(source, "boot", "opt", "boot/firmware") == ["/srv/my data"]


def test_what_is_left_out_may_be_away(source: Path) -> None:
    assert "/home" in paths(source, filters=())
    assert paths(source, "opt", filters=("- /boot", "- /srv/my*", *FILTERS)) == []


def test_a_system_without_an_fstab_has_no_parts(tmp_path: Path) -> None:
    assert paths(tmp_path) == []
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/fstab").symlink_to("/dev/zero")
    assert paths(tmp_path) == []


class Telling(RecordingSystem):
    """Remembers notes with their values."""

    def note(self, message: str, *, warning: bool = False, **values: object) -> None:
        assert warning
        self.notes.append(render(message, {name: str(each) for name, each in values.items()}))


def check(source: Path, *mounted: str) -> list[str]:
    """Return the notes."""
    system = Telling()
    check_parts(source, source.parent / "cache", mounted=mounted, filters=FILTERS, system=system)
    return system.notes


def test_a_part_that_the_system_always_has_must_be_there(source: Path) -> None:
    with pytest.raises(SourceError, match=r"Not mounted, although .*: /boot, /boot/firm") as caught:
        check(source)
    assert "mount /boot" in caught.value.advice
    assert "--exclude /boot" in caught.value.advice


def test_one_that_it_may_be_without_is_named(source: Path) -> None:
    (note,) = check(source, "boot", "boot/firmware")
    assert "/srv/my data, /opt" in note
    assert check(source, "boot", "boot/firmware", "opt", "srv/my data") == []


def test_one_that_the_last_backup_had_must_be_there_again(source: Path) -> None:
    """Its copy would go with this backup, and with the last old snapshot for good."""
    put(source.parent, "cache/srv/my data/letter")
    with pytest.raises(SourceError, match=r"Not mounted, although .*: /srv/my data; ") as caught:
        check(source, "boot", "boot/firmware")
    assert "`mount '/srv/my data'`" in caught.value.advice
