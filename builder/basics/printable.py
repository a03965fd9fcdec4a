"""Makes untrusted text harmless before it is shown or written anywhere."""

import re
import unicodedata
from typing import Final

# ECMA-48: OSC and similar strings up to their end, CSI sequences, and two-character escapes.
_ESCAPES: Final = re.compile(
    r"\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|[\x1b]\[[0-?]*[ -/]*[@-~]?|\x1b[ -/]*[0-~]?"
)
# Control and format characters (terminal codes, bidi overrides), lone surrogates, line separators.
_UNWANTED: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_STAND_IN: Final = "\N{REPLACEMENT CHARACTER}"


def printable(text: str) -> str:
    """Return `text` as one line, without escape sequences, controls or bidi overrides."""
    return "".join(_shown(sign) for sign in _ESCAPES.sub("", text))


def printable_lines(text: str) -> str:
    """Like `printable`, but keep line breaks (LF)."""
    return "\n".join(printable(line) for line in text.split("\n"))


def short(text: str, *, longest: int = 80) -> str:
    """Return `text` as `printable` does, cut at `longest` characters, with an ellipsis."""
    return printable(text) if len(text) <= longest else printable(text[:longest]) + "…"


def escaped(text: str) -> str:
    """Return `text` as one line without anything unprintable, which no other text gives.

    The escapes are those of Python. A backslash becomes two, as with `ls -b`; a byte that is not
    UTF-8 (PEP 383) is "\\xff", and a character above ASCII is "\\u202e".
    """
    return "".join(sign if sign.isprintable() and sign != "\\" else _escape(sign) for sign in text)


def _escape(sign: str) -> str:
    code = ord(sign)
    if code < 0x80:
        return sign.encode("unicode_escape").decode("ascii")
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _shown(sign: str) -> str:
    if sign.isprintable():
        return sign
    return " " if sign.isspace() else _STAND_IN


def clean(text: str, *, limit: int = 200) -> str:
    """Return `text` in one line without control characters, at most `limit` characters long."""
    start = text[: 4 * limit]
    kept = "".join(sign for sign in start if unicodedata.category(sign) not in _UNWANTED)
    return kept.strip()[:limit]
