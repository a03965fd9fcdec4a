"""`privacy:` in build.yaml and `--privacy`: read, checked, and part of the plan alone."""

from pathlib import Path

import pytest

from builder.basics.errors import UsageError
from builder.border.privacy import KIND_OF, AllowedFinding, Privacy, PrivacyMode
from builder.host.config.build_config import Overrides, load_config

ROW = "    - {path: /opt/x/*.pem, rule: private-key, reason: a demo}\n"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "build.yaml"
    path.write_text(f"version: 1\n{text}")
    return path


def test_findings_stop_a_build_unless_somebody_says_otherwise(tmp_path: Path) -> None:
    assert load_config(None, Overrides()).privacy == Privacy(mode=PrivacyMode.STOP)
    path = written(tmp_path, f"privacy:\n  mode: stop\n  allow:\n{ROW}")
    row = AllowedFinding(path="/opt/x/*.pem", rule="private-key", reason="a demo")
    assert load_config(path, Overrides()).privacy == Privacy(allow=(row,))
    warned = load_config(path, Overrides(privacy="warn")).privacy
    assert warned == Privacy(mode=PrivacyMode.WARN, allow=(row,))


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("{path: /x, rule: private-key}", 'The key "reason" is missing here'),
        ("{path: x, rule: private-key, reason: demo}", "not a valid exclude pattern"),
        ("{path: /x, rule: privat-key, reason: demo}", "Did you mean private-key?"),
        ("{path: /x, rule: nonsense, reason: demo}", "Use one of private-key"),
        ("{path: /x, rule: token, reason: ''}", "is not a reason"),
        ("{path: /x, rule: token, reason: demo, until: x}", 'Unknown key "until"'),
        ("/x", "Expected keys and values"),
    ],
)
def test_a_row_that_is_not_whole_is_named(row: str, said: str, tmp_path: Path) -> None:
    path = written(tmp_path, f"privacy:\n  allow:\n    - {row}\n")
    with pytest.raises(UsageError) as caught:
        load_config(path, Overrides())
    assert said in f"{caught.value} {caught.value.advice}"


def test_another_word_than_stop_or_warn_is_refused() -> None:
    with pytest.raises(UsageError, match="not a way to treat findings"):
        load_config(None, Overrides(privacy="ignore"))


def test_every_kind_says_what_to_do() -> None:
    for kind in KIND_OF.values():
        assert kind.message.startswith("{path} ")
        assert not kind.message.endswith(".")
        assert kind.hint.endswith(".")
