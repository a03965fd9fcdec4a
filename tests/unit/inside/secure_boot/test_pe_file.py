"""The sections of a program, which a stranger may have made."""

import pytest

from builder.inside.secure_boot.pe_file import NoProgramError, sections
from tests.support.programs import program

PARTS = {".text": b"code", ".vendor_cert": b"certificate", ".sbat": b"sbat,1\n"}


def test_sections_are_found_by_their_names_long_ones_too() -> None:
    assert sections(program(PARTS)) == PARTS


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "cut off"),
        (b"MZ", "cut off"),
        (b"MZ" + bytes(200), "no header"),
        (program(PARTS, machine=0x14C), "no header"),
        (program(PARTS, count=97), "too many"),
        (program(PARTS, count=90)[:500], "cut off"),
        (b"ZM" + program(PARTS)[2:], "no header"),
        (program(PARTS)[:0x3C] + b"\xff\xff\xff\xff" + program(PARTS)[0x40:], "cut off"),
        (program(PARTS).replace(b"PE\0\0", b"PE\0\1"), "no header"),
    ],
)
def test_anything_else_is_no_program(content: bytes, reason: str) -> None:
    with pytest.raises(NoProgramError, match=reason):
        sections(content)


def test_places_beyond_the_end_have_nothing() -> None:
    whole = program(PARTS)
    cut = whole[: whole.index(b"certificate") + 4]
    assert b"cert" in sections(cut).values()
    assert b"sbat,1\n" not in sections(cut).values()


def test_of_two_sections_of_one_name_the_first_counts() -> None:
    twice = program({".sbat": b"grub,7\n", ".sbaX": b"grub,1\n"}).replace(b".sbaX", b".sbat")
    assert sections(twice) == {".sbat": b"grub,7\n"}
