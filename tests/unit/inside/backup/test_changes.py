"""What changed while it was copied is found by its time of change, among what is copied."""

import os
import time
from pathlib import Path

from builder.inside.backup.changes import changed_since
from tests.support.trees import put


def test_only_what_is_copied_and_changed_is_named(tmp_path: Path) -> None:
    for path in ("etc/old", "etc/new", "proc/1", "var/log/x"):
        put(tmp_path, path)
    time.sleep(0.05)
    moment = time.time()
    time.sleep(0.05)
    for path in ("etc/new", "proc/1", "var/log/x"):
        os.utime(tmp_path / path, (1, 1))  # whatever its own time says
    filters = ("- /proc/*", "- /var/log")
    assert [*changed_since(tmp_path, moment, filters=filters, mounts=())] == ["etc/new"]
    assert [*changed_since(tmp_path, time.time() + 9, filters=filters, mounts=())] == []


def test_odd_names_are_no_obstacle(tmp_path: Path) -> None:
    odd = os.fsencode(tmp_path) + b"/latin-1 \xe9\n"
    with open(odd, "xb"):  # noqa: PTH123
        pass
    (found,) = changed_since(tmp_path, 0, filters=(), mounts=())
    assert os.fsencode(found) == b"latin-1 \xe9\n"
