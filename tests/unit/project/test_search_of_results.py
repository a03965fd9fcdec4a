"""The search of results reports what it cannot unpack, and knows a word in every spelling."""

import base64
import gzip
import json
import urllib.parse
from collections.abc import Callable

import pytest

from tests.support.spellings import Words
from tests.support.unpacked import unpacked

WORD = "mein häst/42"
SPELLINGS: dict[str, Callable[[str], bytes]] = {
    "utf-8": lambda word: word.encode(),
    "upper": lambda word: word.upper().replace("Ä", "ä").encode(),
    "utf-16-be": lambda word: word.encode("utf-16-be"),
    "utf-16-le": lambda word: word.encode("utf-16-le"),
    "latin-1": lambda word: word.encode("latin-1"),
    "json": lambda word: json.dumps(word).encode(),
    "percent": lambda word: urllib.parse.quote(word).encode(),
    "percent, all": lambda word: urllib.parse.quote(word, "").lower().encode(),
    "hex": lambda word: word.encode().hex().upper().encode(),
    "base64, first": lambda word: base64.b64encode(word.encode()),
    "base64, second": lambda word: base64.b64encode(b"-" + word.encode() + b"-"),
    "base64, third": lambda word: base64.b64encode(b"--" + word.encode() + b"--"),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_word_is_found_in_every_spelling(spelling: str) -> None:
    content = b"xx" + SPELLINGS[spelling](WORD) + b"yy"
    assert [*Words(["nowhere", WORD]).found_in(content)] == [WORD]
    assert [*Words([WORD]).found_in(SPELLINGS[spelling]("mein heft/42"))] == []


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (gzip.compress(b"x" * 5000)[:-9], "EOFError"),
        (gzip.compress(b"inside") + b"\4\"M\x18 lz4's", "unknown format"),
        (b"070701" + b"0" * 20, "damaged cpio"),
        (b"PK\3\4 no zip", "BadZipFile"),
    ],
    ids=["cut off", "another format behind it", "cpio", "zip"],
)  # fmt: skip
def test_what_cannot_be_unpacked_is_reported(data: bytes, reason: str) -> None:
    said: list[str] = []
    assert ("name", data) in [*unpacked("name", data, damaged=said.append)]
    assert len(said) == 1
    assert reason in said[0]
