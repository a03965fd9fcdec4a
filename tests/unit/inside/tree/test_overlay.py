"""Where an overlay takes the place of the copy, what lies in its layer, and when there is none."""

import dataclasses
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from builder.basics.errors import HostError, StepError
from builder.border.plan import Staging
from builder.inside.steps.stage import StageStep
from builder.inside.tree.survey import Survey, survey_tree
from tests.support.machines import RecordingSystem
from tests.support.staging import stage_step

NOON = 1_750_170_600


class Kernel(RecordingSystem):
    """A kernel whose overlays have an index, or not, or that knows of none."""

    def __init__(self, *, index: bool = True, refusal: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.options: tuple[str, ...] = ()
        self._index = index
        self._refusal = refusal

    @contextmanager
    def mounted(
        self, source: str, target: Path, *, kind: str, options: Sequence[str] = ()
    ) -> Iterator[None]:
        """Do what the kernel does to the work folder."""
        self.options = tuple(options)
        if self._refusal:
            raise StepError("mount failed", output=self._refusal)
        (work,) = (each.removeprefix("workdir=") for each in options if "workdir=" in each)
        if self._index:
            Path(work, "index").mkdir()
        with super().mounted(source, target, kind=kind, options=options):
            yield


def step_for(tmp_path: Path, staging: Staging, mounts: ExitStack, **found: object) -> StageStep:
    """Return the step for a small tree; `found` is what the survey says otherwise."""
    source = tmp_path / "source"
    for name in ("home/alice/deep", "etc", "srv/kept"):
        (source / name).mkdir(parents=True, exist_ok=True)
    (source / "srv/core").touch()
    (source / "home").chmod(0o2751)
    for path in (*source.rglob("*"), source):
        os.utime(path, (NOON, NOON))
    step = stage_step(source, tmp_path / "root", rules=("- /home/*", "- core"), staging=staging,
                      mounts=mounts)  # fmt: skip
    survey = dataclasses.replace(survey_tree(step.tree), **found)  # type: ignore[arg-type]
    return dataclasses.replace(step, survey=lambda: survey)


@pytest.mark.parametrize(
    ("release", "volatile"),
    [("5.9.16-generic", False), ("5.10.0-32-amd64", True), ("6.1", True), ("10.0.1+x", True)],
)
def test_where_the_kernel_can_it_need_not_bring_the_layer_to_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, release: str, *, volatile: bool
) -> None:
    uname = os.uname_result(("Linux", "host", release, "#1", "x86_64"))
    monkeypatch.setattr(os, "uname", lambda: uname)
    system = Kernel()
    with ExitStack() as mounts:
        step_for(tmp_path, Staging.OVERLAY, mounts).run(system)
    assert ("volatile" in system.options) == volatile


def test_an_overlay_is_mounted_until_the_end_and_nothing_is_copied(tmp_path: Path) -> None:
    system = Kernel()
    with ExitStack() as mounts:
        step = step_for(tmp_path, Staging.AUTO, mounts)
        step.run(system)
        assert system.mounted_now == [step.target]
    assert system.mounted_now == []
    assert system.commands == []
    assert system.notes == ["The system is not copied: an overlay on the source takes all changes"]
    assert f"lowerdir={tmp_path}/source" in system.options
    assert {"index=on", "metacopy=off"} <= set(system.options)


def test_the_layer_hides_what_is_left_out_and_changes_nothing_else(tmp_path: Path) -> None:
    with ExitStack() as mounts:
        step = step_for(tmp_path, Staging.OVERLAY, mounts)
        step.run(Kernel())
    upper = step.layer / "upper"
    found = {path.relative_to(upper).as_posix() for path in upper.rglob("*")}
    assert found == {"home", "home/alice", "srv", "srv/core"}
    for name in ("home/alice", "srv/core"):
        hidden = (upper / name).lstat()
        assert (stat.S_IFMT(hidden.st_mode), hidden.st_rdev) == (stat.S_IFCHR, 0)
    for name in (".", "home", "srv"):
        mine, theirs = (upper / name).lstat(), (step.tree.root / name).lstat()
        assert (mine.st_mode, mine.st_mtime) == (theirs.st_mode, theirs.st_mtime)


