"""Lines of mountinfo are read as the kernel writes them."""

from pathlib import Path

import pytest

from builder.inside.linux import mounts
from builder.inside.linux.mounts import Mount

_LINES = """\
22 1 0:20 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard
40 22 7:0 /@a /cache\\040copy ro,relatime - btrfs /dev/loop0 rw,subvolid=256,subvol=/@a
41 22 7:1 / /source ro,relatime - btrfs /dev/loop1 ro,rescue=nologreplay
42 22 0:44 / /run rw - tmpfs  rw,size=1k
"""


def test_mounts_are_read_with_their_points_unescaped_and_what_the_file_system_allows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mountinfo").write_text(_LINES)
    monkeypatch.setattr(mounts, "_MOUNTINFO", tmp_path / "mountinfo")
    assert mounts.mounts() == (
        Mount(point="/", filesystem="ext4", writable=True),
        Mount(point="/cache copy", filesystem="btrfs", writable=True),
        Mount(point="/source", filesystem="btrfs", writable=False),
        Mount(point="/run", filesystem="tmpfs", writable=True),
    )


@pytest.mark.parametrize("name", ["a\rb", "a\x1cb", "a\x85b", "a\u2028b", "a\udcffb"])
def test_a_line_of_the_kernel_ends_with_a_newline_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    line = f"41 22 7:1 /{name} /source ro - btrfs /dev/loop1 ro\n"
    (tmp_path / "mountinfo").write_bytes(line.encode("utf-8", "surrogateescape"))
    monkeypatch.setattr(mounts, "_MOUNTINFO", tmp_path / "mountinfo")
    assert mounts.mounts() == (Mount(point="/source", filesystem="btrfs", writable=False),)
