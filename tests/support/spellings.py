"""Words in all the forms in which a result may have them, found in one pass over its bytes.

Third-party: yara-python, which the builder image has too.
"""

import base64
import json
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

import yara


class Words:
    """Finds words, in upper and lower case, in every spelling."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words = tuple(words)
        rules = "\n".join(_rule(number, word) for number, word in enumerate(self._words))
        self._compiled: Any = yara.compile(source=rules)

    def found_in(self, data: bytes) -> Iterator[str]:
        """Yield each word that is in `data`, once."""
        if self._words and data:
            for match in self._compiled.match(data=data, fast=True):
                yield self._words[int(match.rule[1:])]


def _rule(number: int, word: str) -> str:
    strings = [f'"{_escaped(each)}" nocase' for each in sorted(_texts(word))]
    strings += [f'"{_escaped(each)}"' for each in sorted(_base64(word.encode()))]
    lines = "\n".join(f" $s{at} = {string}" for at, string in enumerate(strings))
    return f"rule w{number} {{ strings:\n{lines}\n condition: any of them }}"


def _escaped(data: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in data)


def _texts(word: str) -> set[bytes]:
    encoded = word.encode("utf-8", "surrogateescape")
    spellings = {encoded, encoded.hex().encode(), unicodedata.normalize("NFD", word).encode()}
    spellings |= {json.dumps(word)[1:-1].encode(), quote(word).encode(), quote(word, "").encode()}
    for encoding in ("utf-16-be", "utf-16-le", "latin-1"):
        spellings.add(word.encode(encoding, "ignore"))
    return spellings


def _base64(data: bytes) -> set[bytes]:
    """Return what is the same wherever in a longer text the word stands."""
    return {
        base64.b64encode(bytes(before) + data)[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]
        for before in range(3)
    }
