"""Every error says what to do, or belongs to those that need no such sentence."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.support.templates import CODE

# Of a step, or of what was found wrong with results, the log and the report say more; who reads
# one of these has to do something.
_TO_ACT_ON: Final = ("UsageError", "HostError", "SourceError")
# They say themselves what to do, or nothing can be done but what they say.
_SAY_IT_THEMSELVES: Final = frozenset({
    "--yes names {said}, and what would be erased is {name}; nothing was written",
    "Give one of --snapshot, --older-than and --all",
    "Invalid name of a frozen snapshot: {name}",
    "The answer file is larger than {limit} bytes",
    "The answer file lacks {key}",
    "The engine lost {pinned}, which it had just pulled",
    "The base image could not be imported: {reason}",
    "The installation was stopped; nothing was written",
    "The system has no kernel that a disk could start",
    "There is no medium in {name}",
    "A partition for persistence has from {least} to {most}, not {size}",
    "{disk} cannot be written to",
    "{name} is already there",
    "{name} was not confirmed; nothing was written",
    "{path} cannot be written to itself",
    "{path} is not the place of a snapshot",
    "{path} was swapped for something else",
})  # fmt: skip


def without_hint(code: Path) -> Iterator[str]:
    """Yield the message of each error that says nothing about what to do."""
    for path in sorted(code.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
                continue
            if node.func.id not in _TO_ACT_ON or any(each.arg == "hint" for each in node.keywords):
                continue
            message = node.args[0] if node.args else None
            if isinstance(message, ast.Constant):
                yield str(message.value)


def test_every_error_says_what_to_do() -> None:
    assert set(without_hint(CODE)) - _SAY_IT_THEMSELVES == set()


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("raise HostError('full')", ["full"]),
        ("raise HostError('full', hint='Free some.')", []),
        ("raise VerificationError('cut off')", []),
    ],
)
def test_what_has_no_hint_is_found(tmp_path: Path, code: str, found: list[str]) -> None:
    (tmp_path / "module.py").write_text(code)
    assert list(without_hint(tmp_path)) == found
