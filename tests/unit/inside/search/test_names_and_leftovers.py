"""Secrets in names and links, compiled Python of an older source, and what is no package's own."""

import os
import py_compile
from pathlib import Path

import pytest

from builder.inside.search.gather import gather
from builder.inside.search.tree_search import tree_search
from builder.inside.search.words import Word
from builder.inside.tree.tree import Tree

TOKEN = "ghp_" + "a1B2c3D4e5F6" * 3


def put(root: Path, path: str, text: str = "x\n") -> Path:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def search(root: Path) -> list[tuple[str, str]]:
    words = (Word(kind="user-name", spelling="zoltan"),)
    found = tree_search(root, words).whole(root, on_progress=lambda _fraction: None)
    return [(each.path, each.rule) for each in found]


def test_a_token_in_the_name_of_a_file_is_found(tmp_path: Path) -> None:
    put(tmp_path, f"opt/{TOKEN}.txt")
    put(tmp_path, "opt/ghp_short.txt")
    assert search(tmp_path) == [(f"/opt/{TOKEN}.txt", "token")]


def test_a_token_in_the_name_of_a_folder_is_found(tmp_path: Path) -> None:
    (tmp_path / "opt/AKIAQ3ZT7WC2LK5RV4XP").mkdir(parents=True)
    assert search(tmp_path) == [("/opt/AKIAQ3ZT7WC2LK5RV4XP", "token")]


def test_a_password_in_the_target_of_a_link_is_found(tmp_path: Path) -> None:
    (tmp_path / "opt").mkdir()
    (tmp_path / "opt/lock").symlink_to("https://bob:geheim99@h.example/x")
    (tmp_path / "opt/other").symlink_to("https://h.example/x")
    assert search(tmp_path) == [("/opt/lock", "credential")]


def compiled(root: Path, *, was: str, source: str) -> Path:
    """Compile a program that says `was`; its source then says `source`."""
    program = put(root, "opt/app/settings.py", was)
    target = root / "opt/app/__pycache__/settings.cpython-311.pyc"
    target.parent.mkdir()
    py_compile.compile(str(program), cfile=str(target))
    if source != was:
        program.write_text(source)
        os.utime(program, (1_700_000_000, 1_700_000_000))
    return target


def test_compiled_python_of_an_older_source_is_searched(tmp_path: Path) -> None:
    compiled(tmp_path, was=f"K = '{TOKEN}'\n", source="import os\n")
    assert search(tmp_path) == [("/opt/app/__pycache__/settings.cpython-311.pyc", "token")]


def test_compiled_python_of_the_source_beside_it_is_told_once(tmp_path: Path) -> None:
    compiled(tmp_path, was=f"K = '{TOKEN}'\n", source=f"K = '{TOKEN}'\n")
    assert search(tmp_path) == [("/opt/app/settings.py", "token")]


def test_compiled_python_that_is_damaged_is_searched(tmp_path: Path) -> None:
    compiled(tmp_path, was="x = 1\n", source="x = 1\n").write_bytes(TOKEN.encode())
    assert search(tmp_path) == [("/opt/app/__pycache__/settings.cpython-311.pyc", "token")]


@pytest.mark.parametrize(
    "path",
    ["var/lib/dpkg/info/notes.txt", "var/lib/dpkg/info/copy", "etc/ssl/certs/0a1b2c3d.0",
     "etc/ld.so.cache"],
)  # fmt: skip
def test_what_only_lies_beside_derived_files_is_searched(tmp_path: Path, path: str) -> None:
    put(tmp_path, path, f"/home/zoltan/lib {TOKEN}\n")
    assert (f"/{path}", "token") in search(tmp_path)


@pytest.mark.parametrize("path", ["var/lib/dpkg/info/a.postinst", "var/lib/dpkg/info/a:amd64.list"])
def test_what_packages_brought_to_dpkg_is_not(tmp_path: Path, path: str) -> None:
    put(tmp_path, path, f"/home/zoltan/lib {TOKEN}\n")
    assert search(tmp_path) == []


@pytest.mark.parametrize("moved", ["var", "var/lib", "var/lib/dpkg"])
def test_nor_is_it_where_its_folder_was_moved_to(tmp_path: Path, moved: str) -> None:
    put(tmp_path, "var/lib/dpkg/info/a.postinst", f"{TOKEN}\n")
    put(tmp_path, "var/lib/dpkg/info/notes.txt", f"{TOKEN}\n")
    (tmp_path / "data").mkdir()
    (tmp_path / moved).rename(tmp_path / "data/moved")
    (tmp_path / moved).symlink_to("/data/moved")
    rest = "var/lib/dpkg/info/notes.txt".removeprefix(moved)
    assert search(tmp_path) == [(f"/data/moved{rest}", "token")]


def test_a_copy_of_dpkgs_folder_that_no_link_leads_to_is_searched(tmp_path: Path) -> None:
    put(tmp_path, "data/var/lib/dpkg/info/a.postinst", f"{TOKEN}\n")
    assert search(tmp_path) == [("/data/var/lib/dpkg/info/a.postinst", "token")]


def machine(root: Path, maintainer: str) -> Path:
    put(root, "etc/hostname", "wuppertal\n")
    put(root, "etc/passwd", "zoltan:x:1000:1000::/home/zoltan:/bin/sh\n")
    put(root, "var/lib/dpkg/status", f"Package: own\nMaintainer: {maintainer}\nDescription: x\n\n")
    return root


def test_a_package_that_was_made_here_makes_no_name_common(tmp_path: Path) -> None:
    words = gather(Tree(machine(tmp_path, "Zoltan <zoltan@wuppertal>")))
    assert {each.common for each in words if each.spelling == "zoltan"} == {False}


def test_a_package_of_somebody_else_does(tmp_path: Path) -> None:
    words = gather(Tree(machine(tmp_path, "Zoltan <zoltan@debian.org>")))
    assert {each.common for each in words if each.spelling == "zoltan"} == {True}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("etc/cron.d/report", "MAILTO=boss@acme.example\n"),
        ("etc/apt/apt.conf.d/51mail", 'Unattended-Upgrade::Mail "boss@acme.example";\n'),
        ("etc/smartd.conf", "DEVICESCAN -m boss@acme.example\n"),
    ],
)
def test_whoever_is_told_by_mail_is_a_word_of_the_machine(
    tmp_path: Path, path: str, text: str
) -> None:
    put(tmp_path, path, text)
    assert "boss@acme.example" in {each.spelling for each in gather(Tree(tmp_path))}


def test_a_file_that_is_also_a_derived_one_by_name_is_searched(tmp_path: Path) -> None:
    first = put(tmp_path, "etc/ssl/certs/ca-certificates.crt", f"{TOKEN}\n")
    (tmp_path / "opt").mkdir()
    (tmp_path / "opt/copy").hardlink_to(first)
    assert search(tmp_path) == [("/opt/copy", "token")]
