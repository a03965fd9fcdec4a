"""A lock of added packages says one thing, and anything else is refused with the place."""

import json
from typing import Any

import pytest

from builder.basics.codec import to_data
from builder.formats.added_packages import lock_of, lock_text
from tests.support.locks import LOCK


def test_a_lock_is_read_as_it_was_written() -> None:
    assert lock_of(lock_text(LOCK)) == LOCK


def test_a_manifest_has_a_lock_too() -> None:
    assert lock_of(json.dumps({"format": 2, "packages_lock": to_data(LOCK)})) == LOCK


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (("format",), 2, "format: this version reads 1"),
        (("wishes",), ["bb", "aa"], "wishes: they must be sorted"),
        (("wishes",), ["-o=Dir::Bin=x"], "wishes: '-o=Dir::Bin=x' cannot be"),
        (("packages", 0, "name"), "../x", "name: '../x' cannot be"),
        (("packages", 0, "version"), "1;id", "version: '1;id' cannot be"),
        (("packages", 0, "architecture"), "amd64 x", "architecture: 'amd64 x' cannot be"),
        (("packages", 0, "sha256"), "AB" * 32, "sha256: "),
        (("packages", 0, "size"), 0, "size: that of gddrescue"),
        (("packages", 0, "size"), 9 << 30, "size: that of gddrescue"),
        (("packages", 0, "url"), "file:///etc/shadow", "url: "),
        (("packages", 0, "url"), "http://me:word@archive.example/x", "url: that of gddrescue"),
        (("packages", 0, "replaces"), "$(id)", "replaces: "),
        (("phases", 0, "packages"), [], "phases: each package must be there once to unpack"),
        (("phases", 0, "packages"), [0, 0], "phases: each package must be there once to unpack"),
        (("phases", 1, "packages"), [1], "phases: each package must be there once to configure"),
        (("phases", 0, "action"), "purge", "action"),
        (("layer",), "both", "layer"),
        (("removes",), ["--force"], "removes: '--force' cannot be"),
        (("removed", 0, "name"), "sudo", "removed: sudo is not among those that may go"),
        (("removed", 0, "version"), "$(id)", "version: "),
        (("phases", 2, "packages"), [], "phases: each package must be there once to remove"),
        (("more",), 1, "unknown field"),
    ],
)
def test_what_no_build_writes_is_refused_with_its_place(
    place: tuple[str | int, ...], value: object, said: str
) -> None:
    data: Any = to_data(LOCK)
    data = json.loads(json.dumps(data))
    inner = data
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    with pytest.raises(ValueError, match=said.replace("$", r"\$").replace("(", r"\(")):
        lock_of(json.dumps(data))
