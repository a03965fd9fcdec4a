"""No test takes any refusal for the right one."""

import ast
from pathlib import Path

import pytest

from tests.support import refusals


def test_every_refusal_is_asserted_with_its_reason() -> None:
    assert refusals.without_reason() == []


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("with pytest.raises(HostError): f()", ["raises HostError"]),
        ("with pytest.raises((ValueError, EOFError)): f()", ["raises (ValueError, EOFError)"]),
        ("with a(), pytest.raises(HostError) as caught: f()", ["raises HostError"]),
        ("with pytest.raises(HostError, match='full'): f()", []),
        ("with pytest.raises(HostError) as c: f()\n  assert 'full' in str(c.value)", []),
        ("with pytest.raises(KeyError): f()", []),
        ("assert run('x').code == 3", ["run('x').code == 3"]),
        ("assert done.returncode != 0", ["done.returncode != 0"]),
        ("assert done.code == 3\n  assert 'full' in done.error['message']", []),
        ("assert done.code == 0", []),
    ],
)
def test_what_is_asserted_without_reason_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, found: list[str]
) -> None:
    folder = tmp_path / "tests"
    folder.mkdir()
    text = f"def test_it() -> None:\n  {body}\n"
    ast.parse(text)
    (folder / "test_x.py").write_text(text)
    monkeypatch.setattr(refusals, "TESTS", folder)
    assert [each.split(": ", 1)[1] for each in refusals.without_reason()] == found
