"""Systems that `restore --system` put onto a disk start from it, on BIOS and on UEFI."""

import json
from pathlib import Path

import docker
import pytest

from builder.border.boot_test import Firmware
from builder.host.engine import Engine
from builder.host.image.boot_test_image import ensure_boot_test_image
from tests.boot.machine import asked
from tests.conftest import ignore, report, unable
from tests.support.caches import command, made_place, mounted_copy
from tests.support.command_line import run
from tests.support.probing import run_module
from tests.support.restored import plant_report, told_by
from tests.support.target_disks import has_vfat, made_disk

pytestmark = [pytest.mark.boot, pytest.mark.full]


@pytest.mark.usefixtures("builder_image")
@pytest.mark.parametrize(
    ("firmware", "kind"),
    [(Firmware.BIOS, "ext4"), (Firmware.BIOS, "btrfs"), (Firmware.BIOS, "xfs"),
     (Firmware.UEFI, "ext4")],
)  # fmt: skip
def test_a_restored_system_starts_and_is_who_it_was(
    firmware: Firmware, kind: str, client: docker.DockerClient, engine: Engine, demo_cache: Path
) -> None:
    uefi = firmware is Firmware.UEFI
    if uefi and not has_vfat():
        unable("a restored system on UEFI: this kernel mounts no FAT")
        return
    image = ensure_boot_test_image(engine, on_event=ignore)
    with made_place() as place, mounted_copy(demo_cache) as cache:
        with made_disk(3 << 30, kind=kind, bios=not uefi, esp=uefi) as disk:
            done = run("restore", "latest", "--system", disk.mount, "--cache", cache, "--yes")
            assert done.code == 0, done.errors
            own = {
                "hostname": (disk.mount / "etc/hostname").read_text().strip(),
                "machine-id": (disk.mount / "etc/machine-id").read_text().strip(),
            }
            plant_report(disk.mount)
            uuid = command("blkid", "-o", "value", "-s", "UUID", disk.partition(3)).strip()
            command("sync")
            command("fsfreeze", "--freeze", disk.mount)
            try:
                command("cp", "--sparse=always", disk.image, place / "disk.img")
            finally:
                command("fsfreeze", "--unfreeze", disk.mount)
        machine = asked([("disk.img", "disk")], firmware=firmware)
        told = json.loads(
            run_module(client, image, place, "tests.boot.machine", machine, may_write=True)
        )
    assert told["sighting"] is not None, "\n".join(told["lines"][-40:])
    assert told["sighting"]["meaning"] == "ok", told["sighting"]
    said = told_by(told["sighting"]["line"])
    report(f"restored to {kind}, started on {firmware}: {told['seconds']:.0f} s")
    assert (said["root"], said["firmware"]) == (f"{kind}:{uuid}", firmware)
    assert {name: said[name] for name in own} == own
