"""Versions of packages are ordered as Debian Policy 5.6.12 says."""

import pytest

from builder.basics.debian_version import compare_parts, compare_versions


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("1.0", "1.1"),
        ("1.9", "1.10"),
        ("1.0-1", "1.0-2"),
        ("1.0-9", "1.0-10"),
        ("1.0", "1.0-1"),
        ("1.0-1", "1.0-1+b1"),
        ("1.0-1+b1", "1.0-1+deb13u1"),
        ("1.0-1", "1.0-1.1"),
        ("2.0", "1:1.0"),
        ("1:9", "2:1"),
        ("9:1", "10:1"),
        ("1.0~rc1", "1.0"),
        ("1.0~rc1-1", "1.0-1"),
        ("1.0~~", "1.0~"),
        ("1.0~", "1.0"),
        ("1.0~~a", "1.0~"),
        ("1.0-1~bpo12+1", "1.0-1"),
        ("1.0a", "1.0b"),
        ("1.0", "1.0a"),
        ("1.0a", "1.0+"),
        ("1.0Z", "1.0a"),
        ("1.0.", "1.0.1"),
        ("1.a", "1.+"),
        ("6.12.48-1", "6.12.117-1"),
        ("2025b-0", "2025b-0+deb13u1"),
        ("1.2-3-4", "1.2-3-5"),
        ("1.2-3-4", "1.3-1"),
        ("0", "0.0a"),
        ("5.36.0-7+deb12u1", "5.36.0-7+deb12u10"),
        ("1." + "9" * 6000, "1.1" + "0" * 6000),
    ],
)
def test_one_is_older_than_the_other(older: str, newer: str) -> None:
    assert compare_versions(older, newer) == -1
    assert compare_versions(newer, older) == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("1.0", "1.0"),
        ("0:1.0", "1.0"),
        ("1.0", "1.00"),
        ("1.0-0", "1.0"),
        ("1.01", "1.1"),
        ("00:1.0-01", "1.0-1"),
        ("", ""),
        ("", "0"),
    ],
)
def test_both_are_the_same(first: str, second: str) -> None:
    assert compare_versions(first, second) == compare_versions(second, first) == 0


@pytest.mark.parametrize(
    "strange", ["", ":", "-", "a:1", "1:2:3", "é", "\0", "~", "1.٣", "x" * 9000]
)
def test_what_is_no_version_has_its_place_all_the_same(strange: str) -> None:
    assert compare_versions(strange, strange) == 0
    assert compare_versions(strange, "1.0") == -compare_versions("1.0", strange)


def test_a_part_alone_is_not_split_at_its_hyphens() -> None:
    assert compare_parts("6.1.0-9-amd64", "6.1.0-10") == -1
    assert compare_versions("6.1.0-9-amd64", "6.1.0-10") == 1
    assert compare_parts("1:1", "0:2") == 1
