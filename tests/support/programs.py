"""Programs for UEFI, as small as they can be: a PE header and sections with long names."""

import struct
from collections.abc import Mapping

from builder.inside.secure_boot.pe_file import AMD64

_HEADER = 0x80
_OPTIONAL = 240


def program(
    sections: Mapping[str, bytes], *, machine: int = AMD64, count: int | None = None
) -> bytes:
    """Return a program with `sections`; `count` is how many its header speaks of."""
    names, rows, contents = b"", b"", b""
    start = _HEADER + 24 + _OPTIONAL + 40 * len(sections)
    for name, content in sections.items():
        field = name.encode()
        if len(field) > 8:
            field, names = f"/{4 + len(names)}".encode(), names + field + b"\0"
        place = start + len(contents)
        rows += struct.pack("<8sIIII16x", field, len(content), 0, len(content), place)
        contents += content
    symbols = start + len(contents)
    header = struct.pack(
        "<4sHHIIIHH",
        b"PE\0\0",
        machine,
        len(sections) if count is None else count,
        0,
        symbols,
        0,
        _OPTIONAL,
        0,
    )
    dos = b"MZ".ljust(0x3C, b"\0") + struct.pack("<I", _HEADER)
    strings = struct.pack("<I", 4 + len(names)) + names
    return dos.ljust(_HEADER, b"\0") + header + bytes(_OPTIONAL) + rows + contents + strings
