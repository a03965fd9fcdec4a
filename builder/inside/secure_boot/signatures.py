"""Whose signature a program has, and whether it is valid: sbverify, of Debian 13 or later.

That of Debian 12 accepts any certificate for a program with two signatures.
"""

import base64
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from builder.inside.system.system import Sight, System
from builder.inside.system.tool_error import ToolError

_OK: Final = "Signature verification OK"
_ISSUERS: Final = "image signature issuers:"
_ITEM: Final = " - "
_NAME: Final = re.compile(r"/CN=([^/\x00-\x1f\x7f]{1,120})")
_MOST: Final = 8  # names; a program has one signature, or two


def write_certificate(certificate: bytes, target: Path) -> None:
    """Write a certificate in DER as sbverify reads it, in PEM (RFC 7468)."""
    text = base64.encodebytes(certificate).decode("ascii").replace("\n", "")
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    rows = ["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""]
    target.write_text("\n".join(rows), encoding="ascii")


def signers(system: System, program: Path) -> tuple[str, ...]:
    """Return the common names of the authorities that `program` says have signed it, in order.

    Nothing of that is verified. Empty for what has no signature, and for what is no program.
    """
    argv = ["sbverify", "--list", os.fspath(program)]
    return tuple(dict.fromkeys(_issuers(_said(system, argv, Sight(reads=(program,))))))[:_MOST]


def is_signed_by(system: System, program: Path, *, certificate: Path) -> bool:
    """Whether the program is, byte for byte, what the owner of a certificate (in PEM) signed."""
    argv = ["sbverify", "--cert", os.fspath(certificate), os.fspath(program)]
    said = _said(system, argv, Sight(reads=(program, certificate)))
    return _OK in said.splitlines()


def _said(system: System, argv: list[str], sight: Sight) -> str:
    """Return what sbverify prints, nothing where a program made by a stranger breaks it."""
    try:
        return system.run(argv, sight=sight, success=(0, 1))
    except ToolError as error:
        if error.code is None and not error.signal:
            raise  # it says nothing about the program
        return ""


def _issuers(listing: str) -> Iterator[str]:
    inside = False
    for line in listing.splitlines():
        if not line.startswith(_ITEM):
            inside = line == _ISSUERS
        elif inside and (names := _NAME.findall(line)):
            yield names[-1].strip()
