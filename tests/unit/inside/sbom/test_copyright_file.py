"""What a package's copyright file declares, and what a hostile one does not."""

import gzip
import os
from pathlib import Path

import pytest

from builder.inside.sbom.copyright_file import declared_license
from builder.inside.tree.tree import Tree
from tests.support.trees import put

HEADER = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"
REAL = f"""{HEADER}Upstream-Name: x
License: GPL-2+
Comment: of the whole, which does not count

# a remark
Files: *
Copyright: 1999 Somebody
License: GPL-2+ or Artistic
 On Debian systems:
 .
 License: this line is text

Files: lib/*
 lib/more/*
license:   Expat

License: Expat
 Permission is hereby granted
"""


def declared(root: Path) -> str:
    return declared_license(Tree(root), "x")


def copyright_of(root: Path, content: bytes | str) -> Path:
    return put(root, "usr/share/doc/x/copyright", content)


def stanzas(*licenses: str) -> str:
    return HEADER + "".join(f"\nFiles: {n}\nLicense: {each}\n" for n, each in enumerate(licenses))


def test_the_licences_of_all_files_are_declared(tmp_path: Path) -> None:
    copyright_of(tmp_path, REAL)
    assert declared(tmp_path) == "(Artistic-1.0 OR GPL-2.0-or-later) AND MIT"


def test_one_licence_stands_alone_however_often(tmp_path: Path) -> None:
    copyright_of(tmp_path, stanzas("GPL-2+ or Artistic", "Artistic or GPL-2+"))
    assert declared(tmp_path) == "Artistic-1.0 OR GPL-2.0-or-later"


def test_the_order_of_the_paragraphs_does_not_matter(tmp_path: Path) -> None:
    copyright_of(tmp_path, stanzas("ISC", "GPL-2", "Expat"))
    first = declared(tmp_path)
    copyright_of(tmp_path, stanzas("Expat", "ISC", "GPL-2", "ISC"))
    assert declared(tmp_path) == first == "GPL-2.0-only AND ISC AND MIT"


def test_a_link_to_another_package_is_followed(tmp_path: Path) -> None:
    put(tmp_path, "usr/share/doc/other/copyright", stanzas("ISC"))
    (tmp_path / "usr/share/doc/x").symlink_to("other")
    assert declared(tmp_path) == "ISC"


def test_a_compressed_file_is_read(tmp_path: Path) -> None:
    put(tmp_path, "usr/share/doc/x/copyright.gz", gzip.compress(stanzas("ISC").encode()))
    assert declared(tmp_path) == "ISC"


@pytest.mark.parametrize(
    "content",
    [
        "", "\n\n\n", "This package was debianized by Somebody", "\x00" * 1000, HEADER,
        REAL.replace(HEADER, ""), REAL.replace("copyright-format/1.0", "copyright-format/2.0"),
        HEADER.replace("www.debian.org", "debian.example") + "\nFiles: *\nLicense: ISC\n",
        stanzas("ISC", ""), stanzas("ISC", "Permission is hereby granted, free of charge"),
        stanzas("ISC", "\x1b]0;x\x07"), stanzas("ISC", "x" * 100_000),
        stanzas(*(f"license-{number}" for number in range(400))),
        HEADER + "\nFiles: *\nCopyright: Somebody\n",
        b"\xff\xfe" + REAL.encode("utf-16-le"),
    ],
)  # fmt: skip
def test_a_file_that_is_not_of_the_format_or_strange_declares_nothing(
    tmp_path: Path, content: bytes | str
) -> None:
    copyright_of(tmp_path, content)
    assert declared(tmp_path) == ""


def test_a_file_without_end_declares_nothing(tmp_path: Path) -> None:
    with copyright_of(tmp_path, stanzas("ISC")).open("r+b") as file:
        file.truncate(1 << 40)  # sparse
    assert declared(tmp_path) == ""


@pytest.mark.parametrize(
    "packed",
    [
        gzip.compress(stanzas("ISC").encode() + b"\n" * (64 << 20)),
        gzip.compress(stanzas("ISC").encode())[:-10],
        b"\x1f\x8b",
        b"no gzip at all",
    ],
    ids=["bomb", "cut off", "header", "text"],
)
def test_a_compressed_file_that_is_a_trap_declares_nothing(tmp_path: Path, packed: bytes) -> None:
    put(tmp_path, "usr/share/doc/x/copyright.gz", packed)
    assert declared(tmp_path) == ""


def test_what_is_no_file_declares_nothing(tmp_path: Path) -> None:
    assert declared(tmp_path) == ""
    place = tmp_path / "usr/share/doc/x"
    place.mkdir(parents=True)
    os.mkfifo(place / "copyright")
    assert declared(tmp_path) == ""
    (place / "copyright").unlink()
    (place / "copyright").symlink_to("copyright")
    assert declared(tmp_path) == ""


def test_no_link_leads_out_of_the_tree(tmp_path: Path) -> None:
    put(tmp_path, "outside/copyright", stanzas("ISC"))
    root = tmp_path / "root"
    (root / "usr/share/doc/x").mkdir(parents=True)
    (root / "usr/share/doc/x/copyright").symlink_to("../../../../../outside/copyright")
    assert declared(root) == ""
