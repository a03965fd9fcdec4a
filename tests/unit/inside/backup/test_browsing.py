"""What a snapshot has is listed as it is there, and compared by what a copy keeps."""

import os
import shutil
from pathlib import Path

import pytest

from builder.basics.errors import SourceError
from builder.border.backups import BrowseRequest, Change, Listing
from builder.formats.inventory import EntryType
from builder.inside.backup import browsing as module
from builder.inside.backup.browsing import browse, fitting
from builder.inside.source.unfinished import MARK
from tests.support.systems import RecordingSystem
from tests.support.trees import make_system, put

HOSTILE = os.fsdecode(b"\x1b]0;gone\x07\xff\n")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A snapshot of a system, with links that lead out of it."""
    root = make_system(tmp_path / "newer")
    put(root, "etc/app/a.conf", "12345")
    put(root, "home/alice/Letter to Bob.odt")
    put(root, f"home/alice/{HOSTILE}")
    put(root, ".snapshots/1/info.xml")
    put(root, MARK)
    (root / "etc/outside").symlink_to("/../../secret")
    (root / "etc/loop").symlink_to("loop")
    (root / "home/bob").symlink_to("/home/alice")
    put(tmp_path, "secret/key")
    return root


def listed(tree: Path, path: str = "/", *, find: str | None = None, most: int = 100) -> Listing:
    request = BrowseRequest(path=path, pattern=find, compared=False, most=most)
    return browse(request, system=RecordingSystem(), source=tree)


def paths(listing: Listing) -> list[str]:
    return [each.path for each in listing.entries]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", ["/bin", "/boot", "/etc", "/home", "/lib", "/sbin", "/usr", "/var"]),
        ("/etc/app", ["/etc/app/a.conf"]),
        ("etc/../etc//app/", ["/etc/app/a.conf"]),
        ("/etc/app/a.conf", ["/etc/app/a.conf"]),
        ("/bin", ["/usr/bin/dash", "/usr/bin/sh"]),
        ("/home/bob", [f"/home/alice/{HOSTILE}", "/home/alice/Letter to Bob.odt"]),
        ("/etc/outside", ["/etc/outside"]),
        ("/etc/loop", ["/etc/loop"]),
    ],
)
def test_a_folder_is_listed_and_anything_else_is_there_by_itself(
    tree: Path, path: str, expected: list[str]
) -> None:
    found = listed(tree, path)
    assert paths(found) == expected
    assert found.count == len(expected)


@pytest.mark.parametrize("path", ["/etc/none", "/etc/outside/key", "/etc/loop/x", "/" + "x" * 300])
def test_what_is_not_there_is_said(tree: Path, path: str) -> None:
    with pytest.raises(SourceError, match="is not in the snapshot") as caught:
        listed(tree, path)
    assert caught.value.hint is not None
    assert "--find" in caught.value.hint


def test_an_entry_says_what_it_is(tree: Path) -> None:
    (tree / "etc/app/a.conf").chmod(0o4750)
    os.utime(tree / "etc/app/a.conf", ns=(0, -1))
    (entry,) = listed(tree, "/etc/app").entries
    assert (entry.type, entry.mode, entry.size, entry.mtime) == (EntryType.FILE, 0o4750, 5, -1)
    assert (entry.uid, entry.gid, entry.change) == (os.getuid(), os.getgid(), None)
    (link,) = [each for each in listed(tree, "/etc").entries if each.path == "/etc/outside"]
    assert (link.type, link.target, link.size) == (EntryType.LINK, "/../../secret", 0)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("letter", ["/home/alice/Letter to Bob.odt"]),
        ("*.ODT", ["/home/alice/Letter to Bob.odt"]),
        ("a.conf", ["/etc/app/a.conf"]),
        ("/etc/a*", ["/etc/app", "/etc/app/a.conf"]),
        ("/app/", ["/etc/app/a.conf"]),
        ("[xyz]*", []),
        ("snapshots", []),
    ],
)
def test_names_are_found_at_any_depth(tree: Path, pattern: str, expected: list[str]) -> None:
    assert paths(listed(tree, find=pattern)) == expected


def test_a_pattern_without_a_folder_is_for_the_last_name_alone() -> None:
    assert not fitting("alice")("/home/alice/letter")
    assert fitting("*")(f"/home/{HOSTILE}")


def test_too_many_are_counted(tree: Path) -> None:
    found = listed(tree, most=3)
    assert (len(found.entries), found.count) == (3, 8)


def test_a_folder_that_cannot_be_read_is_named(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a disk that gives out: the rest is what is wanted most then."""
    real = os.listdir

    def failing(path: bytes) -> list[bytes]:
        if path.endswith(b"/etc/app"):
            raise OSError(5, "Input/output error")
        return real(path)

    monkeypatch.setattr(os, "listdir", failing)
    system = RecordingSystem()
    request = BrowseRequest(path="/", pattern="*.odt", compared=False, most=9)
    assert browse(request, system=system, source=tree).count == 1
    assert any("cannot be read" in each for each in system.notes)


