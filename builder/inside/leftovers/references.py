"""The absolute paths that a text names, whatever its format.

A path starts where no word goes on: after a blank, a quote, a bracket, `=`, `:`, `,`, `<`, or the
letter of an option (`-c/etc/x`), so not in `text/html` or `http://host/path`. Quotes may hold
blanks; `\\ `, `\\x20` (systemd, C) and `\\040` (fstab, autofs) are blanks too.
"""

import re
from collections.abc import Iterator
from typing import Final

_ESCAPE: Final = re.compile(r"\\(?:x([0-9a-fA-F]{2})|([0-3][0-7]{2})|([ \"'\\]))")
_END: Final = r"\s\"'`;,:|&<>(){}\[\]=*?$%"
# Bytes that stand for blanks while words are found, and are blanks again afterwards.
_KEPT_BLANK: Final = "\x01"
_START: Final = r"(?:(?<![\w/.~)\]}%*?$-])|(?<=\s-\w)|(?<=file://)|(?<=copy:)|(?<=\w:))"
_PATH: Final = re.compile(rf"{_START}(/[^{_END}/][^{_END}]{{0,4094}})")
_QUOTED: Final = re.compile(r"(?<!\w)(?:\"(/[^\"\n]{1,4094})\"|'(/[^'\n]{1,4094})')")
_SENTENCE_END: Final = ".!"


def paths_in(text: str) -> tuple[str, ...]:
    """Return the absolute paths in `text`, in their order, each once."""
    return tuple(dict.fromkeys(_paths(text)))


def _paths(text: str) -> Iterator[str]:
    if "/" not in text:
        return
    plain = _ESCAPE.sub(_unescaped, text)
    for match in _PATH.finditer(plain):
        found = match[1].replace(_KEPT_BLANK, " ").rstrip(_SENTENCE_END)
        yield found.rstrip("/")
    for match in _QUOTED.finditer(plain):
        quoted = (match[1] or match[2]).replace(_KEPT_BLANK, " ")
        if " " in quoted:
            yield quoted.rstrip("/")


def _unescaped(match: re.Match[str]) -> str:
    number = int(match[1], 16) if match[1] else int(match[2], 8) if match[2] else ord(match[3])
    character = chr(number)
    return _KEPT_BLANK if character in " \t" else character if number > 0x1F else match[0]
