"""Live systems that keep what is changed, and that another GRUB starts from a file."""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker
import pytest

from builder.formats.identities import ImageIdentity
from builder.host.build.session import Outcome, build
from builder.host.config.build_config import Overrides, load_config
from builder.host.engine import Engine
from builder.host.image.boot_test_image import ensure_boot_test_image
from builder.host.stick.guid_table import Span, read_guid_table
from tests.conftest import ignore, report
from tests.support.caches import command
from tests.support.command_line import run
from tests.support.containers import known_as
from tests.support.probing import run_module

pytestmark = [pytest.mark.boot, pytest.mark.full]

_DISK = 4 << 30  # bytes; a sparse file
# What somebody could have added to their persistent system. It notes each boot, and shuts the
# machine down properly after the first one; later ones end as by a power cut.
_UNIT = """\
[Unit]
After=local-fs.target
[Service]
Type=oneshot
ExecStart=/usr/local/sbin/note-boot
"""
_NOTE_BOOT = r"""#!/bin/sh
mkdir -p /var/lib/noted && cd /var/lib/noted
sha256sum --check --status ./*.sum 2> /dev/null && intact=$(cat ./*.sum | wc -l)
boot=$(find . -name '*.data' | wc -l)
head -c 50000000 /dev/urandom > "$boot.data"
sha256sum "$boot.data" > "$boot.sum"
sync
printf '\nnoted: boot %s, intact %s, machine %s\n' "$boot" "${intact:-0}" "$(cat /etc/machine-id)" \
    > /dev/ttyS0
[ "$boot" != 0 ] || systemctl --no-block poweroff
"""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A folder whose large files are gone afterwards."""
    yield tmp_path
    for path in tmp_path.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


Boot = Callable[[str, str], dict[str, Any]]


@pytest.fixture
def boot(client: docker.DockerClient, engine: Engine, place: Path) -> Boot:
    """Boots a CD and a disk, or a firmware and a stick; returns what `machine.py` tells."""
    image = ensure_boot_test_image(engine, on_event=ignore)

    def booted(cd: str, disk: str) -> dict[str, Any]:
        output = run_module(client, image, place, "tests.boot.machine", cd, disk, may_write=True)
        told: dict[str, Any] = json.loads(output)
        report(f"{cd} with {disk}: {told['seconds']:.0f} s")
        return told

    return booted


@pytest.fixture(scope="module")
def persistent(
    engine: Engine,
    builder_image: ImageIdentity,
    demo_cache: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """An ISO whose default entry keeps what is changed."""
    folder = tmp_path_factory.mktemp("persistent")
    settings = folder / "build.yaml"
    settings.write_text("version: 1\nboot: {entries: [persistence, live], timeout_seconds: 1}\n")
    config = load_config(settings, Overrides(cache_image=demo_cache, output=folder / "iso"))
    outcome = build(config, engine, on_event=ignore)
    return outcome.folder / outcome.iso.name


def plant(folder: Path) -> None:
    """Put the unit into the upper layer of a partition for persistence."""
    units = folder / "rw/etc/systemd/system"
    wanted = units / "multi-user.target.wants"
    program = folder / "rw/usr/local/sbin/note-boot"
    for each in (wanted, program.parent):
        each.mkdir(parents=True)
    (units / "note-boot.service").write_text(_UNIT)
    (wanted / "note-boot.service").symlink_to("../note-boot.service")
    program.write_text(_NOTE_BOOT)
    program.chmod(0o755)


def make_persistence(target: Path, folder: Path) -> None:
    """Make a disk as docs/booting-menu.md says, with the unit in its upper layer."""
    plant(folder)
    (folder / "persistence.conf").write_text("/ union\n")
    with target.open("xb") as stream:
        stream.truncate(_DISK)
    command("mkfs.ext4", "-q", "-L", "persistence", "-d", folder, target)


@contextmanager
def attached(stick: Path, span: Span) -> Iterator[str]:
    """Attach a partition of a file to a loop device."""
    where = ("--offset", span.start, "--sizelimit", span.size)
    device = command("losetup", "--find", "--show", *where, stick).strip()
    try:
        yield device
    finally:
        command("losetup", "--detach", device)


def assert_kept(boots: Sequence[dict[str, Any]]) -> None:
    """Whether the first boot shut down, later ones came up, and each had all from before."""
    assert boots[0]["exit_code"] == 0, boots[0]["lines"][-20:]
    for told in boots[1:]:
        assert_up(told)
        assert "failed-units= " in told["sighting"]["line"]
    noted = [next(line for line in told["lines"] if line.startswith("noted: ")) for told in boots]
    parts = [line.rpartition(", ") for line in noted]
    assert [each[0] for each in parts] == [
        f"noted: boot {n}, intact {n}" for n in range(len(boots))
    ]
    assert len({each[2] for each in parts}) == 1  # the same machine-id


def test_what_is_changed_survives_a_shutdown_and_a_power_cut(
    persistent: Path, boot: Boot, place: Path
) -> None:
    os.link(persistent, place / "live.iso")
    make_persistence(place / "persistence.img", place / "folder")
    assert_kept([boot("live.iso", "persistence.img") for _ in range(3)])


def test_a_stick_with_persistence_keeps_it_on_bios_and_uefi(
    persistent: Path, boot: Boot, place: Path
) -> None:
    stick = place / "stick.img"
    ended = run("stick", persistent, stick, "--size", "8G", "--persistence", "rest")
    assert ended.code == 0, ended.errors
    with stick.open("rb") as stream:
        table = read_guid_table(stream.read(1 << 20))
    assert table is not None
    _number, span = table.partitions[-1]
    assert span.size == ended.data["persistence"] > 6 << 30
    with attached(stick, span) as device:
        (place / "mount").mkdir()
        command("mount", device, place / "mount")
        plant(place / "mount")
        command("umount", place / "mount")
    assert_kept([boot(firmware, "stick.img") for firmware in ("bios", "uefi", "bios")])
    with attached(stick, span) as device:
        command("mount", device, place / "mount")  # the kernel replays the journal
        command("umount", place / "mount")
        command("e2fsck", "-f", "-n", device)


def test_another_grub_starts_the_iso_from_a_file(
    client: docker.DockerClient,
    builder_image: ImageIdentity,
    demo_build: Outcome,
    boot: Boot,
    place: Path,
) -> None:
    shutil.copyfile(demo_build.folder / demo_build.iso.name, place / "live.iso")
    run_module(
        client,
        known_as(client, builder_image),
        place,
        "tests.boot.make_grub_stick",
        "live.iso",
        may_write=True,
    )
    assert_up(boot("grub.iso", "stick.img"))


def assert_up(told: dict[str, Any]) -> None:
    """Whether the live system reported that it is as it should be."""
    assert told["sighting"] is not None, told["lines"][-20:]
    assert told["sighting"]["meaning"] == "ok", told["sighting"]
