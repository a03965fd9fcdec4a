"""What a file holds in another form: text and archives in base64, and archives behind a script.

Of what base64 says, text is searched as text, DER (X.690) for the names in it, archives are looked
into, and everything else, such as a picture, is left.
"""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from builder.inside.archives.members import is_archive
from builder.inside.search_rules.place import Text, text_of

_LEAST: Final = 64  # letters of the first line
_RUN: Final = re.compile(
    rb"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{%d,}"
    rb"(?:[ \t]{0,40}\\?\r?\n[ \t]{0,40}[A-Za-z0-9+/]{4,})*={0,2}" % _LEAST
)
_BLANK: Final = re.compile(rb"[\s\\]+")
_CONTROL: Final = bytes(set(range(32)) - set(b"\t\n\r\f\x1b")) + b"\x7f"
_HEAD: Final = 4096
_SEQUENCE: Final = (b"\x30\x82", b"\x30\x81")
# UTF8String and its like, and the names in a subjectAltName (RFC 5280), with a short length.
_STRING: Final = re.compile(rb"[\x0c\x13\x14\x16\x1a\x81\x82\x86]([\x02-\x7f])", re.DOTALL)
_LARGEST_DER: Final = 64 << 10
_MOST_BEFORE: Final = 256 << 10  # bytes of a script in front of an archive
_PACKED: Final = re.compile(
    rb"\x1f\x8b\x08[\x00-\x1f]|\xfd7zXZ\0|BZh[1-9]1AY&SY|\x28\xb5\x2f\xfd|PK\x03\x04"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hidden:
    """What a file holds in another form."""

    text: bytes = b""
    names: bytes = b""  # texts in DER, in lines
    archives: tuple[bytes, ...] = ()


def hidden_in(content: bytes, *, path: bytes, binary: bool) -> Hidden:
    """Return what a whole content hides; a `binary` one may be a script with an archive behind.

    Code and prose show base64, and a `binary` content has it by chance.
    """
    archives = list(_behind_script(content))
    texts, names = list[bytes](), list[bytes]()
    plain = not binary and text_of(path, b"") is Text.SETTINGS
    for data in _decoded(content) if plain else ():
        if is_archive(data[:_HEAD]):
            archives.append(data)
        elif data[:_HEAD].translate(None, _CONTROL) == data[:_HEAD]:
            texts.append(data)
        elif data.startswith(_SEQUENCE):
            names += _names_in(data)
    if content.startswith(_SEQUENCE):
        names += _names_in(content)
    return Hidden(text=b"\n".join(texts), names=b"\n".join(names), archives=tuple(archives))


def _names_in(der: bytes) -> list[bytes]:
    """Return the texts in DER, in which the tag of the next value looks like a digit."""
    found = (
        der[start.end() : start.end() + start[1][0]]
        for start in _STRING.finditer(der, 0, _LARGEST_DER)
    )
    return [each for each in found if len(each) > 1 and each.translate(None, _CONTROL) == each]


def _decoded(content: bytes) -> Iterator[bytes]:
    for found in _RUN.finditer(content):
        letters = _BLANK.sub(b"", found[0]).rstrip(b"=")
        yield base64.b64decode(letters[: len(letters) - (len(letters) % 4 == 1)] + b"==")


def _behind_script(content: bytes) -> Iterator[bytes]:
    """Yield the archive that a script unpacks, which begins behind it."""
    if content.startswith(b"#!") and (found := _PACKED.search(content, 2, _MOST_BEFORE)):
        yield content[found.start() :]
