"""However a process was started, it ends with words and a documented exit code."""

import subprocess
import sys
from pathlib import Path

import pytest

from builder.host.command_line.started_with import stream_error

PROJECT = Path(__file__).parents[4]
# The shell closes streams and removes folders, as a daemon, cron or a person may.
COMMAND = f"exec '{sys.executable}' -c 'from builder.host.cli.main import main; main()'"


def ended(words: str, *, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", words],
        cwd=folder,
        env={"PYTHONPATH": str(PROJECT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("streams", [">&-", "<&-", "<&- >&-"])
def test_closed_streams_are_no_defect(tmp_path: Path, streams: str) -> None:
    done = ended(f"{COMMAND} verify nothing {streams}", folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("Error: There is nothing to verify at nothing")


def test_a_stream_that_was_closed_is_no_file_of_ours(tmp_path: Path) -> None:
    """A disk that was opened as number 1 would get what the tools that we run print."""
    code = (
        "import os\n"
        "from builder.host.command_line.started_with import open_standard_streams\n"
        "open_standard_streams()\n"
        "os.write(2, str(os.open('/', os.O_RDONLY)).encode())\n"
    )
    (tmp_path / "code.py").write_text(code)
    done = ended(f"exec '{sys.executable}' code.py <&- >&-", folder=tmp_path)
    assert (done.returncode, int(done.stderr) > 2) == (0, True)


@pytest.mark.parametrize("buffering", ["", "PYTHONUNBUFFERED=1"])
def test_output_that_cannot_be_written_is_no_defect(tmp_path: Path, buffering: str) -> None:
    done = ended(f"export {buffering}; {COMMAND} --help >/dev/full", folder=tmp_path)
    assert done.returncode == 3
    assert done.stderr.startswith("Error: The output cannot be written: No space left")


@pytest.mark.parametrize("stream", [">/dev/full", "2>/dev/full"])
def test_an_error_that_cannot_be_told_keeps_its_exit_code(tmp_path: Path, stream: str) -> None:
    done = ended(f"{COMMAND} verify nothing --json {stream}", folder=tmp_path)
    assert done.returncode == 2  # of a wrong command line
    assert (done.stdout + done.stderr).count("There is nothing to verify at nothing") == 1
    assert "Traceback" not in done.stderr


def test_a_file_that_cannot_be_written_is_not_said_to_be_the_output() -> None:
    with pytest.raises(FileNotFoundError) as caught:
        Path("/nothing/there").read_bytes()
    assert stream_error(caught.value) is None


def test_a_folder_that_is_gone_is_no_defect(tmp_path: Path) -> None:
    words = f"mkdir gone; cd gone; rmdir ../gone; {COMMAND} snapshots --tree x"
    done = ended(words, folder=tmp_path)
    assert done.returncode == 3
    assert done.stderr.startswith("Error: The current folder cannot be used: No such file")
