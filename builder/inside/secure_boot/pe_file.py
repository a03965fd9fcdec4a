"""Reads the sections of an EFI program: Microsoft's PE format, with what GNU's linkers do in it.

Not a PE library: this reads three kinds of fields, within limits, and believes nothing.
"""

import struct
from typing import Final

AMD64: Final = 0x8664
MOST_BYTES: Final = 16 << 20  # of a loader; Debian's largest has 4 MB
_MOST_SECTIONS: Final = 96  # as Windows loads them
_COFF: Final = struct.Struct("<4sHHIIIHH")  # signature, machine, sections, …
_SECTION: Final = struct.Struct("<8sIIII16x")  # name, size in memory, address, size, place
_SYMBOL: Final = 18  # bytes; long names lie behind the symbols
_LONGEST_NAME: Final = 64


class NoProgramError(ValueError):
    """It is not a program for UEFI on amd64 that can be read."""


def sections(program: bytes) -> dict[str, bytes]:
    """Return the contents of a program's sections by name; of several with one name, the first.

    Raises NoProgramError for anything else.
    """
    try:
        start = struct.unpack_from("<I", program, 0x3C)[0]
        signature, machine, count, _date, symbols, known, optional, _flags = _COFF.unpack_from(
            program, start
        )
        if program[:2] != b"MZ" or signature != b"PE\0\0" or machine != AMD64:
            message = "it has no header for amd64"
            raise NoProgramError(message)
        if count > _MOST_SECTIONS:
            message = "it has too many sections"
            raise NoProgramError(message)
        table = start + _COFF.size + optional
        names = symbols + known * _SYMBOL if symbols else None
        found: dict[str, bytes] = {}
        for at in range(table, table + count * _SECTION.size, _SECTION.size):
            name, in_memory, _address, size, place = _SECTION.unpack_from(program, at)
            content = program[place : place + min(size, in_memory)]
            found.setdefault(_name(program, name, names), content)
    except struct.error as error:
        message = "its headers are cut off"
        raise NoProgramError(message) from error
    return found


def _name(program: bytes, field: bytes, names: int | None) -> str:
    """Return a section's name, which has its own place if it is longer than eight characters."""
    short = field.rstrip(b"\0")
    if short[:1] == b"/" and short[1:].isdigit() and names is not None:
        at = names + int(short[1:])
        short = program[at : at + _LONGEST_NAME].partition(b"\0")[0]
    return short.decode("ascii", errors="replace")
