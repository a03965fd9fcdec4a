"""The copy, by the real rsync: what it keeps of files, and what it leaves out."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

from builder.inside.linux import acl
from builder.inside.selection.source_tree import source_tree
from builder.inside.steps.stage import rsync_progress
from tests.support.staging import stage_step

pytestmark = pytest.mark.tools


@pytest.fixture
def source(tmp_path: Path) -> Path:
    root = tmp_path / "@2026-06-17_14:30"  # a colon, which rsync takes for a host's name
    for name in (
        "etc", "usr/bin", "var/log/samba/cores", "var/log/journal/0123", "var/tmp/x", "tmp/x",
        "home/alice", "root/.ssh", ".snapshots/1/snapshot", "@.rollback-bak-20260101", "dev",
        "proc", "data/debian_backup/.rootfs_cache/etc", "snap/core", "swap", "srv/swapfile",
    ):  # fmt: skip
        (root / name).mkdir(parents=True)
        (root / name / "private").write_text("private")
    for name in ("etc/private", "usr/bin/private", "srv/swapfile/private", "swap/private"):
        (root / name).unlink()
    (root / "opt/tool").mkdir(parents=True)
    (root / "opt/tool/private").write_text("not private: a program by hand")
    (root / "data/private").write_text("private")
    (root / "swapfile").write_text("private")
    (root / "swap/file").write_text("private")
    (root / "etc/fstab").write_text("/swap/file none swap sw 0 0\n")
    (root / "usr/bin/tool").write_text("tool")
    info = root / "var/lib/dpkg/info"
    info.mkdir(parents=True)
    (info / "samba.postinst").write_text("install -d -m 2750 /var/log/samba\n")
    os.link(root / "usr/bin/tool", root / "usr/bin/same")
    (root / "etc/link").symlink_to("/etc/fstab")
    with (root / "usr/bin/sparse").open("wb") as stream:
        stream.truncate(8 << 20)
    for name in ("tmp", "var/tmp"):
        (root / name).chmod(0o1777)
    (root / "var/log/samba").chmod(0o2750)
    os.chown(root / "var/log/samba", 33, 4)
    os.chown(root / "usr/bin/tool", 12345, 54321)
    (root / "usr/bin/tool").chmod(0o4751)
    os.utime(root / "usr/bin/tool", (1_000_000_000, 1_000_000_000))
    return root


@pytest.fixture
def copy(source: Path, tmp_path: Path) -> Path:
    target = tmp_path / "copy"
    target.mkdir()
    step = stage_step(source, target, rules=source_tree(source, exclude=(), keep=()).rules)
    step.write_filters()
    done = subprocess.run(step.argv(), check=True, capture_output=True, text=True)
    lines = done.stdout.replace("\r", "\n").splitlines()
    # Not 1.0: rsync counts both names of a hard-linked file, and copies it once.
    assert max(fraction for line in lines if (fraction := rsync_progress(line))) > 0.9
    return target


def test_nothing_that_is_left_out_arrives(copy: Path) -> None:
    arrived = {path.relative_to(copy).as_posix() for path in copy.rglob("private")}
    assert arrived == {"opt/tool/private"}
    for name in (".snapshots", "@.rollback-bak-20260101", "snap", "swapfile", "swap", "data"):
        assert not (copy / name).exists()
    assert list((copy / "srv").iterdir()) == []


def test_the_directories_stay_as_they_were(source: Path, copy: Path) -> None:
    for name in ("tmp", "var/tmp", "var/log/samba", "home", "root", "dev"):
        before, after = (source / name).stat(), (copy / name).stat()
        assert (after.st_mode, after.st_uid, after.st_gid) == (
            before.st_mode,
            before.st_uid,
            before.st_gid,
        )
    assert list((copy / "var/log/samba").iterdir()) == []


def test_files_are_copied_whole(source: Path, copy: Path) -> None:
    tool = (copy / "usr/bin/tool").stat()
    assert (tool.st_uid, tool.st_gid, stat.S_IMODE(tool.st_mode)) == (12345, 54321, 0o4751)
    assert tool.st_mtime == 1_000_000_000
    assert tool.st_ino == (copy / "usr/bin/same").stat().st_ino
    assert str((copy / "etc/link").readlink()) == "/etc/fstab"
    sparse = (copy / "usr/bin/sparse").stat()
    assert sparse.st_size == 8 << 20
    assert sparse.st_blocks * 512 < sparse.st_size


def test_capabilities_are_the_only_attributes_that_stay(source: Path, tmp_path: Path) -> None:
    tool = source / "usr/bin/same"
    capability = bytes.fromhex("0100000200200000000000000000000000000000")  # cap_net_raw+ep
    os.setxattr(tool, "security.capability", capability)
    os.setxattr(tool, "user.origin", b"https://private.example.org/")
    target = tmp_path / "copy"
    target.mkdir()
    step = stage_step(source, target)
    step.write_filters()
    subprocess.run(step.argv(), check=True, capture_output=True)
    assert os.listxattr(target / "usr/bin/same") == ["security.capability"]
    assert os.getxattr(target / "usr/bin/same", "security.capability") == capability


def test_an_acl_leaves_the_owning_group_what_it_had(tmp_path: Path) -> None:
    secret, folder = tmp_path / "secret", tmp_path / "folder"
    secret.write_text("x")
    secret.chmod(0o600)
    folder.mkdir(0o755)
    subprocess.run(["setfacl", "-m", "u:33:rw", secret], check=True)
    subprocess.run(["setfacl", "-d", "-m", "u:33:rw", folder], check=True)
    assert stat.S_IMODE(secret.stat().st_mode) == 0o660  # the mask, not the group
    for path in (secret, folder):
        acl.fold(os.fsencode(path))
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    assert not os.listxattr(secret)
    assert not os.listxattr(folder)
