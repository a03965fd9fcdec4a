"""Who writes to a file is known, of this very process and of others as the kernel tells of them."""

import os
from pathlib import Path

from builder.host.source.open_files import written_files
from tests.support.trees import put


def test_what_this_process_writes_to_is_found_and_what_it_reads_is_not(tmp_path: Path) -> None:
    put(tmp_path, "read")
    with (tmp_path / "written").open("w"), (tmp_path / "read").open():
        found = written_files()
    assert found[str(tmp_path / "written")]
    assert str(tmp_path / "read") not in found
    assert not [each for each in found if not each.startswith("/")]


def told(root: Path, number: int, target: str, flags: int) -> None:
    put(root, "12/comm", "mariadbd\n")
    put(root, f"12/fdinfo/{number}", f"pos:\t0\nflags:\t0{flags:o}\nmnt_id:\t9\n")
    (root / "12/fd").mkdir(exist_ok=True)
    (root / f"12/fd/{number}").symlink_to(target)


def test_a_program_with_a_view_of_its_own_does_not_stand_for_our_file(tmp_path: Path) -> None:
    processes, data = tmp_path / "proc", put(tmp_path, "data", "x")
    told(processes, 3, str(data), os.O_RDWR)
    told(processes, 4, "/a/container's/file", os.O_RDWR)
    told(processes, 5, "pipe:[12]", os.O_WRONLY)
    told(processes, 6, str(put(tmp_path, "li\nne")), os.O_WRONLY)
    put(processes, "self/comm", "not a number")
    (processes / "13").mkdir()  # it has just ended
    assert written_files(processes=processes) == {str(data): "mariadbd"}
