"""Where a disk has a place for a boot loader, and what its file systems are called."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from builder.basics.errors import StepError, UsageError
from builder.border.whole_systems import DiskRead, Part, ReadDiskRequest
from builder.inside.onto_disk.reading import read_disk
from builder.inside.system.tool_error import ToolError

BIOS_BOOT = "21686148-6449-6E6F-744E-656564454649"
ROOT = Part(place="/", kind="ext4", device="/dev/sdb3")
ESP = Part(place="/boot/efi", kind="vfat", device="/dev/sdb2")


class Disk:
    """A system in which blkid and sfdisk say what a test wants."""

    def __init__(self, table: dict[str, Any] | None, **kinds: str) -> None:
        self._table = table
        self._kinds = {"/dev/sdb3": "ext4", "/dev/sdb2": "vfat"} | kinds

    def run(self, argv: Sequence[str], **_more: Any) -> str:
        device = argv[-1]
        if argv[0] == "blkid":
            return f"DEVNAME={device}\nUUID=of-{device}\nTYPE={self._kinds[device]}\n"
        if self._table is None:
            raise ToolError("{tool} failed", tool="sfdisk", code=1)
        return f"a warning\n{json.dumps({'partitiontable': self._table})}"


def read(disk: Disk, *parts: Part) -> DiskRead:
    return read_disk(ReadDiskRequest(disk="/dev/sdb", parts=parts), system=disk)  # type: ignore[arg-type]


def gpt(*kinds: str) -> dict[str, Any]:
    return {"label": "gpt", "partitions": [{"type": each, "start": 2048} for each in kinds]}


@pytest.mark.parametrize(
    ("table", "parts", "platforms"),
    [
        (gpt(BIOS_BOOT, "0FC6"), (ROOT,), ("i386-pc",)),
        (gpt(BIOS_BOOT.lower()), (ROOT, ESP), ("i386-pc", "x86_64-efi")),
        (gpt("0FC6"), (ROOT, ESP), ("x86_64-efi",)),
        ({"label": "dos", "partitions": [{"start": 2048}]}, (ROOT,), ("i386-pc",)),
        ({"label": "dos", "partitions": [{"start": 63}]}, (ROOT, ESP), ("x86_64-efi",)),
        (None, (ROOT, ESP), ("x86_64-efi",)),
    ],
)
def test_the_disk_says_which_firmware_can_start_from_it(
    table: dict[str, Any] | None, parts: tuple[Part, ...], platforms: tuple[str, ...]
) -> None:
    found = read(Disk(table), *parts)
    assert found.platforms == platforms
    assert found.uuids == tuple(f"of-{each.device}" for each in parts)


@pytest.mark.parametrize("table", [gpt("0FC6"), None])
def test_a_disk_that_nothing_could_start_from_is_refused(table: dict[str, Any] | None) -> None:
    with pytest.raises(UsageError, match="no place for a boot loader"):
        read(Disk(table), ROOT)


def test_a_device_that_is_something_else_by_now_is_noticed() -> None:
    disk = Disk(gpt(BIOS_BOOT), **{"/dev/sdb3": "xfs"})
    with pytest.raises(StepError, match="/dev/sdb3 is not the ext4 that is mounted"):
        read(disk, ROOT)
