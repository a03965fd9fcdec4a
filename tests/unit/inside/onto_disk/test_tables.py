"""fstab and crypttab for another disk: what is replaced, what becomes optional, what goes off."""

import pytest

from builder.border.whole_systems import Part
from builder.inside.onto_disk.tables import OFF, Table, new_crypttab, new_fstab

ROOT = Part(place="/", kind="ext4", device="/dev/sdb3")
ESP = Part(place="/boot/efi", kind="vfat", device="/dev/sdb2")
OLD = """\
# of my own hand
UUID=0001 / ext4 noatime,errors=remount-ro 0 1
UUID=00-02 /boot/efi vfat umask=0022 0 1
UUID=0003 none swap sw 0 0
"""


def table(old: str, *parts: Part, content: tuple[str, ...] = ()) -> Table:
    parts = parts or (ROOT, ESP)
    uuids = [f"new-{number}" for number, _part in enumerate(parts)]
    return new_fstab(old, parts, uuids, has_content=content.__contains__, kept_as="/etc/kept")


def lines(made: Table) -> list[list[str]]:
    return [line.split() for line in made.text.splitlines() if not line.startswith("#")]


def test_own_file_systems_get_new_ids_and_keep_their_options() -> None:
    assert lines(table(OLD)) == [
        ["UUID=new-0", "/", "ext4", "noatime,errors=remount-ro", "0", "1"],
        ["UUID=new-1", "/boot/efi", "vfat", "umask=0022", "0", "2"],
    ]
    assert "# of my own hand\n" in table(OLD).text
    assert "/etc/kept" in table(OLD).text


def test_another_kind_of_root_gets_options_of_its_own() -> None:
    part = Part(place="/", kind="btrfs", device="/dev/sdb3", subvolume="@new")
    assert lines(table(OLD, part)) == [
        ["UUID=new-0", "/", "btrfs", "defaults,subvol=@new", "0", "0"]
    ]
    before = "UUID=1 / btrfs subvolid=256,compress=zstd,subvol=@ 0 0\n"
    assert lines(table(before, part))[0][3] == "compress=zstd,subvol=@new"


def test_a_system_without_a_table_gets_one() -> None:
    assert lines(table("", ROOT)) == [["UUID=new-0", "/", "ext4", "errors=remount-ro", "0", "1"]]


@pytest.mark.parametrize(
    "line",
    [
        "UUID=0003 none swap sw 0 0",
        "/swapfile none swap sw 0 0",
        "UUID=0004 /boot ext4 defaults 0 2",
        "/dev/sda4 /var xfs defaults 0 0",  # the snapshot has what was on it
    ],
)
def test_what_would_hide_files_or_wait_for_swap_is_switched_off_and_named(line: str) -> None:
    made = table(f"{line}\n", ROOT, content=("/var",))
    assert len(lines(made)) == 1
    (named,) = made.switched_off
    assert named.split() == line.split()
    assert f"{OFF}{named}\n" in made.text


def test_other_disks_are_kept_and_cannot_stop_the_start() -> None:
    made = table("LABEL=photos /srv/my\\040photos ext4 defaults 0 2\n", ROOT)
    assert lines(made)[1] == [
        "LABEL=photos", "/srv/my\\040photos", "ext4", "defaults,nofail", "0", "2",
    ]  # fmt: skip
    assert made.optional == ("/srv/my photos",)
    assert made.switched_off == ()


@pytest.mark.parametrize(
    "line",
    [
        "tmpfs /tmp tmpfs size=2G 0 0",
        "nas:/export /srv/nas nfs _netdev 0 0",
        "/srv/a /srv/b none bind 0 0",
    ],
)
def test_what_is_on_no_disk_stays_as_it_is(line: str) -> None:
    assert lines(table(f"{line}\n", ROOT))[1] == line.split()


def test_nothing_of_crypttab_is_unlocked_on_a_disk_that_is_not_encrypted() -> None:
    made = new_crypttab("# mine\nroot UUID=1 none luks,discard\n\n")
    assert made.text == f"# mine\n{OFF}root UUID=1 none luks,discard\n"
    assert made.switched_off == ("root UUID=1 none luks,discard",)
