"""`privacy` says what would leave the house: as a table, JSON, a page, and by its exit code."""

import json
from pathlib import Path

import pytest

from builder.basics.codec import to_data
from builder.border import paths
from builder.border.jobs import EXAMINE, FREEZE, SCAN, THAW
from builder.border.privacy import Finding, LeftOut, PrivacyMode, PrivacyReport, Stayed
from builder.border.requests import Frozen, Listed, Nothing
from builder.host.cli import main
from builder.host.command_line.surroundings import Surroundings
from tests.support.fake_engine import FakeEngine, answering
from tests.support.fake_images import packed
from tests.support.reports import cache_report, candidate

_HOSTILE = "/etc/\x1b[31m<script>alert(1)</script>"


def report(*findings: Finding) -> PrivacyReport:
    return PrivacyReport(
        left_out=(
            LeftOut(path="/srv/git", rule="data", size=5 << 30, entries=12_345, whole=False),
            LeftOut(path="/etc/app.key", rule="closed", size=32, entries=1),
        ),
        stayed=(Stayed(path="/opt/app", size=3 << 20, entries=17),),
        removed={"homes": 3},
        findings=findings,
    )


def finding(path: str, allowed: str | None = None) -> Finding:
    return Finding(path=path, rule="private-key", where="system", allowed=allowed)


def told(
    capsys: pytest.CaptureFixture[str], found: PrivacyReport, *arguments: object
) -> tuple[int, str, FakeEngine]:
    content = json.dumps(to_data(found)).encode("ascii")
    engine = FakeEngine(
        answers={
            SCAN.name: answering(cache_report(candidate("cache"), candidate("3"))),
            FREEZE.name: answering(Frozen(frozen=True)),
            THAW.name: answering(Nothing()),
            EXAMINE.name: answering(Listed(lines=1)),
        },
        files={EXAMINE.name: lambda _spec, _path: packed({paths.REPORT.name: content})},
    )
    surroundings = Surroundings(open_engine=lambda: engine)
    code = main.run(["privacy", "3", *map(str, arguments)], surroundings=surroundings)
    return code, capsys.readouterr().out, engine


def test_what_stays_and_what_goes_along_is_told_by_size(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, engine = told(capsys, report())
    assert code == 0
    assert "3: nothing private was found" in out
    rows = [" ".join(line.split()) for line in out.split("\n")]
    assert "≥ 5.0 GiB ≥ 12345 /srv/git data" in rows
    assert rows.index("≥ 5.0 GiB ≥ 12345 /srv/git data") < rows.index("32 B 1 /etc/app.key closed")
    assert "3.0 MiB 17 /opt/app" in rows
    assert "homes 3" in rows
    assert "keep: [/srv/www]" in out
    assert engine.jobs[-1] == THAW.name
    assert engine.volumes == {}


def test_a_finding_is_an_exit_code_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, engine = told(capsys, report(finding("/opt/x.pem"), finding("/opt/y.pem", "public")))
    assert code == 7
    assert "3: private things that would be in the ISO: 1" in out
    (plan,) = engine.asked(EXAMINE)
    assert plan.privacy.mode is PrivacyMode.WARN
    assert out.index("/opt/x.pem") < out.index("Allowed by build.yaml") < out.index("/opt/y.pem")


def test_what_is_allowed_is_no_reason_to_fail(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, report(finding("/opt/y.pem", "public")))[0] == 0


def test_json_has_everything(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = told(capsys, report(finding("/opt/x.pem")), "--json")
    data = json.loads(out.strip().split("\n")[-1])["data"]
    assert code == 7
    assert data["found"] == {"private-key": 1}
    assert data["left_out"][0] == {
        "path": "/srv/git", "rule": "data", "size": 5 << 30, "entries": 12_345, "whole": False,
    }  # fmt: skip


def test_the_page_shows_all_and_runs_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    told(capsys, report(finding(_HOSTILE)), "--html", page)
    text = page.read_text("utf-8")
    assert "/srv/git" in text
    assert "<script" not in text
    assert "\x1b" not in text
    assert "default-src &#x27;none&#x27;" in text


def test_the_settings_of_a_config_hold(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    config = tmp_path / "build.yaml"
    config.write_text("version: 1\nkeep: [/srv/www]\nexclude: [/opt/x]\n")
    _code, _out, engine = told(capsys, report(), "--config", config)
    (plan,) = engine.asked(EXAMINE)
    assert (plan.recipe.keep, plan.recipe.exclude) == (("/srv/www",), ("/opt/x",))
