"""What rsync is asked for and what is made of what it says; it copies in tests/container."""

from pathlib import Path

import pytest

from builder.basics.errors import HostError, StepError
from builder.inside.backup.copying import Copying, explained, progress_of
from builder.inside.source.unfinished import MARK
from builder.inside.system.tool_error import ToolError

COPYING = Copying(
    source=Path("/source"),
    target=Path("/cache/.rootfs_cache"),
    filters=("- /proc/*",),
    mounts=("boot", "var/my data"),
    frozen=False,
)


def test_every_file_system_is_copied_to_its_place_in_one_run() -> None:
    argv = COPYING.argv(Path("/tmp/filters"))
    assert argv[-4:] == (
        "/source/./", "/source/./boot/", "/source/./var/my data/", "/cache/.rootfs_cache/",
    )  # fmt: skip
    assert {"-aAXH", "--numeric-ids", "--one-file-system", "--relative", "--delete"} <= {*argv}
    assert "--filter=merge /tmp/filters" in argv


def test_snapshots_and_the_mark_are_out_of_rsyncs_reach_whatever_the_host_asks_for() -> None:
    assert COPYING.rules == (f"- /{MARK}", "- /.snapshots", "- /proc/*")


@pytest.mark.parametrize(
    ("line", "expected", "fraction"),
    [
        ("     1,234  12%   10.00MB/s    0:00:00 (xfr#5, to-chk=25/100)", 0, 0.75),
        ("     1,234  12%   10.00MB/s    0:00:00 (xfr#5, ir-chk=25/100)", 0, 0.0),
        ("     1,234  12%   10.00MB/s    0:00:00 (xfr#5, ir-chk=50/100)", 1000, 0.05),
        ("     1,234  12%   10.00MB/s    0:00:00 (xfr#5, ir-chk=50/100)", 10, 0.5),
        ("     1,234  12%   10.00MB/s    0:00:00  ", 1000, 0.0),
        ("  32,768   0%    0.00kB/s    0:00:00  rsync: [receiver] write failed on x", 0, None),
        ("sent 12 bytes  received 13 bytes  10.00 bytes/sec", 1000, None),
        ("Number of files: 1,234 (reg: 1, dir: 2)", 1000, None),
    ],
)
def test_progress_is_by_files(line: str, expected: int, fraction: float | None) -> None:
    assert progress_of(expected)(line) == fraction


def failed(code: int | None, *output: str) -> ToolError:
    return ToolError("x", tool="rsync", code=code, output=output)


def test_a_full_cache_is_named_and_earlier_snapshots_are_vouched_for() -> None:
    for words in ("No space left on device (28)", "Disk quota exceeded (122)"):
        found = explained(failed(11, f"rsync: write failed: {words}"))
        assert isinstance(found, HostError)
        assert "full" in found.message
        assert "Earlier snapshots" in found.advice


@pytest.mark.parametrize(
    ("code", "reason"), [(23, "could not be copied"), (24, "was deleted while it was copied")]
)
def test_an_incomplete_copy_is_no_backup(code: int, reason: str) -> None:
    found = explained(failed(code, "rsync: read errors mapping /source/etc/x"))
    assert isinstance(found, StepError)
    assert reason in found.message
    assert found.output == ("rsync: read errors mapping /source/etc/x",)


def test_any_other_error_is_rsyncs_own() -> None:
    error = failed(12)
    assert explained(error) is error
