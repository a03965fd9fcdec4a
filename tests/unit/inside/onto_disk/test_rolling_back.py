"""The order of a rollback, and what stays behind where it ends early."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from builder.basics.errors import HostError, SourceError, StepError
from builder.border.whole_systems import RolledBack
from builder.formats.rollback_mark import Goal, goal_of, put_mark
from builder.inside.backup.system import check_system
from builder.inside.onto_disk.rolling_back import roll_back
from builder.inside.system.tool_error import ToolError
from tests.support.rolled import rollback_request
from tests.support.trees import make_system, put

HALF = "  1,234  50%  1.00MB/s    0:00:01 (xfr#5, to-chk=50/100)"
TOLD = "Number of deleted files: 3\nNumber of regular files transferred: 1,200"


class Rsync:
    """A system whose rsync fails in the pass that a test wants."""

    def __init__(self, target: Path, *, fails: int = 0, code: int = 23, says: str = "") -> None:
        self.target, self.fails, self.code, self.says = target, fails, code, says
        self.runs: list[tuple[set[str], str]] = []
        self.marked: list[Goal | None] = []
        self.done: list[float | None] = []

    def run(
        self,
        argv: Sequence[str],
        *,
        success: tuple[int, ...],
        progress: Callable[[str], float | None],
        **_: Any,
    ) -> str:
        self.done.append(progress(HALF))
        rules = Path(argv[6].removeprefix("--filter=merge ")).read_text()
        self.runs.append(({*argv[7:-2]}, rules))
        self.marked.append(goal_of(self.target))
        if len(self.runs) == self.fails and self.code not in success:
            raise ToolError("{tool} failed", tool="rsync", code=self.code, output=(self.says,))
        return TOLD


@pytest.fixture
def trees(tmp_path: Path) -> tuple[Path, Path]:
    """A snapshot, and the system that it is of."""
    for name in ("old", "new"):
        make_system(tmp_path / name)
    return tmp_path / "old", tmp_path / "new"


def rolled(trees: tuple[Path, Path], rsync: Rsync) -> RolledBack:
    request = rollback_request(trees[1])
    return roll_back(request, system=rsync, source=trees[0], target=trees[1])  # type: ignore[arg-type]


def test_first_comes_what_is_missing_then_what_differs_and_last_goes_what_is_new(
    trees: tuple[Path, Path],
) -> None:
    rsync = Rsync(trees[1])
    assert rolled(trees, rsync) == RolledBack(copied=3600, deleted=9)
    adding, changing, settling = (options for options, _rules in rsync.runs)
    assert "--ignore-existing" in adding
    assert not [each for each in adding if each.startswith("--delete")]
    assert {"--delay-updates", "--delete-delay", "--fsync"} <= changing
    assert "--delete" in settling
    assert rsync.marked == [Goal(snapshot="uuid-1", asked="latest")] * 3
    assert goal_of(trees[1]) is None
    assert rsync.done == [0.5 / 3, 1.5 / 3, 2.5 / 3]


def test_a_link_where_a_folder_was_is_not_followed(trees: tuple[Path, Path]) -> None:
    put(trees[0], "srv/a*b/file", "x")
    (trees[1] / "srv").mkdir()
    (trees[1] / "srv/a*b").symlink_to("/etc")
    rsync = Rsync(trees[1])
    rolled(trees, rsync)
    assert ["- /srv/a\\*b\0" in rules for _options, rules in rsync.runs] == [True, False, False]


@pytest.mark.parametrize(("fails", "code"), [(1, 23), (2, 11), (3, 23)])
def test_what_ends_early_is_marked_and_not_backed_up(
    trees: tuple[Path, Path], fails: int, code: int
) -> None:
    rsync = Rsync(trees[1], fails=fails, code=code)
    with pytest.raises(StepError, match="The system was not rolled back completely") as caught:
        rolled(trees, rsync)
    assert "run the same command again" in caught.value.advice
    assert goal_of(trees[1]) == Goal(snapshot="uuid-1", asked="latest")
    with pytest.raises(SourceError, match="it is half and half"):
        check_system(trees[1])
    rolled(trees, Rsync(trees[1]))
    check_system(trees[1])


def test_what_a_running_system_has_changed_meanwhile_is_put_in_order(
    trees: tuple[Path, Path],
) -> None:
    rsync = Rsync(trees[1], fails=2)
    rolled(trees, rsync)
    assert len(rsync.runs) == 3


def test_a_full_disk_is_said_to_be_one(trees: tuple[Path, Path]) -> None:
    rsync = Rsync(trees[1], fails=1, code=11, says="write failed: No space left on device (28)")
    with pytest.raises(HostError, match="The system's disk is full"):
        rolled(trees, rsync)


def test_nothing_is_marked_where_it_is_refused(trees: tuple[Path, Path]) -> None:
    put(trees[0], "etc/machine-id", f"{8:032x}\n")
    put(trees[1], "etc/machine-id", f"{7:032x}\n")
    put_mark(trees[0], Goal(snapshot="", asked=""))  # of the snapshot: means nothing
    with pytest.raises(SourceError, match="The snapshot is of another system"):
        rolled(trees, Rsync(trees[1]))
    assert goal_of(trees[1]) is None
