"""What a form of a secret is: where YARA looks for it, and the expression that finds its value.

Each expression is for one line, and takes time that grows with its length alone.
"""

import re
from dataclasses import dataclass
from typing import Final

from builder.inside.search_rules.rule import regex, text

VALUE: Final = rb"[\"']?(?P<value>[^\s\"'|;]{1,256})"
ARGUMENT: Final = rb"[\"']?(?P<value>[^\s\"'-][^\s\"']{0,99})"
COMMAND: Final = rb"\b[^|;]{0,200}?\s"  # up to an option of the same command


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretForm:
    """A form; `finds` are strings of YARA, of which every line in this form has one."""

    finds: tuple[str, ...]
    pattern: "re.Pattern[bytes]"  # the group `value`, or else `quoted`, is the secret
    random: bool = False  # only a value that a machine made up is one


def form(pattern: bytes, *finds: str, random: bool = False) -> SecretForm:
    """Return a form whose `pattern` ignores case."""
    return SecretForm(finds=finds, pattern=re.compile(pattern, re.IGNORECASE), random=random)


def word(each: str) -> str:
    """Return what finds a word in any case."""
    return text(each, "nocase")


def first(words: str) -> str:
    """Return what finds one of these words at the beginning of a line."""
    return regex(rf"(^|\n)[ \t]{{0,16}}({words})[ \t]{{1,16}}[^ \t\n]", "nocase")
