"""The answer file is found on a stick; what else is plugged in is only read, if at all."""

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from builder.basics.errors import StepError, UsageError
from builder.formats.answers import LARGEST, NAME
from builder.inside.installing.sticks import find_answers
from tests.support.installing import RecordingMachine


class Sticks(RecordingMachine):
    """A machine whose file systems have the files of these folders."""

    def __init__(
        self, contents: Mapping[str, Mapping[str, bytes]], nodes: object, *, busy: str = ""
    ) -> None:
        super().__init__({"lsblk": json.dumps({"blockdevices": nodes})})
        self._busy = busy
        self._contents = contents

    @contextlib.contextmanager
    def mounted(
        self, source: str, target: Path, *, kind: str = "", options: Sequence[str] = ()
    ) -> Iterator[None]:
        """Show the files while they are mounted."""
        if source == self._busy:
            raise StepError("mount failed with exit code 32")
        files = self._contents.get(source, {})
        for name, content in files.items():
            (target / name).write_bytes(content)
        with super().mounted(source, target, kind=kind, options=options):
            yield
        for name in files:
            (target / name).unlink()


def node(path: str, kind: str | None, *children: object) -> dict[str, object]:
    return {"path": path, "fstype": kind, **({"children": children} if children else {})}


NODES = [
    node("/dev/sda", None, node("/dev/sda1", "vfat"), node("/dev/sda2", "ext4")),
    node("/dev/sr0", "iso9660"),
    node("/dev/sdb", None, node("/dev/sdb1", "vfat")),
]


def test_it_is_on_the_stick_that_has_it(tmp_path: Path) -> None:
    machine = Sticks({"/dev/sdb1": {NAME: b"a: b\n"}, "/dev/sda1": {"other": b""}}, NODES)
    assert find_answers(tmp_path, machine) == b"a: b\n"
    mounts = [did for did in machine.did if did.startswith("mount")]
    assert [did.split()[3] for did in mounts] == ["/dev/sda1", "/dev/sr0", "/dev/sdb1"]
    assert all(" ro,nosuid,nodev,noexec " in did for did in mounts)


def test_a_stick_with_the_iso_is_in_use_as_a_whole_and_does_not_end_it(tmp_path: Path) -> None:
    nodes = [node("/dev/sda", "iso9660", node("/dev/sda1", "iso9660")), *NODES[2:]]
    machine = Sticks({"/dev/sdb1": {NAME: b"a: b\n"}}, nodes, busy="/dev/sda")
    assert find_answers(tmp_path, machine) == b"a: b\n"
    assert machine.said == ["/dev/sda is not looked at for answers: it is in use or damaged"]
    mounts = [did.split()[3] for did in machine.did if did.startswith("mount")]
    assert mounts == ["/dev/sda1", "/dev/sdb1"]


def test_without_one_there_are_no_answers(tmp_path: Path) -> None:
    assert find_answers(tmp_path, Sticks({}, NODES)) is None


def test_two_of_them_are_refused(tmp_path: Path) -> None:
    machine = Sticks({"/dev/sdb1": {NAME: b"a"}, "/dev/sda1": {NAME: b"b"}}, NODES)
    with pytest.raises(UsageError, match="There are 2 answer files: on /dev/sda1, /dev/sdb1"):
        find_answers(tmp_path, machine)


def test_one_that_is_too_large_is_refused(tmp_path: Path) -> None:
    machine = Sticks({"/dev/sdb1": {NAME: b"#" * (LARGEST + 1)}}, NODES)
    with pytest.raises(UsageError, match=f"larger than {LARGEST} bytes"):
        find_answers(tmp_path, machine)
