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
# Nobody can do anything about them: an engine or a host that breaks its promises.
_NOTHING_TO_DO: Final = frozenset({
    "Invalid name of a frozen snapshot: {name}",
    "The engine saved an unreadable image: {reason}",
    "The engine sent an incomplete file system: {reason}",
    "{path} is not the place of a snapshot",
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
    assert set(without_hint(CODE)) == _NOTHING_TO_DO


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
