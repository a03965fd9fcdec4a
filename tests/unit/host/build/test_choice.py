"""What a build is made from is not what another program is just writing."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.basics.errors import HostError
from builder.border.jobs import SCAN
from builder.host.build.choice import prepare
from builder.host.config.build_config import Overrides, load_config
from tests.support.fake_engine import FakeEngine, answering
from tests.support.reports import cache_report, candidate


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Path]:
    """A cache that something called rsync writes to."""
    (tmp_path / ".rootfs_cache").mkdir()
    words = ["rsync", "-c", "import time; print(flush=True); time.sleep(60)"]
    with subprocess.Popen(
        [*words, f"{tmp_path}/.rootfs_cache/"], executable=sys.executable, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield tmp_path
        process.kill()


def choose(cache: Path, selector: str) -> str:
    engine = FakeEngine(
        answers={SCAN.name: answering(cache_report(candidate("cache"), candidate("3")))}
    )
    config = load_config(None, Overrides(cache=cache, selector=selector))
    found = prepare(config, engine, run="0123456789abcdef", on_event=lambda _event: None)
    return found.candidate.selector


def test_a_cache_that_rsync_writes_to_is_refused_and_its_snapshots_are_not(written: Path) -> None:
    with pytest.raises(HostError, match="Another program's backup is writing"):
        choose(written, "cache")
    assert choose(written, "3") == "3"


def test_any_other_cache_is_built(tmp_path: Path) -> None:
    assert choose(tmp_path, "cache") == "cache"
