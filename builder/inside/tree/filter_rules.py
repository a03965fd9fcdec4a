r"""Our own implementation of rsync's filter rules: what rsync would copy, without copying.

Supported are the include and exclude rules of rsync(1), "FILTER RULES" and "PATTERN MATCHING
RULES": `+ PATTERN` and `- PATTERN`, without modifiers. The first matching rule decides; paths
without a match are copied. Names are bytes and case-sensitive.
"""

import re
import string
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

_WILDCARDS: Final = frozenset(b"*?[")
_SLASH: Final = ord("/")
_BACKSLASH: Final = ord("\\")
_NOTHING: Final = b"(?!)"

_ASCII: Final[Mapping[bytes, str]] = {
    b"alnum": string.ascii_letters + string.digits,
    b"alpha": string.ascii_letters,
    b"blank": " \t",
    b"cntrl": "".join(map(chr, (*range(32), 127))),
    b"digit": string.digits,
    b"graph": string.ascii_letters + string.digits + string.punctuation,
    b"lower": string.ascii_lowercase,
    b"print": string.ascii_letters + string.digits + string.punctuation + " ",
    b"punct": string.punctuation,
    b"space": " \t\n\v\f\r",
    b"upper": string.ascii_uppercase,
    b"xdigit": string.hexdigits,
}


class FilterRules:
    """Decides which paths are copied."""

    def __init__(self, rules: Iterable[str]) -> None:
        """Parse `rules` in order. Raises ValueError for an unsupported rule.

        Rules for extended attributes (`+x`, `-x`) do not concern paths and are ignored.
        """
        parsed = [_parse(rule) for rule in rules if rule[:2] not in ("+x", "-x")]
        self._includes = [rule.include for rule in parsed]
        self._directory = _any_of(rule.regex(directory=True) for rule in parsed)
        self._other = _any_of(rule.regex(directory=False) for rule in parsed)

    def copies(self, path: bytes, *, directory: bool) -> bool:
        """Whether `path` ("/etc/fstab") is copied, assuming that its parents are."""
        found = self._directory(path + b"/") if directory else self._other(path)
        return found is None or found.lastindex is None or self._includes[found.lastindex - 1]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    include: bool
    pattern: bytes
    only_directories: bool

    def regex(self, *, directory: bool) -> bytes:
        """Return the regex for a whole "/path", with "/" at the end for a directory."""
        if self.only_directories and not directory:
            return _NOTHING
        wild = not _WILDCARDS.isdisjoint(self.pattern)
        # `dir/***` matches the directory and everything below: its slash is part of the match.
        own_slash = directory and not (wild and self.pattern.endswith(b"***"))
        return (
            self._place(directory=directory)
            + (_translated(self.pattern) if wild else re.escape(self.pattern))
            + (b"/" if own_slash else b"")
        )

    def _place(self, *, directory: bool) -> bytes:
        """Return the regex for everything before the part of a path that the pattern matches."""
        if self.pattern.startswith((b"/", b"**")):
            return b""
        slashes = self.pattern.count(b"/")
        if b"**" in self.pattern or slashes == 0:
            return b".*/"
        # As many names as the pattern seems to have, though a slash in brackets is not one.
        return b".*/(?=(?:[^/]*/){%d}[^/]*\\Z)" % (slashes + directory)


def _parse(rule: str) -> _Rule:
    if rule[:2] not in ("+ ", "- ") or len(rule) < 3:
        message = f"unsupported filter rule: {rule[:80]!r}"
        raise ValueError(message)
    pattern = rule[2:].encode("utf-8", "surrogateescape")
    only_directories = len(pattern) > 1 and pattern.endswith(b"/")
    return _Rule(
        include=rule[0] == "+",
        pattern=pattern[:-1] if only_directories else pattern,
        only_directories=only_directories,
    )


def _any_of(regexes: Iterable[bytes]) -> Callable[[bytes], re.Match[bytes] | None]:
    """Compile alternatives; the first one that matches is the group in the match."""
    return re.compile(b"|".join(b"(%b)" % regex for regex in regexes), re.DOTALL).fullmatch


def _translated(pattern: bytes) -> bytes:
    """Return a pattern with wildcards as a regular expression."""
    parts, at = [], 0
    while at < len(pattern):
        part, at = _next_part(pattern, at)
        parts.append(part)
    return b"".join(parts)


def _next_part(pattern: bytes, at: int) -> tuple[bytes, int]:
    match pattern[at : at + 1]:
        case b"*":
            end = at + 1
            while pattern[end : end + 1] == b"*":
                end += 1
            return (b".*" if end - at > 1 else b"[^/]*"), end
        case b"?":
            return b"[^/]", at + 1
        case b"[":
            return _bracket(pattern, at + 1)
        case b"\\":
            quoted = pattern[at + 1 : at + 2]
            return (re.escape(quoted) if quoted else _NOTHING), at + 2
        case plain:
            return re.escape(plain), at + 1


def _bracket(pattern: bytes, at: int) -> tuple[bytes, int]:
    """Return the regex for a set such as `[a-z]`, whose bracket is before `at`.

    A slash is never in a set, not even in `[^x]`. An unterminated set matches nothing.
    """
    negated = pattern[at : at + 1] in (b"!", b"^")
    at += negated
    members: set[int] = set()
    previous: int | None = None
    first = True
    while first or pattern[at : at + 1] != b"]":
        first = False
        if at >= len(pattern):
            return _NOTHING, at
        named = re.compile(rb"\[:([^\]]*):\]").match(pattern, at)
        if named is not None:
            if named[1] not in _ASCII:
                return _NOTHING, len(pattern)
            members.update(_ASCII[named[1]].encode())
            previous, at = None, named.end()
        elif _is_range(pattern, at) and previous is not None:
            last, at = _member(pattern, at + 1)
            members.update(range(previous, last + 1))
            previous = None
        else:
            previous, at = _member(pattern, at)
            members.add(previous)
    chosen = (set(range(256)) - members if negated else members) - {_SLASH}
    return _set(chosen), at + 1


def _is_range(pattern: bytes, at: int) -> bool:
    return pattern[at : at + 1] == b"-" and pattern[at + 1 : at + 2] not in (b"", b"]")


def _member(pattern: bytes, at: int) -> tuple[int, int]:
    """Return the byte at `at`, or the one that a backslash there escapes, and the next position."""
    if pattern[at] == _BACKSLASH and at + 1 < len(pattern):
        return pattern[at + 1], at + 2
    return pattern[at], at + 1


def _set(members: set[int]) -> bytes:
    return (
        b"[%b]" % b"".join(b"\\x%02x" % each for each in sorted(members)) if members else _NOTHING
    )
