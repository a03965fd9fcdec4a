"""What is read of a machine, from files as real and as strange as they come."""

import grp
import os
from pathlib import Path

import pytest

from builder.host.upkeep.machine_facts import MachineFacts, gathered, group_of, os_release

KERNEL = os.uname().release


def write(root: Path, path: str, text: str = "") -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def test_a_bare_machine_has_nothing(tmp_path: Path) -> None:
    found = gathered(tmp_path, {})
    assert (found.has_systemd, found.in_container) == (False, False)
    assert (found.has_btrfs, found.has_loop) == (False, False)
    assert found.name == os.uname().sysname
    assert (found.uid, found.kernel) == (os.getuid(), KERNEL)


@pytest.mark.parametrize("place", ["etc/os-release", "usr/lib/os-release"])
def test_the_system_s_name_is_read_from_either_place(tmp_path: Path, place: str) -> None:
    write(tmp_path, place, 'PRETTY_NAME="Fedora Linux 41"\nID=fedora\nVERSION_ID=41\n')
    found = gathered(tmp_path, {})
    assert (found.name, found.kinds, found.major) == ("Fedora Linux 41", ("fedora",), 41)


@pytest.mark.parametrize(
    ("text", "kinds", "major"),
    [
        ("", ("linux",), None),
        ("ID='void'", ("void",), None),
        ("ID=Ubuntu\r\nVERSION_ID=24.04", ("ubuntu",), 24),
        ("# a comment\n\nno assignment\n=empty\nID=x\nID_LIKE='a B'", ("x", "a", "b"), None),
        ("ID=x\nVERSION_ID=rolling", ("x",), None),
        ('NAME="A \\"B\\""\nVERSION_ID="x\nID=x', ("x",), None),
        ("ID=x\nVERSION_ID=" + "9" * 6000, ("x",), None),
    ],
)
def test_odd_descriptions_of_a_system_are_read_all_the_same(
    text: str, kinds: tuple[str, ...], major: int | None
) -> None:
    facts = MachineFacts(os_release=os_release(text))
    assert (facts.kinds, facts.major) == (kinds, major)


def test_a_name_cannot_steer_the_terminal() -> None:
    found = MachineFacts(os_release=os_release('PRETTY_NAME="\x1b[2Jx"'))
    assert found.name == "x"


@pytest.mark.parametrize(
    ("path", "text", "has"),
    [
        ("proc/filesystems", "nodev\tsysfs\n\tbtrfs\n", "btrfs"),
        ("proc/filesystems", "nodev\tbtrfsish\n", ""),
        (f"lib/modules/{KERNEL}/modules.dep", "kernel/fs/btrfs.ko.zst: kernel/x.ko\n", "btrfs"),
        (f"lib/modules/{KERNEL}/modules.dep", "kernel/fs/x.ko: kernel/fs/btrfs/btrfs.ko\n", ""),
        ("lib/modules/0.1-other/modules.dep", "kernel/fs/btrfs/btrfs.ko:\n", ""),
        (f"lib/modules/{KERNEL}/modules.builtin", "kernel/drivers/block/loop.ko\n", "loop"),
        ("dev/loop-control", "", "loop"),
    ],
)  # fmt: skip
def test_what_the_kernel_can_do_is_found_without_loading_anything(
    tmp_path: Path, path: str, text: str, has: str
) -> None:
    write(tmp_path, path, text)
    found = gathered(tmp_path, {})
    assert (found.has_btrfs, found.has_loop) == (has == "btrfs", has == "loop")


@pytest.mark.parametrize(
    ("path", "variables"),
    [
        (".dockerenv", {}),
        ("run/.containerenv", {}),
        ("etc/hostname", {"container": "lxc"}),
    ],
)
def test_a_container_is_known_by_what_its_engine_leaves(
    tmp_path: Path, path: str, variables: dict[str, str]
) -> None:
    write(tmp_path, path)
    assert gathered(tmp_path, variables).in_container


def test_a_socket_belongs_to_the_group_that_may_write_to_it(tmp_path: Path) -> None:
    write(tmp_path, "socket")
    (tmp_path / "socket").chmod(0o660)
    own = grp.getgrgid((tmp_path / "socket").stat().st_gid).gr_name
    assert group_of(tmp_path / "socket") == own
    (tmp_path / "socket").chmod(0o600)
    assert group_of(tmp_path / "socket") == ""
    assert group_of(tmp_path / "none") is None


def test_programs_are_found_where_users_do_not_look(tmp_path: Path) -> None:
    (tmp_path / "podman").write_text("")
    (tmp_path / "podman").chmod(0o755)
    assert "podman" in gathered(tmp_path, {"PATH": str(tmp_path)}).programs
