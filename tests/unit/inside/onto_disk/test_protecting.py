"""What stays as it is: rules in rsync's words, and nothing else gets in by a name."""

from pathlib import Path

import pytest

from builder.inside.onto_disk.protecting import (
    PROTECTED,
    key_files,
    protected_paths,
    rules,
    swap_files,
)
from builder.inside.tree.tree import Tree
from tests.support.rolled import rollback_request
from tests.support.trees import put


def made(tmp_path: Path, **more: object) -> tuple[str, ...]:
    for name in ("old", "new"):
        (tmp_path / name).mkdir(exist_ok=True)
    old, new = Tree(tmp_path / "old"), Tree(tmp_path / "new")
    return rules(old, new, rollback_request(tmp_path / "new", **more))


def test_what_no_backup_has_is_neither_written_nor_deleted(tmp_path: Path) -> None:
    found = made(tmp_path, filters=("- /srv/large", "- /var/log/*"))
    assert found[:2] == ("- /srv/large", "- /var/log/*")
    assert all(f"- {path}" in found for each in PROTECTED for path in each.paths)


def test_what_is_mounted_elsewhere_is_not_written_below(tmp_path: Path) -> None:
    found = made(tmp_path, others=("data*", "boot/efi"), parts=("boot",))
    assert "- /data\\*/**" in found
    assert "- /boot/efi/**" in found
    assert not [each for each in found if each in ("- /boot/**", "- /usr/lib/modules")]
    assert {"P /boot", "P /boot/efi", "P /data\\*"} <= {*found}


def test_kernels_that_stay_keep_their_modules(tmp_path: Path) -> None:
    found = made(tmp_path, others=("boot",), keeps_boot=True)
    assert {"- /boot/**", "- /usr/lib/modules", "- /lib/modules"} <= {*found}


def test_the_running_kernel_is_not_deleted_but_may_be_written(tmp_path: Path) -> None:
    found = made(tmp_path, kernel="6.12.1+deb13-amd64")
    assert "P /boot/*-6.12.1+deb13-amd64" in found
    assert "P /usr/lib/modules/6.12.1+deb13-amd64/***" in found
    assert not [each for each in found if each.startswith("- ") and "6.12.1" in each]


def test_keys_for_disks_stay_since_the_disks_do(tmp_path: Path) -> None:
    put(
        tmp_path / "new",
        "etc/crypttab",
        "# a /never luks\ndata UUID=1 /etc/keys/a[1].key luks\nswap /dev/sda2 /dev/urandom swap\n"
        "usb UUID=2 /keys/b.key:LABEL=stick luks\nroot UUID=3 none luks\n",
    )
    assert key_files(Tree(tmp_path / "new")) == ("/etc/keys/a[1].key", "/keys/b.key")
    assert "- /etc/keys/a\\[1].key" in made(tmp_path)


def test_swap_in_a_file_stays_wherever_it_is(tmp_path: Path) -> None:
    put(
        tmp_path / "new",
        "etc/fstab",
        "UUID=1 / ext4 defaults 0 1\n/var/swap none swap sw 0 0\n/dev/sda2 none swap sw 0 0\n",
    )
    assert swap_files(Tree(tmp_path / "new")) == ("/var/swap",)
    assert {"- /var/swap", "P /boot/efi"} <= {*made(tmp_path)}


def test_homes_that_were_never_backed_up_are_not_deleted(tmp_path: Path) -> None:
    put(tmp_path / "old", "home/anna/letter")
    for name in ("anna", "bob*", "new\nline"):
        put(tmp_path / "new", f"home/{name}/letter")
    assert "- /home/bob\\*" not in made(tmp_path)
    found = made(tmp_path, homes=True)
    assert {"- /home/bob\\*", "- /home/new\nline", "- /root/*"} <= {*found}
    assert "- /home/anna" not in found
    put(tmp_path / "old", "root/notes")
    assert "- /root/*" not in made(tmp_path, homes=True, filters=())


@pytest.mark.parametrize("name", ["fstab", "machine-id", "ssh/ssh_host_rsa_key"])
def test_people_see_what_of_their_system_stays(tmp_path: Path, name: str) -> None:
    put(tmp_path, f"etc/{name}", "x")
    assert protected_paths(Tree(tmp_path)) == (f"/etc/{name}",)
