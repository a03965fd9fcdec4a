"""The lock file: what it may say, and that a refresh changes packages and nothing else."""

from dataclasses import replace
from datetime import date

import pytest

from builder.host.image.lock import (
    LockChange,
    LockFormatError,
    Package,
    Section,
    parse_lock,
    renewed,
)
from builder.host.image.resources import builder_lock, lock_path

_SUM = "0123456789abcdef" * 4
_OTHER = "f" * 64
_HEAD = """\
# What the image is made of; package xorriso is only named in this comment.
date 2026-09-18

want base apt
want tools xorriso
want live live-boot
want compiler gcc
"""
_LOCK = f"""\
{_HEAD}package base apt 3.0.4 amd64 {_SUM}
package tools xorriso 1.5.6-1.2+b1 amd64 {_SUM}
package live live-boot 1:20250815 all {_SUM}
package compiler gcc 4:14.2.0-1 amd64 {_SUM}
"""


def package(name: str, version: str, *, section: Section = Section.TOOLS) -> Package:
    return Package(section=section, name=name, version=version, architecture="amd64", sha256=_SUM)


def test_a_lock_says_its_date_its_wishes_and_its_packages() -> None:
    lock = parse_lock(_LOCK)
    assert lock.date == date(2026, 9, 18)
    assert lock.epoch == 1789689600
    assert lock.wishes == (
        (Section.BASE, "apt"),
        (Section.TOOLS, "xorriso"),
        (Section.LIVE, "live-boot"),
        (Section.COMPILER, "gcc"),
    )
    assert lock.packages == (
        package("apt", "3.0.4", section=Section.BASE),
        package("xorriso", "1.5.6-1.2+b1"),
        replace(package("live-boot", "1:20250815", section=Section.LIVE), architecture="all"),
        package("gcc", "4:14.2.0-1", section=Section.COMPILER),
    )


@pytest.mark.parametrize(
    "line",
    [
        f"package tools ../../etc/cron.d/x 1.0 amd64 {_SUM}",
        f"package tools Xorriso 1.0 amd64 {_SUM}",
        f"package tools mtools 1.0;reboot amd64 {_SUM}",
        f"package tools mtools $(reboot) amd64 {_SUM}",
        f"package tools mtools ../1.0 amd64 {_SUM}",
        f"package tools mtools 1.0 ../amd64 {_SUM}",
        f"package tools mtools 1.0 amd64 {_SUM[:-1]}",
        f"package tools mtools 1.0 amd64 {_SUM.upper()}",
        f"package tools mtools 1.0 amd64 {_SUM} more",
        f"package tools  mtools 1.0 amd64 {_SUM}",
        f"package kernel mtools 1.0 amd64 {_SUM}",
        f"package tools --option 1.0 amd64 {_SUM}",
        f"package tools mtools 1.0 amd64 {_SUM}\r",
        "package",
        "want tools",
        "want tools -oDir=/",
        "want somewhere mtools",
        "date yesterday",
        "mtools=4.0.48-1",
        " ",
    ],
)
def test_a_line_that_cannot_be_is_named(line: str) -> None:
    with pytest.raises(LockFormatError, match="Line 12 "):
        parse_lock(_LOCK + line + "\n")


def test_a_package_stands_once() -> None:
    with pytest.raises(LockFormatError, match=r"Line 12 .*xorriso"):
        parse_lock(f"{_LOCK}package base xorriso 9 amd64 {_OTHER}\n")


@pytest.mark.parametrize(
    "text", [_LOCK.replace("date 2026-09-18\n", ""), "date 2026-09-19\n" + _LOCK]
)
def test_a_lock_has_one_date(text: str) -> None:
    with pytest.raises(LockFormatError, match="exactly one `date` line"):
        parse_lock(text)


