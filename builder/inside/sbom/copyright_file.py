"""The licences that a package's copyright file declares (machine-readable copyright format 1.0).

Only the short names are read, from every paragraph about files. The text is untrusted: a file that
is too large, unreadable, not in this format, or has any unnamed licence counts as unknown. That
verdict is why the reader is ours: python-debian's repairs what it finds, and says so in a log.
"""

import re
import zlib
from collections.abc import Iterable, Iterator
from typing import Final

from builder.inside.sbom.license_names import spdx_expression
from builder.inside.tree.tree import Tree

_FORMAT: Final = re.compile(
    r"https?://www\.debian\.org/doc/packaging-manuals/copyright-format/1\.0/?"
)
_LARGEST: Final = 8 << 20  # bytes; a browser's has about 2 MiB
_MOST_LICENSES: Final = 300  # different ones in one file; a kernel's has about 60
_FIELDS: Final = ("format", "files", "license")
_ANY_SIZE_OF_WINDOW_GZIP: Final = 32 + zlib.MAX_WBITS


def declared_license(tree: Tree, package: str) -> str:
    """Return the SPDX expression of all licences of the package's files; "" when unknown.

    `package` is a valid package name.
    """
    text = _text(tree, f"/usr/share/doc/{package}/copyright")
    if text is None:
        return ""
    synopses = _synopses(text)
    if not synopses or len(synopses) > _MOST_LICENSES:
        return ""
    expressions = {spdx_expression(synopsis) for synopsis in synopses}
    known = sorted(each for each in expressions if each is not None)
    return _all_of(known) if len(known) == len(expressions) else ""


def _all_of(expressions: list[str]) -> str:
    if len(expressions) == 1:
        return expressions[0]
    parts = {each: f"({each})" if " OR " in each else each for each in expressions}
    return " AND ".join(parts[each] for each in expressions)


def _text(tree: Tree, path: str) -> str | None:
    for name, unpack in ((path, False), (f"{path}.gz", True)):
        try:
            content = tree.read_bytes(name, limit=_LARGEST)
        except OSError:
            continue
        plain = _unpacked(content) if unpack else content
        return plain.decode("utf-8", errors="replace") if plain is not None else None
    return None


def _unpacked(content: bytes) -> bytes | None:
    reader = zlib.decompressobj(_ANY_SIZE_OF_WINDOW_GZIP)
    try:
        plain = reader.decompress(content, _LARGEST)
    except zlib.error:
        return None
    return plain if reader.eof else None


def _synopses(text: str) -> set[str]:
    """Return the first licence line of each paragraph about files."""
    paragraphs = _paragraphs(text.split("\n"))
    header = next(paragraphs, {})
    if not _FORMAT.fullmatch(header.get("format", "")):
        return set()
    return {each.get("license", "") for each in paragraphs if "files" in each}


def _paragraphs(lines: Iterable[str]) -> Iterator[dict[str, str]]:
    """Yield the first lines of the relevant fields, for each paragraph that has any."""
    fields: dict[str, str] = {}
    for line in lines:
        if not line.strip():
            if fields:
                yield fields
            fields = {}
        elif not line[0].isspace() and not line.startswith("#"):
            name, colon, value = line.partition(":")
            if colon and (known := name.lower()) in _FIELDS:
                fields.setdefault(known, value.strip())
    if fields:
        yield fields
