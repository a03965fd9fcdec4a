"""What a dpkg status file says, whoever wrote it."""

import os
from pathlib import Path

import pytest

from builder.formats.package import Package
from builder.inside.debian import dpkg
from builder.inside.debian.dpkg import InstalledPackage, parse_status, read_packages
from builder.inside.tree.tree import Tree
from tests.support.trees import put

STATUS = """\
Package: zlib1g
Status: install ok installed
Architecture: amd64
Source: zlib (1:1.3.dfsg+really1.3.1-1)
Version: 1:1.3.dfsg+really1.3.1-1+b1
Description: compression library
 Status: install ok installed in the middle of a description
 .

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1

Package: adduser
Status: hold ok installed
Architecture: all
Version: 3.152
Installed-Size: 686

Package: half
Status: install reinstreq half-installed
Architecture: amd64
Version: 2
"""
ADDUSER = Package(name="adduser", architecture="all", version="3.152")
ZLIB = Package(name="zlib1g", architecture="amd64", version="1:1.3.dfsg+really1.3.1-1+b1")


def stanza(**fields: str) -> str:
    given = {"Package": "x", "Status": "install ok installed", "Version": "1"} | fields
    return "".join(f"{name}: {value}\n" for name, value in given.items()) + "\n"


def test_only_installed_packages_count_and_they_are_sorted() -> None:
    assert [each.package for each in parse_status(STATUS.encode())] == [ADDUSER, ZLIB]


def test_a_package_knows_its_source_package_and_its_size() -> None:
    assert parse_status(STATUS.encode()) == (
        InstalledPackage(
            package=ADDUSER, source="adduser", source_version="3.152", installed_size=686 * 1024
        ),
        InstalledPackage(
            package=ZLIB,
            source="zlib",
            source_version="1:1.3.dfsg+really1.3.1-1",
            installed_size=0,
        ),
    )


@pytest.mark.parametrize(
    ("source", "name", "version"),
    [
        ("y", "y", "1"), ("y (2)", "y", "2"), ("y  (2)", "y", "2"), ("", "x", "1"),
        ("y (2", "x", "1"), ("../y (2)", "x", "1"), ("y (\x1b[2J)", "y", "1"), ("y z", "x", "1"),
    ],
)  # fmt: skip
def test_a_source_that_is_none_is_the_package_itself(source: str, name: str, version: str) -> None:
    (found,) = parse_status(stanza(Source=source).encode())
    assert (found.source, found.source_version) == (name, version)


@pytest.mark.parametrize("size", ["", "-1", "1.5", "0x10", "1" * 13, "\x1b", "\u0661"])
def test_a_size_that_is_none_is_nothing(size: str) -> None:
    (found,) = parse_status(stanza(**{"Installed-Size": size}).encode())
    assert found.installed_size == 0


@pytest.mark.parametrize(
    "text", ["", "\n\n\n", "no colon here\n", "Status: install ok installed\n"]
)
def test_a_broken_status_file_has_no_packages(text: str) -> None:
    assert parse_status(text.encode()) == ()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("Package", "../../etc/passwd"), ("Package", "a b"), ("Package", "-x"), ("Package", "\x1b"),
        ("Package", "x" * 300), ("Package", "\u00e4"), ("Version", "1 2"), ("Version", "1/2"),
        ("Version", "1" * 300), ("Architecture", "../x"), ("Architecture", "AMD64"),
    ],
)  # fmt: skip
def test_what_dpkg_itself_would_refuse_is_no_package(field: str, value: str) -> None:
    text = stanza(**{field: value}) + stanza(Package="good")
    assert [each.package.name for each in parse_status(text.encode())] == ["good"]


def test_field_names_may_have_any_case_and_what_comes_twice_counts_once() -> None:
    text = "package: x\nSTATUS: install ok installed\nVersion: 1\n\n" + stanza()
    (found,) = parse_status(text.encode())
    assert found.package == Package(name="x", architecture="", version="1")


def test_a_status_that_is_too_large_is_refused_not_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dpkg, "MOST_BYTES", 100)
    put(tmp_path, "var/lib/dpkg/status", STATUS)
    with pytest.raises(OSError, match="larger than 100 bytes"):
        read_packages(Tree(tmp_path))


def test_a_status_that_is_no_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "var/lib/dpkg").mkdir(parents=True)
    os.mkfifo(tmp_path / "var/lib/dpkg/status")
    with pytest.raises(OSError, match="not a regular file"):
        read_packages(Tree(tmp_path))
