"""A foreign tree is read and changed as chroot would, and nothing outside is ever reached."""

import errno
import os
from pathlib import Path

import pytest

from builder.inside.linux.mounts import Mount, mounts
from builder.inside.tree.tree import Tree

CLOCK = 1_000_000_000


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    place = tmp_path / "outside"
    place.mkdir()
    (place / "machine-id").write_text("precious")
    return place


@pytest.fixture
def root(tmp_path: Path, outside: Path) -> Path:
    top = tmp_path / "root"
    (top / "etc").mkdir(parents=True)
    (top / "etc/hostname").write_text("here\n")
    return top


class Journal(list[tuple[str, str]]):
    def __call__(self, change: str, path: str) -> None:
        self.append((change, path))


def editing(root: Path, journal: Journal | None = None) -> Tree:
    return Tree(root, clock=CLOCK, record=journal)


def put(tree: Tree, path: str, data: bytes = b"new", mode: int = 0o644) -> None:
    tree.write(path, data, mode=mode, uid=os.getuid(), gid=os.getgid())


@pytest.mark.parametrize(
    ("link", "target", "asked", "found"),
    [
        ("etc/name", "hostname", "etc/name", "etc/hostname"),
        ("etc/name", "/etc/hostname", "/etc/name", "etc/hostname"),
        ("etc/name", "../../../../etc/hostname", "/etc/name", "etc/hostname"),
        ("boot", "..", "/boot/etc/hostname", "etc/hostname"),
        ("lib", "usr/lib", "/lib/modules", "usr/lib/modules"),
        ("etc/out", "/../../outside/machine-id", "etc/out", "outside/machine-id"),
        ("self", ".", "/self/self/./etc//hostname", "etc/hostname"),
    ],
)
def test_symlinks_are_resolved_inside_the_tree(
    root: Path, link: str, target: str, asked: str, found: str
) -> None:
    (root / link).symlink_to(target)
    assert Tree(root).resolve(asked) == root / found


def test_an_absolute_path_of_the_machine_means_a_path_in_the_tree(
    root: Path, outside: Path
) -> None:
    (root / "etc/machine-id").symlink_to(outside / "machine-id")
    tree = Tree(root)
    assert not tree.exists("/etc/machine-id")
    with pytest.raises(FileNotFoundError):
        tree.read_bytes("/etc/machine-id")


def test_locate_leaves_the_last_symlink_alone(root: Path) -> None:
    (root / "conf").symlink_to("etc")
    (root / "etc/name").symlink_to("hostname")
    assert Tree(root).locate("/conf/name") == root / "etc/name"


def test_a_symlink_loop_is_an_error_and_does_not_exist(root: Path) -> None:
    (root / "a").symlink_to("b")
    (root / "b").symlink_to("a")
    tree = Tree(root)
    with pytest.raises(OSError, match="symbolic links"):
        tree.resolve("/a/x")
    assert not tree.exists("/a")
    assert not tree.is_dir("/a")


def test_forty_links_are_followed_and_no_more(root: Path) -> None:
    (root / "l0").write_text("end")
    for number in range(41):
        (root / f"l{number + 1}").symlink_to(f"l{number}")
    tree = Tree(root)
    assert tree.read_text("/l40") == "end"
    with pytest.raises(OSError, match="symbolic links"):
        tree.read_text("/l41")


def test_only_regular_files_are_read(root: Path) -> None:
    os.mkfifo(root / "etc/pipe")
    (root / "etc/null").symlink_to("/dev/null")
    tree = Tree(root)
    for path in ("/etc/pipe", "/etc"):
        assert not tree.is_file(path)
        with pytest.raises(OSError, match="not a regular file"):
            tree.read_bytes(path)
    assert not tree.exists("/etc/null")


def test_a_file_larger_than_the_limit_is_refused(root: Path) -> None:
    tree = Tree(root)
    assert tree.read_bytes("/etc/hostname", limit=5) == b"here\n"
    with pytest.raises(OSError, match="larger than 4 bytes"):
        tree.read_bytes("/etc/hostname", limit=4)


def test_text_that_is_not_utf_8_is_still_read(root: Path) -> None:
    (root / "etc/odd").write_bytes(b"a\xffb")
    assert Tree(root).read_text("etc/odd") == "a\ufffdb"


