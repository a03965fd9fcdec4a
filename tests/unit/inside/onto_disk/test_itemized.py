"""rsync's lines about changes, with all that names may be."""

import pytest

from builder.border.whole_systems import Paths
from builder.inside.onto_disk.itemized import Changes, real_path


def read(*lines: str, folders: tuple[str, ...] = ("",)) -> Changes:
    changes = Changes(folders=folders)
    assert all(map(changes.take, lines))
    return changes


def test_what_comes_and_what_goes_is_told_by_its_top_and_counted_one_by_one() -> None:
    found = read(
        "cd+++++++++ 4096 opt/old/",
        "cd+++++++++ 4096 opt/old/in/",
        ">f+++++++++ 12 opt/old/in/file",
        "cL+++++++++ 3 opt/old-link",
        "*deleting   0 opt/new/in/file",
        "*deleting   0 opt/new/in/",
        "*deleting   0 opt/new/",
        "*deleting   0 opt/newer",
    )
    assert found.added.told() == Paths(count=4, some=("/opt/old/", "/opt/old-link"))
    assert found.deleted.told() == Paths(count=4, some=("/opt/new/", "/opt/newer"))


def test_settings_are_named_first_and_times_of_folders_not_at_all() -> None:
    found = read(
        ">f.st...... 12 bin/tool",
        ".d..t...... 4096 etc/",
        ".d...p..... 4096 srv/",
        ">f.st...... 7 etc/hosts",
        ".f...pog... 7 usr/bin/su",
        "cLc.T...... 3 usr/lib/libc.so",
    )
    assert found.changed.told() == Paths(
        count=5, some=("/etc/hosts", "/bin/tool", "/srv/", "/usr/bin/su", "/usr/lib/libc.so")
    )
    assert found.added.count == found.deleted.count == 0


def test_what_has_to_be_copied_is_counted_for_each_file_system() -> None:
    found = read(
        ">f.st...... 12 var/lib/x",
        ">f+++++++++ 30 var/lib/y",
        ">f.st...... 7 variety",
        ".f...p..... 99 var/z",
        folders=("var/lib/", "var/", ""),
    )
    assert found.sizes == {"var/lib/": 42, "": 7}


@pytest.mark.parametrize(
    ("told", "path"),
    [
        ("li\\#012ne", b"li\nne"),
        ("b\\#134#012\\#377", b"b\\#012\xff"),
        ("ch\u00e4nged", "ch\u00e4nged".encode()),
        (" lead", b" lead"),
        ("plain\\n", b"plain\\n"),
    ],
)
def test_a_name_is_found_again_whatever_is_in_it(told: str, path: bytes) -> None:
    assert real_path(told) == path
    assert read(f">f.st...... 1 {told}").paths() == (told,)


@pytest.mark.parametrize(
    "line",
    ["", "Number of files: 12", "rsync: [sender] change_dir failed", "              0   0%"],
)
def test_other_lines_are_not_taken(line: str) -> None:
    assert not Changes().take(line)


def test_terminal_codes_in_names_are_not_shown() -> None:
    assert read(">f.st...... 1 etc/\u202ex").changed.told().some == ("/etc/x",)
