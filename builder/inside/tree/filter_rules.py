r"""Our own implementation of rsync's filter rules: what rsync would copy, without copying.

Supported are the include and exclude rules of rsync(1), "FILTER RULES" and "PATTERN MATCHING
RULES": `+ PATTERN` and `- PATTERN`, without modifiers. The first matching rule decides; paths
without a match are copied. Names are bytes and case-sensitive.

Patterns may come from others, so matching takes time that grows with the lengths of pattern and
path, and not with the ways in which their stars could be filled: what lies between two stars is
taken where it comes first, and for good. That loses no match, since all that `*` and `?` and sets
cannot match is a slash, and they never match one.
"""

import re
import string
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

_WILDCARDS: Final = frozenset(b"*?[")
_SLASH: Final = ord("/")
_BACKSLASH: Final = ord("\\")
_NOTHING: Final = b"(?!)"
_STAR: Final = b"*"  # parts of a pattern, not regexes: a literal star is escaped
_STARS: Final = b"**"

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

_Match = Callable[[bytes], re.Match[bytes] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tried:
    """Patterns with their positions among all rules, as one regex each."""

    positions: tuple[int, ...]
    directory: _Match
    other: _Match

    def first(self, path: bytes, *, directory: bool) -> int | None:
        found = self.directory(path + b"/") if directory else self.other(path)
        if found is None or found.lastindex is None:
            return None
        return self.positions[found.lastindex - 1]


class FilterRules:
    """Decides which paths are copied."""

    def __init__(self, rules: Iterable[str]) -> None:
        """Parse `rules` in order. Raises ValueError for an unsupported rule.

        Rules for extended attributes (`+x`, `-x`) do not concern paths and are ignored.
        """
        parsed = [_parse(rule) for rule in rules if rule[:2] not in ("+x", "-x")]
        self._includes = [rule.include for rule in parsed]
        # Most rules name one path: they are looked up, and do not slow down every other path.
        # And most patterns are about one folder at the top: they are tried for paths in it only.
        self._named: dict[bytes, int] = {}
        self._patterns: list[tuple[int, _Rule]] = []
        for position, rule in enumerate(parsed):
            if rule.names_one_path:
                self._named.setdefault(rule.pattern, position)
            else:
                self._patterns.append((position, rule))
        self._tops = frozenset(rule.top for _, rule in self._patterns)
        self._tried: dict[bytes, _Tried] = {}

    def copies(self, path: bytes, *, directory: bool) -> bool:
        """Whether `path` ("/etc/fstab") is copied, assuming that its parents are."""
        first = self.decided_by(path, directory=directory)
        return first is None or self._includes[first]

    def decided_by(self, path: bytes, *, directory: bool) -> int | None:
        """Return the position of the rule that decides about `path`; None if there is none.

        Rules for extended attributes do not count.
        """
        top = path[1:].partition(b"/")[0]
        by_pattern = self._tried_for(top if top in self._tops else b"").first(
            path, directory=directory
        )
        by_name = self._named.get(path)
        return min((each for each in (by_name, by_pattern) if each is not None), default=None)

    def _tried_for(self, top: bytes) -> _Tried:
        """Return the patterns that can match in the folder `top`; b"" is any other one."""
        if top not in self._tried:
            chosen = [(at, rule) for at, rule in self._patterns if rule.top in (b"", top)]
            self._tried[top] = _Tried(
                positions=tuple(at for at, _ in chosen),
                directory=_any_of(rule.regex(directory=True) for _, rule in chosen),
                other=_any_of(rule.regex(directory=False) for _, rule in chosen),
            )
        return self._tried[top]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    include: bool
    pattern: bytes
    only_directories: bool

    @property
    def names_one_path(self) -> bool:
        """Whether it matches exactly one path, of whatever type."""
        anchored = self.pattern.startswith(b"/") and not self.only_directories
        return anchored and not _is_wild(self.pattern) and self.pattern != b"/"

    @property
    def top(self) -> bytes:
        """The folder at the top that all paths it matches are in; b"" if there is no such one."""
        first, slash, _rest = self.pattern[1:].partition(b"/")
        plain = self.pattern.startswith(b"/") and not _is_wild(first) and b"\\" not in first
        return first if slash and plain else b""

    def regex(self, *, directory: bool) -> bytes:
        """Return the regex for a whole "/path", with "/" at the end for a directory."""
        if self.only_directories and not directory:
            return _NOTHING
        parts = [*_place(self.pattern), *_parts(self.pattern)]
        # `dir/***` matches the directory and everything below: its slash is part of the match.
        if directory and not (_is_wild(self.pattern) and self.pattern.endswith(b"***")):
            parts.append(b"/")
        return _regex(parts)


def _place(pattern: bytes) -> tuple[bytes, ...]:
    """Return what matches everything before the part of a path that a pattern matches."""
    if pattern.startswith((b"/", b"**")):
        return ()
    slashes = pattern.count(b"/")
    # It matches as many names as it seems to have, though a slash in brackets is not one.
    if b"**" not in pattern and _parts(pattern).count(b"/") < slashes:
        return (_NOTHING,)
    return (_STARS, b"/")


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


def _any_of(regexes: Iterable[bytes]) -> _Match:
    """Compile alternatives; the first one that matches is the group in the match."""
    return re.compile(b"|".join(b"(%b)" % regex for regex in regexes), re.DOTALL).fullmatch


def _is_wild(pattern: bytes) -> bool:
    return not _WILDCARDS.isdisjoint(pattern)


def _parts(pattern: bytes) -> list[bytes]:
    """Return a regex for each part of a pattern: a star, or one byte."""
    if not _is_wild(pattern):
        return [re.escape(pattern[at : at + 1]) for at in range(len(pattern))]
    parts, at = [], 0
    while at < len(pattern):
        part, at = _next_part(pattern, at)
        parts.append(part)
    return parts


def _regex(parts: Sequence[bytes]) -> bytes:
    """Return the regex for all parts in a row, up to the end of a path."""
    first, *others = _split(parts, _STARS)
    if not others:
        return _first_fit(first, ends=True)
    *between, last = others
    # A piece after `**` begins in the first directory where it fits.
    later = (b"(?>(?:[^/]*+/)*?%b)" % _first_fit([_STAR, *each]) for each in between)
    end = b"(?:[^/]*+/)*?%b" % _first_fit([_STAR, *last], ends=True) if last else b".*"
    return b"".join((_first_fit(first), *later, end))


def _first_fit(parts: Sequence[bytes], *, ends: bool = False) -> bytes:
    """Return the regex for parts without `**`; with `ends`, the last ones are a path's last."""
    start, *runs = _split(parts, _STAR)
    regexes = [b"(?>[^/]*?%b)" % b"".join(run) for run in runs]
    if ends and runs:
        regexes[-1] = b"[^/]*(?=.{%d}\\Z)%b" % (len(runs[-1]), b"".join(runs[-1]))
    return b"".join((*start, *regexes))


def _split(parts: Sequence[bytes], star: bytes) -> list[list[bytes]]:
    """Return the parts between stars of one kind; one list more than there are such stars."""
    found: list[list[bytes]] = [[]]
    for part in parts:
        if part == star:
            found.append([])
        else:
            found[-1].append(part)
    return found


def _next_part(pattern: bytes, at: int) -> tuple[bytes, int]:
    match pattern[at : at + 1]:
        case b"*":
            end = at + 1
            while pattern[end : end + 1] == b"*":
                end += 1
            return (_STARS if end - at > 1 else _STAR), end
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