def test_listing_is_sorted_and_empty_where_no_directory_is(root: Path) -> None:
    for name in ("c", "a", "b.conf"):
        (root / "etc" / name).touch()
    (root / "conf").symlink_to("/etc")
    tree = Tree(root)
    assert tree.listdir("/conf") == ["a", "b.conf", "c", "hostname"]
    assert tree.listdir("/etc/hostname") == []
    assert tree.listdir("/none") == []
    assert tree.glob("conf/", "*.conf") == ["/conf/b.conf"]
    assert tree.glob("/", "et?") == ["/etc"]
    assert tree.glob("/none", "*") == []


def test_walk_yields_parents_first_and_follows_no_symlink(root: Path, outside: Path) -> None:
    (root / "etc/away").symlink_to(outside)
    (root / "bin").mkdir()
    walked = [path for path, _status in Tree(root).walk()]
    assert walked == ["/", "/bin", "/etc", "/etc/away", "/etc/hostname"]


def test_a_written_file_has_the_mode_the_clock_and_a_journal_entry(root: Path) -> None:
    journal = Journal()
    put(editing(root, journal), "/etc/secret", b"x", mode=0o4750)
    status = (root / "etc/secret").lstat()
    assert status.st_mode & 0o7777 == 0o4750
    assert status.st_mtime_ns == CLOCK * 1_000_000_000
    assert journal == [("added", "/etc/secret")]


def test_missing_parents_are_made_whatever_the_umask(root: Path) -> None:
    journal = Journal()
    before = os.umask(0o077)
    try:
        put(editing(root, journal), "var/lib/x/file")
    finally:
        os.umask(before)
    for path in ("var", "var/lib", "var/lib/x"):
        status = (root / path).lstat()
        assert status.st_mode & 0o7777 == 0o755
        assert status.st_mtime == CLOCK
    assert [path for _change, path in journal] == [
        "/var",
        "/var/lib",
        "/var/lib/x",
        "/var/lib/x/file",
    ]


def test_the_directory_around_a_change_keeps_its_times(root: Path) -> None:
    os.utime(root / "etc", ns=(111_000_000_001, 222_000_000_002))
    tree = editing(root)
    put(tree, "/etc/new")
    put(tree, "/etc/sub/new")
    tree.remove("/etc/hostname")
    tree.empty("/etc")
    status = (root / "etc").lstat()
    assert (status.st_atime_ns, status.st_mtime_ns) == (111_000_000_001, 222_000_000_002)


def test_writing_replaces_a_symlink_and_spares_its_target(root: Path, outside: Path) -> None:
    journal = Journal()
    (root / "etc/machine-id").symlink_to(outside / "machine-id")
    put(editing(root, journal), "/etc/machine-id", b"")
    assert (root / "etc/machine-id").read_bytes() == b""
    assert not (root / "etc/machine-id").is_symlink()
    assert (outside / "machine-id").read_text() == "precious"
    assert journal == [("changed", "/etc/machine-id")]


def test_writing_replaces_a_fifo_and_one_name_of_a_hard_link(root: Path) -> None:
    os.mkfifo(root / "etc/pipe")
    (root / "etc/twin").hardlink_to(root / "etc/hostname")
    tree = editing(root)
    put(tree, "/etc/pipe")
    put(tree, "/etc/hostname")
    assert (root / "etc/pipe").read_bytes() == b"new"
    assert (root / "etc/twin").read_text() == "here\n"


@pytest.mark.parametrize("target", ["../../outside", "/../outside", "{outside}"])
def test_a_directory_symlink_out_of_the_tree_is_written_inside(
    root: Path, outside: Path, target: str
) -> None:
    (root / "etc/hostname").unlink()
    (root / "etc").rmdir()
    (root / "etc").symlink_to(target.format(outside=outside))
    journal = Journal()
    put(editing(root, journal), "/etc/machine-id", b"")
    assert (outside / "machine-id").read_text() == "precious"
    (_change, path) = journal[-1]
    assert (root / path.lstrip("/")).read_bytes() == b""


def test_a_directory_is_never_replaced_by_a_file(root: Path) -> None:
    with pytest.raises(IsADirectoryError):
        put(editing(root), "/etc")
    assert (root / "etc/hostname").exists()


def test_a_failed_write_leaves_the_old_file_and_no_draft(root: Path) -> None:
    tree = editing(root)
    with pytest.raises(TypeError, match="bytes-like"):
        tree.write("/etc/hostname", "text" * 3, mode=0o644)  # type: ignore[arg-type]
    assert [entry.name for entry in (root / "etc").iterdir()] == ["hostname"]
    assert (root / "etc/hostname").read_text() == "here\n"