@pytest.mark.parametrize(
    "wish",
    ["want tools mtools", "want base mtools", "want tools gcc", "want live xorriso",
     "want live gcc", "want tools live-boot", "want compiler live-boot"],
)  # fmt: skip
def test_a_wish_that_nothing_fulfils_is_an_error_with_its_remedy(wish: str) -> None:
    with pytest.raises(LockFormatError, match=wish.rsplit(" ", maxsplit=1)[-1]) as caught:
        parse_lock(_LOCK.replace("want compiler", f"{wish}\nwant compiler"))
    assert "image lock" in caught.value.advice


def test_a_tool_that_the_base_has_already_is_a_wish_fulfilled() -> None:
    lock = parse_lock(_LOCK.replace("want tools xorriso", "want tools apt"))
    assert (Section.TOOLS, "apt") in lock.wishes


def test_a_refresh_writes_packages_in_order_and_says_what_changed() -> None:
    found = parse_lock(
        f"{_HEAD}package compiler gcc 4:14.2.0-1 amd64 {_SUM}\n"
        f"package live live-boot 1:20250815 all {_SUM}\n"
        f"package tools zlib1g 1 amd64 {_OTHER}\n"
        f"package tools xorriso 1.5.8-1 amd64 {_SUM}\n"
        f"package base apt 3.0.4 amd64 {_OTHER}\n"
    )
    text, changes = renewed(_LOCK, found, today=date(2026, 11, 23))
    assert text == (
        f"{_HEAD.replace('2026-09-18', '2026-11-23')}"
        f"package base apt 3.0.4 amd64 {_OTHER}\n"
        f"package tools xorriso 1.5.8-1 amd64 {_SUM}\n"
        f"package tools zlib1g 1 amd64 {_OTHER}\n"
        f"package live live-boot 1:20250815 all {_SUM}\n"
        f"package compiler gcc 4:14.2.0-1 amd64 {_SUM}\n"
    )
    before = {each.name: each for each in parse_lock(_LOCK).packages}
    after = {each.name: each for each in found.packages}
    assert changes == (
        LockChange(name="apt", before=before["apt"], after=after["apt"]),
        LockChange(name="xorriso", before=before["xorriso"], after=after["xorriso"]),
        LockChange(name="zlib1g", before=None, after=after["zlib1g"]),
    )
    lost, gone = renewed(text, parse_lock(_LOCK), today=date(2026, 11, 24))
    assert LockChange(name="zlib1g", before=after["zlib1g"], after=None) in gone
    assert "zlib1g" not in lost


def test_a_refresh_without_news_changes_no_byte() -> None:
    assert renewed(_LOCK, parse_lock(_LOCK), today=date(2030, 1, 1)) == (_LOCK, ())


def test_a_refresh_finds_packages_for_a_new_wish() -> None:
    wished = _LOCK.replace("want compiler", "want tools mtools\nwant compiler")
    found = parse_lock(f"{wished}package tools mtools 4.0 amd64 {_SUM}\n")
    text, (change,) = renewed(wished, found, today=date(2026, 11, 23))
    assert change.name == "mtools"
    assert (Section.TOOLS, "mtools") in parse_lock(text).wishes


def test_a_package_is_looked_for_under_the_names_of_apt_and_of_the_pool() -> None:
    assert package("squashfs-tools", "1:4.6.1-1").file_names == (
        "squashfs-tools_1%3a4.6.1-1_amd64.deb",
        "squashfs-tools_4.6.1-1_amd64.deb",
    )
    assert set(package("rsync", "3.5.0+ds1-0+deb13u1").file_names) == {
        "rsync_3.5.0+ds1-0+deb13u1_amd64.deb"
    }


def test_the_real_lock_is_in_the_order_that_a_refresh_gives() -> None:
    text = lock_path().read_text("utf-8")
    emptied = "".join(
        line for line in text.splitlines(keepends=True) if not line.startswith("package ")
    )
    lock = builder_lock()
    assert renewed(emptied, lock, today=lock.date)[0] == text
    assert {each.section for each in lock.packages} == set(Section)