@pytest.fixture
def earlier(tree: Path) -> Path:
    """The same system, a day before, on another volume."""
    return Path(shutil.copytree(tree, tree.with_name("earlier"), symlinks=True))


def compared(tree: Path, earlier: Path, path: str = "/", find: str | None = None) -> list[object]:
    request = BrowseRequest(path=path, pattern=find, compared=True, most=100)
    found = browse(request, system=RecordingSystem(), source=tree, earlier=earlier)
    return [(each.change, each.path) for each in found.entries]


def test_what_came_changed_and_went_is_told(tree: Path, earlier: Path) -> None:
    assert compared(tree, earlier) == []
    put(tree, "etc/app/b/new.conf")
    put(earlier, "etc/app/went.conf", "123456")
    (tree / "etc/app/a.conf").chmod(0o600)
    put(tree, "var/lib/dpkg/status", "longer than it was before" * 100)
    (tree / "home/bob").unlink()
    (tree / "home/bob").symlink_to("/home/carol")
    (tree / "usr/bin/sh").unlink()
    put(tree, "usr/bin/sh/inside")
    assert compared(tree, earlier) == [
        (Change.CHANGED, "/etc/app/a.conf"),
        (Change.ADDED, "/etc/app/b"),
        (Change.ADDED, "/etc/app/b/new.conf"),
        (Change.DELETED, "/etc/app/went.conf"),
        (Change.CHANGED, "/home/bob"),
        (Change.CHANGED, "/usr/bin/sh"),
        (Change.ADDED, "/usr/bin/sh/inside"),
        (Change.CHANGED, "/var/lib/dpkg/status"),
    ]
    assert compared(tree, earlier, find="*.conf") == [
        (Change.CHANGED, "/etc/app/a.conf"),
        (Change.ADDED, "/etc/app/b/new.conf"),
        (Change.DELETED, "/etc/app/went.conf"),
    ]
    assert compared(tree, earlier, "/etc/app/went.conf") == [(Change.DELETED, "/etc/app/went.conf")]
    with pytest.raises(SourceError, match="is not in the snapshot"):
        compared(tree, earlier, "/none")


def test_attributes_are_compared_and_the_times_of_folders_are_not(
    tree: Path, earlier: Path
) -> None:
    os.utime(tree / "etc", (1, 1))
    os.setxattr(tree / "etc/app/a.conf", "user.note", b"mine")
    assert compared(tree, earlier) == [(Change.CHANGED, "/etc/app/a.conf")]


def test_an_earlier_snapshot_that_is_deleted_meanwhile_is_no_proof_of_anything_new(
    tree: Path, earlier: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = module._entry

    def deleting(*given: object) -> object:
        shutil.rmtree(earlier)
        earlier.mkdir()
        return real(*given)  # type: ignore[arg-type]

    put(tree, "boot/new")
    monkeypatch.setattr(module, "_entry", deleting)
    request = BrowseRequest(path="/boot", pattern=None, compared=True, most=1)
    with pytest.raises(SourceError, match="earlier snapshot was deleted or changed"):
        browse(request, system=RecordingSystem(), source=tree, earlier=earlier)
