"""What shim says of its vendor, and which loaders are too old for it."""

import struct

import pytest

from builder.inside.secure_boot.pe_file import NoProgramError
from builder.inside.secure_boot.shim_data import (
    automatic_level,
    generations,
    too_old,
    vendor_certificate,
)

CERTIFICATE = b"\x30\x82\x01\x00" + bytes(range(256))
# As in shim 16.1 of Debian 13.
AUTOMATIC = b"sbat,1,2025021800\nshim,4\ngrub,5\n\0"
LATEST = b"sbat,1,2025051000\nshim,4\ngrub,5\ngrub.proxmox,2\n\0"
LEVEL = struct.pack("<III", 0, 8, 8 + len(AUTOMATIC)) + AUTOMATIC + LATEST
GRUB = b"sbat,1,SBAT Version,sbat,1,url\ngrub,7,FSF,grub,2.12,url\ngrub.debian,5,Debian\n" + bytes(
    9
)


def vendor(certificate: bytes, *, size: int | None = None, place: int = 16) -> dict[str, bytes]:
    length = len(certificate) if size is None else size
    return {".vendor_cert": struct.pack("<IIII", length, 4, place, 16) + certificate + b"dbx!"}


def test_the_vendors_certificate_is_found() -> None:
    assert vendor_certificate(vendor(CERTIFICATE)) == CERTIFICATE


@pytest.mark.parametrize(
    "shim",
    [
        {".vendor_cert": bytes(16)},
        vendor(b""),
        vendor(CERTIFICATE, size=5000),
        vendor(CERTIFICATE, size=200),
        vendor(CERTIFICATE, place=1 << 31),
        vendor(b"\x31" + CERTIFICATE[1:]),
    ],
)
def test_shim_without_one_certificate_is_none(shim: dict[str, bytes]) -> None:
    with pytest.raises(NoProgramError, match="not just one"):
        vendor_certificate(shim)


@pytest.mark.parametrize("shim", [{}, {".vendor_cert": b"\0" * 15}])
def test_what_has_no_table_of_certificates_is_no_shim(shim: dict[str, bytes]) -> None:
    with pytest.raises(NoProgramError, match="no certificates"):
        vendor_certificate(shim)


def test_the_automatic_level_is_the_one_that_counts() -> None:
    assert automatic_level({".sbatlevel": LEVEL}) == {"sbat": 1, "shim": 4, "grub": 5}
    assert automatic_level({}) == automatic_level({".sbatlevel": LEVEL[:7]}) == {}
    assert automatic_level({".sbatlevel": struct.pack("<III", 0, 1 << 31, 0) + AUTOMATIC}) == {}


def test_a_loader_is_too_old_if_one_of_its_components_is() -> None:
    level = automatic_level({".sbatlevel": LEVEL})
    grub = generations({".sbat": GRUB})
    assert grub == {"sbat": 1, "grub": 7, "grub.debian": 5}
    assert too_old(grub, level) == ""
    assert too_old(grub | {"grub": 5}, level) == ""
    assert too_old(grub | {"grub": 4}, level) == "grub"


def test_rows_that_say_nothing_are_left_out() -> None:
    text = b"grub,x\n,5\n\xff\xfe,1\ngrub\n" + b"a" * 70 + b",1\nshim,4\nshim,9\n\0grub,1\n"
    assert generations({".sbat": text}) == {"shim": 4}
    many = b"".join(b"c%d,1\n" % number for number in range(1000))
    assert len(generations({".sbat": many})) == 64
