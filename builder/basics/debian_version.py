"""Compares Debian versions as dpkg does (Debian Policy 5.6.12, deb-version(7)).

Ours, because both sides need it: python-debian would come into the image and into every
installation for these few lines.
"""

import re
from itertools import zip_longest
from typing import Final

_PARTS: Final = re.compile(r"([^0-9]*)([0-9]*)", re.ASCII)


def compare_versions(first: str, second: str) -> int:
    """Return -1, 0 or 1: whether `first` is older than, equal to or newer than `second`.

    Invalid versions are compared by the same rules.
    """
    (epoch, upstream, revision), (others, theirs, last) = _split(first), _split(second)
    return (
        _compare_numbers(epoch, others)
        or compare_parts(upstream, theirs)
        or compare_parts(revision, last)
    )


def compare_parts(first: str, second: str) -> int:
    """Compare an upstream version or a revision by itself, without splitting it at hyphens.

    Non-digits and numbers are compared alternately, until they differ.
    """
    pairs = zip_longest(_PARTS.findall(first), _PARTS.findall(second), fillvalue=("", ""))
    for (signs, number), (other_signs, other_number) in pairs:
        found = _compare_signs(signs, other_signs) or _compare_numbers(number, other_number)
        if found:
            return found
    return 0


def _split(version: str) -> tuple[str, str, str]:
    """Return epoch, upstream version and revision; they default to "0" and to an empty revision."""
    epoch, colon, rest = version.partition(":")
    if not colon or not re.fullmatch(r"[0-9]+", epoch, re.ASCII):
        epoch, rest = "0", version
    upstream, hyphen, revision = rest.rpartition("-")
    return (epoch, upstream, revision) if hyphen else (epoch, rest, "")


def _compare_signs(first: str, second: str) -> int:
    """A tilde sorts before the end, the end before letters, letters before everything else."""
    for sign, other in zip_longest(first, second, fillvalue=""):
        found = _compare(_rank(sign), _rank(other))
        if found:
            return found
    return 0


def _rank(sign: str) -> tuple[int, str]:
    if sign == "~":
        return (-1, "")
    if sign == "":
        return (0, "")
    return (1 if sign.isascii() and sign.isalpha() else 2, sign)


def _compare_numbers(first: str, second: str) -> int:
    """Compare as numbers, without `int`, which rejects thousands of digits."""
    first, second = first.lstrip("0"), second.lstrip("0")
    return _compare((len(first), first), (len(second), second))


def _compare(first: tuple[int, str], second: tuple[int, str]) -> int:
    return (first > second) - (first < second)
