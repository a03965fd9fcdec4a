"""A command that is shown can be copied, whatever the folder is called."""

import shlex
from pathlib import Path

import pytest

from builder.host.command_line.next_commands import boot_command, check_command


@pytest.mark.parametrize(
    "name", ["iso", "my iso", "it's", 'say "x"', "a;b", "$(x)", "ö 日本", "-x"]
)
def test_a_path_is_one_word(name: str) -> None:
    folder = Path("/srv", name)
    assert shlex.split(check_command(folder)) == [
        "cd", str(folder), "&&", "sha256sum", "-c", "SHA256SUMS",
    ]  # fmt: skip
    assert shlex.split(boot_command(folder / "x.iso"))[2:] == [str(folder / "x.iso")]


def test_a_plain_path_stays_as_it_is() -> None:
    assert check_command(Path("/srv/iso")) == "cd /srv/iso && sha256sum -c SHA256SUMS"
