"""Translates the licence names of Debian's copyright files to SPDX.

A synopsis is the first line of a License field (machine-readable copyright format 1.0, "License
specification"): names joined by "and", "or" and commas, some "with … exception". A name that SPDX
does not know becomes a LicenseRef. The text is untrusted: a synopsis that does not fit the grammar
counts as unknown.
"""

import functools
import re
from collections.abc import Iterator
from typing import Final

from license_expression import (  # type: ignore[import-untyped]
    ExpressionError,
    Licensing,
    get_spdx_licensing,
)

REFERENCE: Final = "LicenseRef-debian-"

_LONGEST: Final = 400  # characters of a synopsis; longer ones are whole sentences
_TOKEN: Final = re.compile(r"\s*(,|[^\s,]+)")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+_/~-]{0,63}")
_WORDS: Final = frozenset({"and", "or", "with", "exception", "exceptions"})
_NOT_IN_REFERENCES: Final = re.compile(r"[^A-Za-z0-9.-]+")

# The family of the GNU licences: "GPL-2+", "LGPL-2.1", "GFDL-NIV-1.3+".
_GNU: Final = re.compile(
    r"(?P<name>A?GPL|LGPL|G?FDL)(?P<variant>-NIV)?-(?P<major>[0-9])(\.(?P<minor>[0-9]))?(\.0)?"
    r"(?P<later>\+)?",
    re.IGNORECASE,
)
# Names, in lower case, that the format defines but SPDX calls differently.
_DEFINED: Final = {
    "artistic": "Artistic-1.0", "cc0": "CC0-1.0", "expat": "MIT", "zope-2.1": "ZPL-2.1",
}  # fmt: skip
_EXCEPTIONS: Final = {
    "classpath": "Classpath-exception-2.0", "font": "Font-exception-2.0",
    "libtool": "Libtool-exception", "linux-syscall-note": "Linux-syscall-note",
}  # fmt: skip


@functools.lru_cache(maxsize=4096)
def spdx_expression(synopsis: str) -> str | None:
    """Return the SPDX expression for a synopsis; None for an invalid one."""
    if len(synopsis) > _LONGEST:
        return None
    tokens = [match[1] for match in _TOKEN.finditer(synopsis)]
    try:
        parsed = _licensing().parse("".join(_translated(tokens)), validate=False)
    except (ExpressionError, _InvalidSynopsisError):
        return None
    return str(parsed.simplify().render()) if parsed is not None else None


def references(expression: str) -> list[str]:
    """Return the LicenseRefs in an expression from `spdx_expression`."""
    return re.findall(rf"{REFERENCE}[A-Za-z0-9.-]+", expression)


class _InvalidSynopsisError(Exception):
    """An invalid synopsis."""


def _translated(tokens: list[str]) -> Iterator[str]:
    """Yield the synopsis in SPDX syntax; "and" and "or" have the same precedence in both.

    After a comma, "and" and "or" bind less tightly than between commas: "A, and B or C" is
    "(A) and (B or C)".
    """
    position = 0
    if "," in tokens:
        yield "(" * (1 + tokens.count(","))
    while position < len(tokens):
        if tokens[position] == ",":
            yield f")) {_joining(tokens, position + 1)} ("
            position += 2
        elif position:
            yield f" {_joining(tokens, position)} "
            position += 1
        length = _term_length(tokens, position)
        yield _term(tokens[position : position + length])
        position += length
    if "," in tokens:
        yield ")"


def _joining(tokens: list[str], position: int) -> str:
    word = tokens[position].upper() if position < len(tokens) else ""
    if word not in ("AND", "OR"):
        raise _InvalidSynopsisError
    return word


def _term_length(tokens: list[str], position: int) -> int:
    """Return the number of tokens of one licence, including its exception."""
    if tokens[position + 1 : position + 2] not in (["with"], ["WITH"]):
        return 1
    for end in range(position + 2, min(position + 8, len(tokens))):
        if tokens[end].lower() in ("exception", "exceptions"):
            return end - position + 1
        if tokens[end].lower() in _WORDS or tokens[end] == ",":
            break
    return 3  # SPDX syntax: "GPL-2.0-only WITH Classpath-exception-2.0"


def _term(tokens: list[str]) -> str:
    names = [token for token in tokens if token.lower() not in _WORDS]
    if not names or not all(_NAME.fullmatch(name) for name in names):
        raise _InvalidSynopsisError
    license_name = _license(names[0])
    if len(tokens) == 1:
        if tokens != names:
            raise _InvalidSynopsisError
        return license_name or _reference(names[0])
    if len(tokens) - len(names) not in (1, 2) or len(names) < 2:
        raise _InvalidSynopsisError
    exception = _exception(names[1]) if len(names) == 2 else None
    if license_name and exception:
        return f"{license_name} WITH {exception}"
    return _reference("-".join(tokens))


def _license(name: str) -> str | None:
    """Return the SPDX id of a licence that SPDX knows."""
    if name.lower() in _DEFINED:
        return _DEFINED[name.lower()]
    gnu = _GNU.fullmatch(name)
    if gnu is not None:
        return _gnu(gnu)
    plain = name.removesuffix("+")
    known = _ids().get(plain.lower()) or _ids().get(f"{plain}.0".lower())
    if known is None or plain == name:
        return known
    return _ids().get(f"{known}-or-later".lower())


def _gnu(match: re.Match[str]) -> str | None:
    name = match["name"].upper()
    parts = [
        "GFDL" if name == "FDL" else name,
        f"{match['major']}.{match['minor'] or 0}",
        *(["no-invariants"] if match["variant"] else []),
        "or-later" if match["later"] else "only",
    ]
    return _ids().get("-".join(parts).lower())


def _exception(name: str) -> str | None:
    return _EXCEPTIONS.get(name.lower()) or _ids(exceptions=True).get(name.lower())


def _reference(name: str) -> str:
    return REFERENCE + _NOT_IN_REFERENCES.sub("-", name.replace("+", "plus")).strip("-")


@functools.cache
def _licensing() -> Licensing:
    return get_spdx_licensing()


@functools.cache
def _ids(*, exceptions: bool = False) -> dict[str, str]:
    """Return the SPDX ids by lower-case name, including older names."""
    ids: dict[str, str] = {}
    for key, symbol in _licensing().known_symbols.items():
        if symbol.is_exception is exceptions and not key.startswith("LicenseRef-"):
            names = (key, *(alias for alias in symbol.aliases if _NAME.fullmatch(alias)))
            ids |= {name.lower(): key for name in reversed(names)}
    return ids
