"""Reads the archives of a system: sources.list(5), in both of its forms.

What comes out are plain values. A source that apt could not use here, or only with a secret of the
system's owner, is left out with the reason.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from builder.basics.printable import clean, short
from builder.border.added_packages import AptSource

_LINE: Final = re.compile(
    r"(?P<type>deb|deb-src)\s+(?:\[(?P<options>[^\]]*)\]\s+)?(?P<uri>\S+)\s+(?P<rest>\S.*)"
)
_WORD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9./_~+:-]{0,199}/?|/|\./")
_URI: Final = re.compile(r"https?://[!-~]{1,500}")
_INLINE_KEY: Final = "-----BEGIN PGP PUBLIC KEY BLOCK-----"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A source as it was read, before its keys were looked for."""

    source: AptSource
    key: str = ""  # an OpenPGP key that stands in the source itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Useless:
    """A source that cannot be used."""

    text: str  # the source, and why


def one_line_sources(text: str) -> Iterator[Row | Useless]:
    """Yield the sources of a `.list` file."""
    for line in text.splitlines():
        words = line.partition("#")[0].strip()
        match = _LINE.fullmatch(words)
        if match is None or match["type"] == "deb-src":
            if words and match is None:
                yield _useless(words, "it cannot be read")
            continue
        options = dict(
            option.partition("=")[::2] for option in (match["options"] or "").split() if option
        )
        suite, *components = match["rest"].split()
        yield from _rows(
            uris=[match["uri"]],
            suites=[suite],
            components=components,
            architectures=_split(options.get("arch", "")),
            signed_by=options.get("signed-by", ""),
        )


def deb822_sources(text: str) -> Iterator[Row | Useless]:
    """Yield the sources of a `.sources` file."""
    for fields in _stanzas(text):
        if fields.get("enabled", "yes").lower() in ("no", "false", "0", "off"):
            continue
        if "deb" not in fields.get("types", "").split():
            continue
        yield from _rows(
            uris=fields.get("uris", "").split(),
            suites=fields.get("suites", "").split(),
            components=fields.get("components", "").split(),
            architectures=_split(fields.get("architectures", "")),
            signed_by=fields.get("signed-by", ""),
        )


def _stanzas(text: str) -> Iterator[dict[str, str]]:
    fields: dict[str, str] = {}
    last = ""
    for line in [*text.splitlines(), ""]:
        if line.startswith("#"):
            continue
        if not line.strip():
            if fields:
                yield fields
            fields, last = {}, ""
        elif line[0] in " \t":
            if last:
                # In the text of a key, " ." stands for an empty line.
                fields[last] += "\n" + ("" if line.strip() == "." else line.strip())
        else:
            name, _colon, value = line.partition(":")
            last = name.strip().lower()
            fields[last] = value.strip()


def _rows(
    *,
    uris: Iterable[str],
    suites: Iterable[str],
    components: Iterable[str],
    architectures: Iterable[str],
    signed_by: str,
) -> Iterator[Row | Useless]:
    key = signed_by.strip() if _INLINE_KEY in signed_by else ""
    paths = () if key else tuple(each for each in _split(signed_by) if each.startswith("/"))
    for uri in uris:
        for suite in suites:
            words = (suite, *components)
            why = _why_not(uri, words)
            if why:
                yield _useless(f"{_without_password(uri)} {suite}", why)
                continue
            yield Row(
                source=AptSource(
                    uri=uri,
                    suite=suite,
                    components=() if suite.endswith("/") else tuple(components),
                    architectures=tuple(architectures),
                    signed_by=paths,
                ),
                key=key,
            )


def _why_not(uri: str, words: Iterable[str]) -> str:
    if _URI.fullmatch(uri) is None:
        return "only http and https archives are used"
    try:
        parts = urlsplit(uri)
        if parts.username is not None or parts.password is not None:
            return "it has a password, which a lock must not name"
        parts.port  # noqa: B018 - raises for one that cannot be
    except ValueError:
        return "it cannot be read"
    if not all(_WORD.fullmatch(word) for word in words):
        return "it cannot be read"
    return ""


def _without_password(uri: str) -> str:
    return re.sub(r"//[^/@]*@", "//", uri)


def _useless(text: str, why: str) -> Useless:
    return Useless(text=f"{short(clean(_without_password(text)))}: {why}")


def _split(text: str) -> tuple[str, ...]:
    return tuple(word for word in re.split(r"[,\s]+", text.strip()) if word)