@pytest.mark.parametrize("path", ["/", "", ".", "/etc/..", ".."])
def test_the_root_and_dot_dot_are_no_targets(root: Path, path: str) -> None:
    tree = editing(root)
    with pytest.raises(OSError, match="not the path of an entry"):
        put(tree, path)
    with pytest.raises(OSError, match="not the path of an entry"):
        tree.remove(path)
    assert (root / "etc/hostname").exists()


def test_a_tree_without_a_clock_is_never_changed(root: Path) -> None:
    tree = Tree(root)
    with pytest.raises(OSError, match="read-only"):
        put(tree, "/x")
    for change in (tree.remove, tree.empty):
        with pytest.raises(OSError, match="read-only"):
            change("/etc")
    assert (root / "etc/hostname").exists()


def test_removing_a_symlink_spares_what_it_points_to(root: Path, outside: Path) -> None:
    journal = Journal()
    (root / "away").symlink_to(outside)
    assert editing(root, journal).remove("/away")
    assert (outside / "machine-id").exists()
    assert journal == [("removed", "/away")]


def test_removing_a_directory_follows_no_symlink_in_it(root: Path, outside: Path) -> None:
    (root / "etc/deep/er").mkdir(parents=True)
    (root / "etc/deep/er/away").symlink_to(outside)
    (root / "etc/deep/er/kept").symlink_to("/bin")
    (root / "bin").mkdir()
    assert editing(root).remove("/etc")
    assert not (root / "etc").exists()
    assert (root / "bin").exists()
    assert (outside / "machine-id").exists()


def test_removing_a_very_deep_directory_works(root: Path) -> None:
    place = root / "deep"
    place.mkdir()
    for _level in range(1200):
        place /= "d"
        place.mkdir()
    assert editing(root).remove("/deep")
    assert not (root / "deep").exists()


def test_removing_what_is_not_there_says_so(root: Path) -> None:
    journal = Journal()
    tree = editing(root, journal)
    assert not tree.remove("/etc/none")
    assert not tree.remove("/none/below")
    assert not tree.empty("/none")
    assert journal == []


def test_emptying_keeps_the_directory_itself(root: Path) -> None:
    journal = Journal()
    (root / "home/anna").mkdir(parents=True)
    (root / "home/anna/letter").touch()
    (root / "home/b").touch()
    (root / "home").chmod(0o711)
    tree = editing(root, journal)
    assert tree.empty("/home")
    assert not tree.empty("/home")
    assert (root / "home").stat().st_mode & 0o7777 == 0o711
    assert list((root / "home").iterdir()) == []
    assert journal == [("removed", "/home/anna"), ("removed", "/home/b")]


def test_a_mount_inside_stops_a_removal_before_it_begins(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "etc/a").touch()
    (root / "etc/proc").mkdir()
    monkeypatch.setattr(
        "builder.inside.linux.mounts.mounts",
        lambda: (Mount(point=str(root / "etc/proc"), filesystem="proc", writable=True),),
    )
    tree = editing(root)
    for change in (tree.remove, tree.empty):
        with pytest.raises(OSError, match="something else is mounted here") as caught:
            change("/etc")
        assert caught.value.errno == errno.EXDEV
    assert (root / "etc/a").exists()


def test_the_mounts_of_this_machine_are_read() -> None:
    found = mounts()
    assert any(mount.point == "/" for mount in found)
    assert any(mount.filesystem == "proc" for mount in found)


def test_a_symlink_replaces_what_is_there_without_touching_it(root: Path, outside: Path) -> None:
    journal = Journal()
    (root / "etc/localtime").symlink_to(outside / "machine-id")
    (root / "etc/live").symlink_to(outside)
    editing(root, journal).symlink("/etc/localtime", "/usr/share/zoneinfo/UTC")
    assert str((root / "etc/localtime").readlink()) == "/usr/share/zoneinfo/UTC"
    assert (root / "etc/localtime").lstat().st_mtime == CLOCK
    assert (outside / "machine-id").read_text() == "precious"
    assert journal == [("changed", "/etc/localtime")]


def test_a_symlink_is_never_made_outside(root: Path, outside: Path) -> None:
    (root / "etc/wants").symlink_to(outside)
    editing(root).symlink("/etc/wants/unit", "/usr/lib/unit")
    assert [path.name for path in outside.iterdir()] == ["machine-id"]


def test_the_target_of_a_symlink_is_told_as_it_is_written(root: Path) -> None:
    (root / "etc/link").symlink_to("../a/../b")
    tree = editing(root)
    assert tree.link_target("/etc/link") == "../a/../b"
    assert tree.link_target("/etc/hostname") is None
    assert tree.link_target("/etc/none") is None
