"""A file that was given for a folder is told as such, whatever job would have read it."""

from dataclasses import replace
from pathlib import Path

import pytest

from builder.basics.errors import HostError
from builder.border.jobs import SHOW_BLOCKS, Sight
from builder.border.requests import Nothing
from builder.border.stored_blocks import StoreFacts
from builder.inside.jobs.table import Handler
from tests.conftest import ignore

FACTS = StoreFacts(values=1, size=2)


def handler(target: Path, *, is_file: bool = False) -> Handler[Nothing, StoreFacts]:
    """Return a job that sees what is at `target`."""
    sight = Sight(what="the block cache", target=target, is_file=is_file)
    return Handler(replace(SHOW_BLOCKS, sees=(sight,)), lambda _request, _on_event: FACTS)


def test_a_file_in_place_of_a_folder_is_no_defect(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HostError, match="What was given for the block cache is not a folder"):
        handler(tmp_path / "file").run({}, ignore)


@pytest.mark.parametrize(("name", "is_file"), [("", False), ("file", True), ("none", False)])
def test_what_it_should_be_and_what_is_not_given_is_fine(
    tmp_path: Path, name: str, *, is_file: bool
) -> None:
    (tmp_path / "file").touch()
    assert handler(tmp_path / name, is_file=is_file).run({}, ignore)["values"] == 1
