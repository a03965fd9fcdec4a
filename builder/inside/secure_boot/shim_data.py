"""What shim carries in sections of its own: its vendor's certificate, and how old a loader may be.

shim 16.1: `cert.S` and `sbat_var.S`; SBAT.md says how generations are compared.
"""

import re
import struct
from collections.abc import Mapping
from typing import Final

from builder.inside.secure_boot.pe_file import NoProgramError

CERTIFICATE: Final = ".vendor_cert"
LEVEL: Final = ".sbatlevel"
SBAT: Final = ".sbat"
_TABLE: Final = struct.Struct("<IIII")  # the sizes of both lists, and where they are
_LEVELS: Final = struct.Struct("<II")  # a version, and where the automatic level is after it
_MOST_TEXT: Final = 16 << 10  # bytes
_MOST_ROWS: Final = 64
_COMPONENT: Final = re.compile(r"[A-Za-z0-9._+-]{1,64}")
_GENERATION: Final = re.compile(r"[0-9]{1,9}")


def vendor_certificate(shim: Mapping[str, bytes]) -> bytes:
    """Return the certificate in DER by which shim (its sections) verifies what it starts.

    Raises NoProgramError where there is none, or a list instead of one certificate.
    """
    table = shim.get(CERTIFICATE, b"")
    if len(table) < _TABLE.size:
        message = "it has no certificates"
        raise NoProgramError(message)
    size, _revoked, place, _other = _TABLE.unpack_from(table)
    certificate = table[place : place + size]
    # A SEQUENCE with a length of two bytes that is all of it: X.690, 8.1.
    whole = certificate[:2] == b"\x30\x82" and len(certificate) == size
    if not whole or int.from_bytes(certificate[2:4], "big") + 4 != size:
        message = "it has not just one certificate"
        raise NoProgramError(message)
    return certificate


def generations(program: Mapping[str, bytes]) -> dict[str, int]:
    """Return the generation of each component in a program (its sections), if it says any."""
    return _rows(program.get(SBAT, b""))


def automatic_level(shim: Mapping[str, bytes]) -> dict[str, int]:
    """Return the least generation of each component that shim asks for by itself."""
    section = shim.get(LEVEL, b"")
    if len(section) < _LEVELS.size:
        return {}
    _version, place = _LEVELS.unpack_from(section)
    return _rows(section[4 + place :])  # counted from behind the version


def too_old(program: Mapping[str, int], level: Mapping[str, int]) -> str:
    """Return the component whose generation is below the level; "" if there is none."""
    old = (name for name, least in sorted(level.items()) if program.get(name, least) < least)
    return next(old, "")


def _rows(section: bytes) -> dict[str, int]:
    text = section[:_MOST_TEXT].partition(b"\0")[0].decode("ascii", errors="replace")
    found: dict[str, int] = {}
    for line in text.splitlines()[:_MOST_ROWS]:
        name, _comma, rest = line.partition(",")
        number = rest.partition(",")[0]
        if _COMPONENT.fullmatch(name) and _GENERATION.fullmatch(number):
            found.setdefault(name, int(number))
    return found
