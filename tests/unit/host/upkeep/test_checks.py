"""What `doctor` says of a machine's kernel, from the files that describe it."""

from pathlib import Path

import pytest

from builder.host.upkeep.checks import knows_btrfs

KERNEL = "6.1.0-40-amd64"


@pytest.mark.parametrize(
    ("name", "text", "knows"),
    [
        ("proc/filesystems", "nodev\tsysfs\n\text4\n\tbtrfs\n", True),
        ("proc/filesystems", "nodev\tbtrfs_something\n\text4\n", False),
        (
            f"lib/modules/{KERNEL}/modules.dep",
            "kernel/fs/btrfs/btrfs.ko.xz:\n",
            True,
        ),
        (f"lib/modules/{KERNEL}/modules.builtin", "kernel/fs/btrfs/btrfs.ko\n", True),
        ("lib/modules/5.10/modules.dep", "kernel/fs/btrfs/btrfs.ko:\n", False),
    ],
)
def test_btrfs_is_known_where_it_is_loaded_built_in_or_a_module(
    tmp_path: Path, name: str, text: str, knows: bool
) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert knows_btrfs(KERNEL, top=tmp_path) is knows
