"""Our reading of rsync's filter rules; tests/tools compares it with the real rsync."""

import os
import random
import re
import time

import pytest

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
    logs = ["- /var/log/journal/*", "+ /var/log/**/", "- /var/log/**"]
    assert left_out(logs, *paths) == ["/var/log/apt/term.log", "/var/log/journal/0/"]
    assert left_out(["- /var/log/apt", *logs], *paths) == list(paths)


@pytest.mark.parametrize(
    ("rules", "out"),
    [
        (["+ /a/b", "- /a/*"], ["/a/c"]),
        (["- /a/*", "+ /a/b"], ["/a/b", "/a/c"]),
        (["+ /a/*", "- /a/b"], []),
        (["- /a/b", "+ /a/b"], ["/a/b"]),
        (["+ /a/b/", "- /a/b"], ["/a/b"]),
        (["- /a/\\b"], []),
    ],
)
def test_a_rule_that_names_one_path_has_its_turn(rules: list[str], out: list[str]) -> None:
    assert left_out(rules, "/a/b", "/a/c") == out


def test_thousands_of_rules_that_name_one_path_cost_nothing() -> None:
    rules = FilterRules([*(f"+ /var/lib/{each}" for each in range(5000)), "- /var/**"])
    start = time.process_time()
    found = [rules.copies(b"/var/lib/%d" % each, directory=False) for each in range(100_000)]
    assert time.process_time() - start < 3.0
    assert found.index(False) == 5000


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


# --- patterns of many stars -------------------------------------------------------------------

_SETS = {"[ab]": "[ab]", "[!a]": "[^a/]", "[]/]": "[]]", r"\*": r"\*", r"\b": "b"}


def naive(parts: list[str]) -> str:
    """Return the regex that tries everything, of a pattern in parts."""
    stars = {"*": "[^/]*", "**": ".*", "?": "[^/]"}
    return "".join(stars.get(part) or _SETS.get(part) or re.escape(part) for part in parts)


def parts_of_a_pattern(dice: random.Random) -> list[str]:
    parts: list[str] = []
    for _ in range(dice.randint(1, 8)):
        kinds = ["a", "b", "/", "?", *_SETS]
        if not parts or parts[-1] not in ("*", "**"):
            kinds += ["*", "**"] * 2
        parts.append(dice.choice(kinds))
    return parts


def test_short_patterns_match_what_trying_everything_matches() -> None:
    dice = random.Random(20260617)  # noqa: S311 - no secrets
    matched = 0
    for _ in range(6000):
        parts = ["/", *parts_of_a_pattern(dice)]
        if "".join(parts).endswith("/") or not set("*?[") & set("".join(parts)):
            continue
        expected = re.compile(naive(parts), re.DOTALL)
        rules = FilterRules([f"- {''.join(parts)}"])
        for _ in range(20):
            path = "/" + "".join(dice.choice("aab/]*") for _ in range(dice.randint(1, 9)))
            found = not rules.copies(path.encode(), directory=False)
            assert found == (expected.fullmatch(path) is not None), ("".join(parts), path)
            matched += found
    assert matched > 1000


def test_patterns_without_a_place_match_at_every_depth_as_before() -> None:
    dice = random.Random(20260618)  # noqa: S311 - no secrets
    matched = 0
    for _ in range(6000):
        parts = parts_of_a_pattern(dice)
        text = "".join(parts)
        if text.startswith(("/", "**")) or text.endswith("/") or not set("*?[") & set(text):
            continue
        names = text.count("/")
        place = ".*/"
        if "**" not in text and names:
            place += f"(?=(?:[^/]*/){{{names}}}[^/]*\\Z)"
        expected = re.compile(place + naive(parts), re.DOTALL)
        rules = FilterRules([f"- {text}"])
        for _ in range(20):
            path = "/" + "".join(dice.choice("aab/]*") for _ in range(dice.randint(1, 9)))
            found = not rules.copies(path.encode(), directory=False)
            assert found == (expected.fullmatch(path) is not None), (text, path)
            matched += found
    assert matched > 1000


_MANY = "a" * 4000
_DEEP = "/a" * 2000


@pytest.mark.parametrize("path", [f"/{_MANY}", _DEEP, f"/{_MANY[:60]}", f"{_DEEP}/{_MANY}"])
@pytest.mark.parametrize(
    "pattern",
    [
        "/**a**a**a**a**a**a**a**a**b",
        "/" + "*a" * 30 + "b",
        "/" + "*a**a" * 20 + "b",
        "/" + "**/a" * 30 + "b",
        "*a" * 40 + "b",
        "/**" + "[ab]*?" * 30 + "b",
        "/**" + "?" * 1000 + "b",
        "/**a*" + "a" * 1000 + "b**a*b",
    ],
)
def test_a_hostile_pattern_costs_next_to_nothing(pattern: str, path: str) -> None:
    rules = FilterRules([f"- {pattern}"])
    before = time.process_time()
    assert rules.copies(path.encode(), directory=False)
    assert time.process_time() - before < 0.2


def test_the_first_rule_that_matches_decides_wherever_it_is_about() -> None:
    """Rules are looked up by path and by folder at the top; that must not change their order."""
    chance = random.Random(3)  # noqa: S311
    parts = ("a", "b", "*", "**", "a*", "[ab]", "\\a", "?")
    rules = []
    for _ in range(150):
        path = "/".join(chance.choices(parts, k=chance.randint(1, 3)))
        ending = chance.choice(("", "/", "/***", "/**"))
        rules.append(f"{chance.choice('+-')} {chance.choice(('/', '/', '/', ''))}{path}{ending}")
    paths = ["/" + "/".join(chance.choices(("a", "b", "ab", "c"), k=chance.randint(1, 4)))
             for _ in range(300)]  # fmt: skip
    for start in range(0, len(rules), 15):
        some = rules[start : start + 15]
        together, alone = FilterRules(some), [FilterRules([rule]) for rule in some]
        for place in map(os.fsencode, paths):
            for directory in (False, True):
                matching = [at for at, each in enumerate(alone)
                            if each.decided_by(place, directory=directory) == 0]  # fmt: skip
                first = matching[0] if matching else None
                assert together.decided_by(place, directory=directory) == first, (some, place)
