"""What has a name keeps it."""

from pathlib import Path

import pytest

from builder.inside.linux.renaming import rename_to_free


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours/info.xml").touch()
    return tmp_path / "ours"


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch, lambda path: path.symlink_to("ours")])
def test_nothing_is_replaced_not_even_an_empty_folder(ours: Path, make) -> None:  # type: ignore[no-untyped-def]
    target = ours.with_name("7")
    make(target)
    with pytest.raises(FileExistsError, match="File exists"):
        rename_to_free(ours, target)
    assert (ours / "info.xml").exists()
    assert not (target / "info.xml").exists() or target.is_symlink()


def test_a_name_that_is_free_is_given(ours: Path) -> None:
    rename_to_free(ours, ours.with_name("7"))
    assert (ours.with_name("7") / "info.xml").exists()
    with pytest.raises(FileNotFoundError, match="No such file"):
        rename_to_free(ours, ours.with_name("8"))
