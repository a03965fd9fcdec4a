"""Our reading of rsync's filter rules; tests/tools compares it with the real rsync."""

import pytest

from builder.inside.tree.excludes import filters
from builder.inside.tree.filter_rules import FilterRules


def left_out(rules: list[str], *paths: str) -> list[str]:
    """Return which of `paths` (a directory ends in "/") the rules leave out."""
    decide = FilterRules(rules)
    return [
        path
        for path in paths
        if not decide.copies(path.rstrip("/").encode(), directory=path.endswith("/"))
    ]


@pytest.mark.parametrize(
    ("pattern", "out", "copied"),
    [
        ("/swapfile", ["/swapfile", "/swapfile/"], ["/srv/swapfile", "/swapfile2"]),
        ("/home/*", ["/home/a", "/home/b/", "/home/\n"], ["/home/", "/srv/home/a"]),
        ("lost+found", ["/lost+found/", "/srv/lost+found"], ["/lost+found2", "/lostfound"]),
        ("*_backup/.snapshots", ["/a_backup/.snapshots/", "/x/_backup/.snapshots"],
         ["/.snapshots/", "/a_backup/x/.snapshots"]),
        ("/var/log/**", ["/var/log/a", "/var/log/a/b/"], ["/var/log/", "/srv/var/log/a"]),
        ("dir/", ["/dir/", "/a/dir/"], ["/dir"]),
        ("/dir/***", ["/dir/", "/dir/a", "/dir/a/b"], ["/dir", "/dirs/"]),
        ("**/x", ["/x", "/a/b/x/"], ["/ax"]),
        ("a**z", ["/a/b/z", "/q/az"], ["/qa/z"]),
        ("/?[!a]", ["/xb", "/aB/"], ["/xa", "/x/", "/xbc"]),
        ("/[a-cx]", ["/b", "/x"], ["/d", "/-"]),
        ("/[]]", ["/]"], ["/["]),
        ("/[[:digit:]z]", ["/7", "/z"], ["/a", "/:"]),
        ("/[a", [], ["/[a", "/a"]),
        (r"/my swap\[1]", ["/my swap[1]"], ["/my swap1"]),
        (r"/back\slash", [r"/back\slash"], ["/backslash"]),
        ("/\N{LATIN SMALL LETTER A WITH DIAERESIS}?", ["/\N{LATIN SMALL LETTER A WITH DIAERESIS}x"],
         ["/\N{LATIN SMALL LETTER A WITH DIAERESIS}"]),
    ],
)  # fmt: skip
def test_a_pattern_means_what_it_means_to_rsync(
    pattern: str, out: list[str], copied: list[str]
) -> None:
    assert left_out([f"- {pattern}"], *out, *copied) == out


def test_the_first_rule_that_matches_decides() -> None:
    paths = ("/var/log/apt/", "/var/log/apt/term.log", "/var/log/journal/0/")
    assert left_out(list(filters()), *paths) == ["/var/log/apt/term.log", "/var/log/journal/0/"]
    assert left_out(["- /var/log/apt", *filters()], *paths) == list(paths)


def test_without_rules_all_is_copied() -> None:
    assert left_out([], "/a", "/a/") == []


def test_names_are_bytes() -> None:
    rules = FilterRules(["- /odd/*"])
    assert not rules.copies(b"/odd/\xff\n", directory=False)
    assert rules.copies(b"/\xff\n", directory=False)


@pytest.mark.parametrize(
    "rule", ["", "- ", "/etc", "!", ". /etc/rules", "-! /etc", "P /etc", "-/ x"]
)
def test_a_rule_of_another_kind_is_refused(rule: str) -> None:
    with pytest.raises(ValueError, match="unsupported filter rule"):
        FilterRules([rule])
