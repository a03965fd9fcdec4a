"""`snapshots` tells people and programs what can be built, and why the rest cannot."""

import json

import pytest

from builder.border.cache_report import Problem, Skipped
from builder.border.jobs import SCAN
from builder.host.cli import main
from builder.host.command_line.surroundings import Surroundings
from tests.support.fake_engine import FakeEngine, answering
from tests.support.reports import cache_report, candidate

GONE = Problem(message="{path} is missing", hint="Mount {path}.", values=(("path", "/usr/{odd}"),))
REPORT = cache_report(
    candidate("cache"),
    candidate("3", problems=(GONE,)),
    skipped=(Skipped(path="4", reason=GONE),),
    warnings=(GONE,),
)


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    engine = FakeEngine(answers={SCAN.name: answering(REPORT)})
    surroundings = Surroundings(open_engine=lambda: engine)
    assert main.run(["snapshots", *arguments], surroundings=surroundings) == 0
    return capsys.readouterr().out


def test_a_program_gets_finished_sentences(capsys: pytest.CaptureFixture[str]) -> None:
    data = json.loads(told(capsys, "--json"))["data"]
    said = {"message": "/usr/{odd} is missing", "hint": "Mount /usr/{odd}.", "values": []}
    assert data["candidates"][1]["problems"] == [said]
    assert data["skipped"] == [{"path": "4", "reason": said}]
    assert data["warnings"] == [said]


def test_people_get_the_same_in_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    out = told(capsys)
    assert "Skipped 4: /usr/{odd} is missing" in out
    assert "Warning: /usr/{odd} is missing" in out
