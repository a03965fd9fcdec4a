"""The source machine's own words: what they are, and where one of them counts.

A word that others use too ("max", "server") counts only where it can mean nothing else.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from builder.inside.search_rules.rule import Occurrence, SearchRule, text


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Word:
    """A word of the machine, in one spelling."""

    kind: str  # the name of a kind of `builder.border.privacy`
    spelling: str
    common: bool = False  # others use it too


Words = tuple[Word, ...]

_USER: Final = (
    rb"(?:/(?:home|Users|export/home|mail|run/media|media|crontabs|sudoers\.d)/"
    rb"|~|\buser(?:name|s)?['\"]?\s{0,4}[=: ]\s{0,4}['\"]?|\b(?:log(?:in|name)|owner|author|"
    rb"account|runas|autologin\w{0,10}|default_user)['\"]?\s{0,4}[=: ]\s{0,4}['\"]?|"
    rb"\bsudo\s.{0,20}-u\s?|\bsu - )$"
)
_USER_BEFORE: Final = re.compile(_USER, re.IGNORECASE)
_HOST_BEFORE: Final = re.compile(
    rb"(?:@|\bhost(?:name|s)?['\"]?\s{0,4}[=: ]\s{0,4}['\"]?|\b(?:server|machine|node|computer)"
    rb"[-_]?name['\"]?\s{0,4}[=: ]\s{0,4}['\"]?|//|\\\\"
    # after an address, as in hosts(5)
    rb"|(?:^|\n)\s*(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9a-f]{0,4}:[0-9a-f:.]{1,40})\s[^\n]{0,80})$",
    re.IGNORECASE,
)
_NETWORK_BEFORE: Final = re.compile(
    rb"(?:ssid|essid|access-points|wifi|wlan|network)[^\n]{0,40}$", re.IGNORECASE
)
_LABEL_BEFORE: Final = re.compile(rb"(?:LABEL=|by-(?:part)?label/|/media/)['\"]?$", re.IGNORECASE)
_AFTER_USER: Final = re.compile(rb"(?:@[\w.-]+|:x?:\d|:\d+:\d)")


def _counts_as_user(seen: Occurrence) -> bool:
    before, after = seen.before[-80:], seen.after[:80]
    if re.search(rb"(?:^|\n)[ \t]*$", before):  # the first word of a line: an account database
        return re.match(rb":(?:x?:\d|[!*$]|\d+:\d)|@[\w.-]+", after) is not None
    return _AFTER_USER.match(after) is not None or _USER_BEFORE.search(before) is not None


def _counts_as_host(seen: Occurrence) -> bool:
    before, after = seen.before[-120:], seen.after[:1]
    return after != b"/" and _HOST_BEFORE.search(before) is not None


def _counts_as_network(seen: Occurrence) -> bool:
    return _NETWORK_BEFORE.search(seen.before[-80:]) is not None


def _counts_as_label(seen: Occurrence) -> bool:
    return _LABEL_BEFORE.search(seen.before[-24:]) is not None


def _never(_seen: Occurrence) -> bool:
    return False


_CONTEXT: Final[dict[str, Callable[[Occurrence], bool]]] = {
    "user-name": _counts_as_user,
    "real-name": _counts_as_user,
    "host-name": _counts_as_host,
    "network-name": _counts_as_network,
    "disk-id": _counts_as_label,
}
_EDGE: Final = re.compile(rb"[A-Za-z0-9_\x80-\xff]")
_LETTER: Final = re.compile(rb"[A-Za-z0-9\x80-\xff]")
_LONG: Final = 5  # letters of a word that counts also where "_" joins it to others


def word_rules(words: Words) -> tuple[SearchRule, ...]:
    """Return a rule for each kind of word; those that are common have rules of their own."""
    groups: dict[tuple[str, bool], list[str]] = {}
    for word in sorted(set(words)):
        groups.setdefault((word.kind, word.common), []).append(word.spelling)
    return tuple(
        SearchRule(
            kind=kind,
            strings=tuple(_strings(spellings)),
            judge=_judge(_CONTEXT.get(kind, _never) if common else None),
        )
        for (kind, common), spellings in groups.items()
    )


def _strings(spellings: Sequence[str]) -> list[str]:
    """Return each spelling for YARA, as bytes of UTF-8 and of UTF-16, in capitals and without."""
    found = []
    for spelling in spellings:
        if spelling.isascii():
            found.append(text(spelling, "nocase ascii wide"))
            continue
        found.append(text(quote(spelling), "nocase"))  # as in a URL
        encoded = {
            variant.encode(encoding, errors="ignore")
            for variant in (spelling, spelling.lower(), spelling.upper(), spelling.title())
            for encoding in ("utf-8", "utf-16-le", "latin-1")
        }
        encoded.add(unicodedata.normalize("NFD", spelling).encode())
        found += [f"{{ {each.hex(' ')} }}" for each in sorted(encoded) if len(each) > 1]
    return found


def _judge(context: Callable[[Occurrence], bool] | None) -> Callable[[Occurrence], bool]:
    def judge(seen: Occurrence) -> bool:
        alone = context is None and len(seen.matched.replace(b"\0", b"")) >= _LONG
        if not _is_whole(seen, edge=_LETTER if alone else _EDGE):
            return False
        return context is None or context(_as_bytes(seen))

    return judge


def _is_whole(seen: Occurrence, *, edge: "re.Pattern[bytes]") -> bool:
    """Whether it is no part of a longer word, of which `edge` is a letter."""
    wide = b"\0" in seen.matched
    before = seen.data[max(0, seen.start - (2 if wide else 1)) : seen.start][:1]
    after = seen.data[seen.end : seen.end + 1]
    inner = seen.matched
    joined = edge.match(inner[:1]) and edge.match(before)
    return not joined and not (edge.match(inner[-2 if wide else -1 :][:1]) and edge.match(after))


def _as_bytes(seen: Occurrence) -> Occurrence:
    """Return an occurrence in UTF-16 with its surroundings as ASCII."""
    if b"\0" not in seen.matched:
        return seen
    before, inner, after = (
        part.replace(b"\0", b"") for part in (seen.before, seen.matched, seen.after)
    )
    return Occurrence(
        path=seen.path,
        data=before + inner + after,
        start=len(before),
        end=len(before) + len(inner),
    )
