"""Key files that hold nothing but the bytes of a key, written as text.

`openssl rand -base64`, wg(8), Nix' binary caches (`NAME:KEY`), Solana's arrays of numbers.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from builder.inside.search_rules.place import Text, text_of

_PROGRAMS: Final = re.compile(rb"/usr/(?:local/)?(?:share|lib|libexec|include|src)/")
_PUBLIC: Final = re.compile(
    rb"\.pub$|public|\.(?:sig|asc|sha\d+|md5|sum|crt|csr|integrity|digest)$", re.IGNORECASE
)
_LARGEST: Final = 16 << 10
_LINES: Final = re.compile(
    rb"(?:(?P<name>[\w.@-]{1,80}):)?(?P<first>[A-Za-z0-9+/_-]{40,512}={0,2})"
    rb"(?P<more>(?:\r?\n[A-Za-z0-9+/_-]{1,512}={0,2})*)\s*"
)
_NUMBERS: Final = re.compile(rb"\s*\[\s*(?:\d{1,3}\s*,\s*){31,63}\d{1,3}\s*\]\s*")
_LEAST: Final = 32  # bytes
_LENGTHS: Final = (32, 33, 48, 64)  # bytes, of keys that are one line


def is_encoded_key(path: bytes, content: bytes) -> bool:
    """Whether a whole file is a key as text: base64 in lines of equal length, or numbers."""
    if len(content) > _LARGEST or _PROGRAMS.match(path) or _PUBLIC.search(path):
        return False
    if text_of(path, content[:512]) is not Text.SETTINGS:
        return False
    if _NUMBERS.fullmatch(content):
        return are_in_no_order([int(each) for each in re.findall(rb"\d+", content)])
    found = _LINES.fullmatch(content)
    return found is not None and _are_key(found)


def are_in_no_order(numbers: Sequence[int]) -> bool:
    """Whether numbers can be the bytes of a key: most differ, and so do their distances."""
    steps = {after - before for before, after in pairwise(numbers)}
    enough = len(numbers) * 0.6
    return max(numbers) < 256 and len(set(numbers)) > enough and len(steps) > enough


def _are_key(found: "re.Match[bytes]") -> bool:
    lines = [found["first"], *found["more"].split()]
    if len({len(line) for line in lines[:-1]}) > 1 or len(lines[-1]) > len(lines[0]):
        return False
    data = _decoded(b"".join(lines))
    several = len(lines) > 1
    if found["name"] is not None and (several or len(data) != 64):
        return False  # a public key of Nix has 32
    return ((several and len(data) >= 64) or len(data) in _LENGTHS) and _is_random(data)


def _decoded(letters: bytes) -> bytes:
    if re.fullmatch(rb"[0-9a-fA-F]+", letters):
        return b""  # a sum, as likely as a key
    try:
        return base64.b64decode(letters.translate(bytes.maketrans(b"-_", b"+/")) + b"==")
    except binascii.Error:
        return b""


def _is_random(data: bytes) -> bool:
    """Whether nothing in it repeats, and half of it is no ASCII."""
    high = sum(byte > 127 for byte in data) / len(data)
    return 0.25 < high < 0.75 and len(set(data)) > min(len(data), 200) * 0.55
