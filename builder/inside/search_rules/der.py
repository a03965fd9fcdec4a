"""Recognises private keys in DER.

PKCS #1 (RFC 8017), PKCS #8 (RFC 5958), SEC 1 (RFC 5915), DSA as OpenSSL writes it, and PKCS #12
(RFC 7292).
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

_INTEGER: Final = 0x02
_OCTETS: Final = 0x04
_SEQUENCE: Final = 0x30
_VERSIONS: Final = (b"\0", b"\1")
_DATA: Final = bytes.fromhex("06092a864886f70d010701")  # pkcs7-data
_SIGNED: Final = bytes.fromhex("06092a864886f70d010702")
_ENCRYPTING: Final = (
    bytes.fromhex("06092a864886f70d0105"),  # pkcs-5
    bytes.fromhex("060a2a864886f70d010c01"),  # pkcs-12PbeIds
)


class _Value(NamedTuple):
    tag: int
    start: int
    end: int


def is_der_key(data: bytes, *, size: int) -> bool:
    """Whether a file of `size` bytes that starts with `data` is a private key in DER."""
    parts = _parts_of_whole(data, size=size)
    tags = tuple(part.tag for part in parts)
    if not parts:
        return False
    contents = [data[part.start : part.end] for part in parts]
    if tags[:2] == (_SEQUENCE, _OCTETS) and len(tags) == 2:  # EncryptedPrivateKeyInfo
        return contents[0].startswith(_ENCRYPTING)
    if tags[0] != _INTEGER or contents[0] not in _VERSIONS:
        return False
    if tags[1:3] == (_SEQUENCE, _OCTETS):  # PrivateKeyInfo, OneAsymmetricKey
        return contents[1][:1] == b"\x06"
    if tags[1:2] == (_OCTETS,):  # ECPrivateKey
        return len(contents[1]) >= 16 and len(tags) > 2 and tags[2] in (0xA0, 0xA1)
    return len(tags) >= 6 and set(tags[:6]) == {_INTEGER}  # RSAPrivateKey, DSA


def is_der(data: bytes, *, size: int) -> bool:
    """Whether a whole file is one SEQUENCE in DER."""
    return bool(_parts_of_whole(data, size=size))


def is_pkcs12(data: bytes, *, size: int) -> bool:
    """Whether a file is a PKCS #12 store."""
    parts = _parts_of_whole(data, size=size)
    if len(parts) < 2 or parts[0].tag != _INTEGER or parts[1].tag != _SEQUENCE:
        return False
    inner = data[parts[1].start : parts[1].start + len(_DATA)]
    return data[parts[0].start : parts[0].end] == b"\3" and inner in (_DATA, _SIGNED)


def _parts_of_whole(data: bytes, *, size: int) -> list[_Value]:
    """Return the elements of a SEQUENCE that is the whole file; empty for anything else."""
    if data[:1] != b"\x30":
        return []
    whole = _value(data, 0)
    if whole is None or (whole.end not in (size, size - 1) and whole.end >= 0):
        return []
    return list(_values(data, whole.start, whole.end if whole.end >= 0 else size))


def _values(data: bytes, at: int, end: int) -> Iterator[_Value]:
    for _count in range(12):  # no key has more on its first level that matters
        if at >= min(end, len(data)):
            return
        value = _value(data, at)
        if value is None:
            return
        yield value
        if value.end < 0:
            return
        at = value.end


def _value(data: bytes, at: int) -> _Value | None:
    """Return the element at `at`; its end is -1 where the length is indefinite (BER)."""
    if at + 2 > len(data):
        return None
    first = data[at + 1]
    if first < 0x80:
        return _Value(data[at], at + 2, at + 2 + first)
    if first == 0x80:
        return _Value(data[at], at + 2, -1)
    count = first & 0x7F
    if count > 4:
        return None
    length = int.from_bytes(data[at + 2 : at + 2 + count], "big")
    return _Value(data[at], at + 2 + count, at + 2 + count + length)
