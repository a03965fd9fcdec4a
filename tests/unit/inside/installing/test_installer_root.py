"""The installer's root: which packages, which of their files, and where they really are."""

import re
from pathlib import Path

import pytest

from builder.basics.errors import StepError
from builder.formats.answers import FileSystem
from builder.inside.installing.defaults import default_file_system
from builder.inside.installing.root import InstallerRoot, closure
from tests.support.trees import put

LISTING = "\n".join(
    (
        "one\t,two (>= 1), three | four, virtual:any\t\t.",
        "two\t,one, dpkg\t\t.",
        "four\t,\t\t.",
        "real\t,\tvirtual (= 1), more\t.",
        "dpkg\t,four\t\t.",
        "other\t,\t\t.",
    )
)


def test_what_is_wanted_comes_with_what_it_needs_of_what_is_installed() -> None:
    assert closure(LISTING, ("one",)) == ("four", "one", "real", "two")


def test_a_package_that_is_missing_is_named() -> None:
    with pytest.raises(StepError, match="lacks the package five"):
        closure(LISTING, ("five",))


def image(root: Path) -> Path:
    put(root, "usr/bin/tool", "tool").chmod(0o4755)
    put(root, "usr/lib/libc.so.6", "library")
    put(root, "usr/share/doc/tool/copyright", "words")
    put(root, "usr/share/doc/tool/changelog.gz", "words")
    put(root, "usr/share/man/man1/tool.1", "words")
    (root / "lib").symlink_to("usr/lib")
    (root / "usr/bin/alias").symlink_to("tool")
    paths = ("/.", "/usr", "/usr/bin", "/usr/bin/tool", "/usr/bin/alias", "/usr/share/man",
             "/usr/share/doc/tool/copyright", "/usr/share/doc/tool/changelog.gz",
             "/usr/share/man/man1/tool.1", "/usr/bin/gone")  # fmt: skip
    put(root, "var/lib/dpkg/info/tool.list", "\n".join(paths) + "\n")
    put(root, "var/lib/dpkg/info/libc6:amd64.list", "/lib\n/lib/libc.so.6\n")
    return root


def made(tmp_path: Path) -> Path:
    put(tmp_path, "code/inside/a.py", "pass\n")
    put(tmp_path, "code/inside/__pycache__/a.pyc", "")
    target = tmp_path / "target"
    root = InstallerRoot(
        image=image(tmp_path / "image"),
        target=target,
        file_system=FileSystem.BTRFS,
        clock=1000,
        code=tmp_path / "code",
    )
    root.make(("tool", "libc6"))
    return target


def test_it_has_the_files_of_its_packages_and_our_code(tmp_path: Path) -> None:
    target = made(tmp_path)
    files = {path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()}
    assert files == {
        "usr/bin/tool", "usr/bin/alias", "usr/lib/libc.so.6", "lib/libc.so.6",
        "usr/share/doc/tool/copyright", "usr/lib/distroclone-builder/builder/inside/a.py",
        "usr/lib/distroclone-builder/defaults.yaml",
    } - {"lib/libc.so.6"}  # fmt: skip
    defaults = target / "usr/lib/distroclone-builder/defaults.yaml"
    assert default_file_system(defaults) is FileSystem.BTRFS
    assert (target / "lib").is_symlink()
    assert (target / "usr/bin/tool").stat().st_mode & 0o7777 == 0o755
    assert {each.name for each in target.iterdir()} >= {"dev", "proc", "run", "stick", "target"}


def test_everything_in_it_has_one_date(tmp_path: Path) -> None:
    target = made(tmp_path)
    assert {path.lstat().st_mtime for path in (target, *target.rglob("*"))} == {1000}


def test_a_package_without_a_list_is_missing(tmp_path: Path) -> None:
    root = InstallerRoot(
        image=image(tmp_path / "image"), target=tmp_path / "t", file_system=None, clock=0
    )
    with pytest.raises(StepError, match=re.escape("lacks the package other")):
        root.make(("other",))