def test_however_much_is_left_out_is_hidden(tmp_path: Path) -> None:
    folder = tmp_path / "source/home"
    folder.mkdir(parents=True)
    for number in range(1500):
        (folder / str(number)).touch()
    with ExitStack() as mounts:
        step = step_for(tmp_path, Staging.OVERLAY, mounts)
        step.run(Kernel())
    hidden = [path.lstat() for path in (step.layer / "upper/home").iterdir()]
    assert len(hidden) == 1501
    assert {(stat.S_IFMT(each.st_mode), each.st_rdev) for each in hidden} == {(stat.S_IFCHR, 0)}
    assert max(each.st_nlink for each in hidden) < 32_000  # the lowest limit of a file system


@pytest.mark.parametrize(
    ("system", "found", "reason"),
    [
        (
            Kernel(refusal=("mount: /work/root: unknown filesystem", "dmesg(1) may have more")),
            {},
            "mount: /work/root: unknown filesystem",
        ),
        (Kernel(index=False), {}, "cannot keep hard links together"),
        (Kernel(), {"devices": 2}, "several subvolumes or devices"),
        (Kernel(), {"markers": (b"/srv/x\x1b[1m",)}, "/srv/x[1m in the source is a whiteout, or"),
        (Kernel(), {"unchangeable": (b"/etc/\xff",)}, "/etc/ in the source is immutable"),
        (Kernel(), {"left_out": (b"/none/x",)}, "overlay cannot be written: No such file"),
    ],
)  # fmt: skip
def test_where_there_can_be_none_a_copy_is_made_or_the_build_ends(
    tmp_path: Path, system: Kernel, found: dict[str, object], reason: str
) -> None:
    with ExitStack() as mounts:
        step = step_for(tmp_path / "auto", Staging.AUTO, mounts, **found)
        step.run(system)
        assert system.mounted_now == []
    assert [command[0] for command in system.commands] == ["rsync"]
    note, told = system.notes
    assert note == "The system is copied with rsync: an overlay is not possible here"
    assert reason in told
    assert not step.layer.exists()
    with ExitStack() as mounts, pytest.raises(HostError) as caught:
        step_for(tmp_path / "forced", Staging.OVERLAY, mounts, **found).run(system)
    assert str(caught.value) == told
    assert "--staging auto" in caught.value.advice
    assert len(system.commands) == 1


def test_no_overlay_is_tried_where_a_copy_is_asked_for(tmp_path: Path) -> None:
    system = Kernel()
    with ExitStack() as mounts:
        step_for(tmp_path, Staging.RSYNC, mounts).run(system)
    assert (system.mounts, system.options) == ([], ())
    assert [command[0] for command in system.commands] == ["rsync"]
    assert system.notes == ["The system is copied with rsync, as requested"]


@pytest.mark.parametrize("staging", Staging)
def test_only_a_copy_needs_room_for_one(tmp_path: Path, staging: Staging) -> None:
    system, size = Kernel(), 1 << 60
    with ExitStack() as mounts:
        step = step_for(tmp_path, staging, mounts, size=size)
        if staging is Staging.RSYNC:
            with pytest.raises(HostError, match=rf"about {2 * size >> 40}\.0 TiB are needed"):
                step.run(system)
        else:
            step.run(system)
    assert system.commands == []


def test_folders_with_lists_and_stubs_lie_in_the_layer_with_their_dates(tmp_path: Path) -> None:
    with ExitStack() as mounts:
        step = step_for(tmp_path, Staging.AUTO, mounts, stubs=(b"/srv/kept",))
        (step.target / "etc").mkdir(parents=True)
        survey: Survey = dataclasses.replace(step.survey(), with_acl=(b"/etc",))
        dataclasses.replace(step, survey=lambda: survey).run(Kernel())
    upper = step.layer / "upper"
    assert (upper / "srv/kept").stat().st_mtime == 0
    assert (upper / "srv").stat().st_mtime == NOON
    assert (upper / "etc").stat().st_mtime == NOON
