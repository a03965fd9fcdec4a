"""A file system is flushed by any of its folders."""

from pathlib import Path

import pytest

from builder.inside.linux.flushing import flush


def test_a_folder_stands_for_its_file_system(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    flush(tmp_path)
    with pytest.raises(NotADirectoryError, match="file"):
        flush(tmp_path / "file")
    with pytest.raises(FileNotFoundError, match="none"):
        flush(tmp_path / "none")
