"""A scratch root is an overlay where that works, and else a copy."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from builder.basics.errors import HostError, StepError
from builder.border.plan import Staging
from builder.inside.layers.scratch import Scratch
from builder.inside.system.tool_error import ToolError
from tests.support.machines import RecordingSystem


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    root.mkdir(mode=0o751)
    return root


def scratch(root: Path, staging: Staging, *, size: int = 0) -> Scratch:
    return Scratch(
        root=root,
        target=root.with_name("scratch"),
        layer=root.with_name("layer"),
        staging=staging,
        size=lambda: size,
    )


class NoOverlay(RecordingSystem):
    """A kernel that stacks no more overlays."""

    @contextmanager
    def mounted(
        self, source: str, target: Path, *, kind: str, options: Sequence[str] = ()
    ) -> Iterator[None]:
        del source, target, kind, options
        raise ToolError("mount failed", tool="mount", output=("stacking depth exceeded",))
        yield


@pytest.mark.parametrize("staging", [Staging.AUTO, Staging.OVERLAY])
def test_it_is_an_overlay_on_the_tree(root: Path, staging: Staging) -> None:
    system = RecordingSystem()
    with scratch(root, staging).opened(system) as place:
        assert system.mounts == [("overlay", place)]
        assert root.with_name("layer").joinpath("upper").stat().st_mode == root.stat().st_mode
    assert system.mounted_now == []
    assert system.commands == []


def test_nothing_of_an_earlier_use_is_left(root: Path) -> None:
    with scratch(root, Staging.AUTO).opened(RecordingSystem()):
        (root.with_name("layer") / "upper/left").write_text("")
    with scratch(root, Staging.AUTO).opened(RecordingSystem()):
        assert list((root.with_name("layer") / "upper").iterdir()) == []


def test_who_asked_for_a_copy_gets_one(root: Path) -> None:
    system = RecordingSystem()
    with scratch(root, Staging.RSYNC).opened(system) as place:
        (command,) = system.commands
        assert command[0] == "rsync"
        assert "--delete" in command
        assert command[-2:] == (f"{root}/", f"{place}/")
    assert system.mounts == []


def test_where_no_overlay_can_be_mounted_it_is_copied(root: Path) -> None:
    system = NoOverlay()
    with scratch(root, Staging.AUTO).opened(system):
        assert [command[0] for command in system.commands] == ["rsync"]
    assert "An overlay on the staged system is not possible" in system.notes[0]


def test_a_copy_without_room_is_refused_before_anything_is_copied(root: Path) -> None:
    system = RecordingSystem()
    with (
        pytest.raises(HostError, match="are needed"),
        scratch(root, Staging.RSYNC, size=1 << 60).opened(system),
    ):
        pass
    assert system.commands == []


def test_a_copy_that_fails_is_told(root: Path) -> None:
    def fail(argv: Sequence[str]) -> str:
        raise ToolError("exit 23", tool=argv[0], output=("damaged",))

    with (
        pytest.raises(StepError, match="cannot be copied"),
        scratch(root, Staging.RSYNC).opened(RecordingSystem(fail)),
    ):
        pass
