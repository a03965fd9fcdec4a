"""A disk that keeps what a live system changes, and whose system says what it finds of it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from builder.host.stick.guid_table import Span, read_guid_table
from tests.support.caches import command

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


def persistence_on(stick: Path) -> Span:
    """Return where the partition is that `stick --persistence` made."""
    with stick.open("rb") as stream:
        table = read_guid_table(stream.read(1 << 20))
    assert table is not None
    _number, span = table.partitions[-1]
    return span


@contextmanager
def attached(stick: Path, span: Span) -> Iterator[str]:
    """Attach a partition of a file to a loop device."""
    where = ("--offset", span.start, "--sizelimit", span.size)
    device = command("losetup", "--find", "--show", *where, stick).strip()
    try:
        yield device
    finally:
        command("losetup", "--detach", device)


def plant_on_stick(stick: Path, mount: Path) -> None:
    """Put the unit onto such a stick, whose partition is mounted on the new folder `mount`."""
    mount.mkdir()
    with attached(stick, persistence_on(stick)) as device:
        command("mount", device, mount)
        try:
            plant(mount)
        finally:
            command("umount", mount)
    mount.rmdir()


def lost(boots: Sequence[Mapping[str, Any]]) -> str:
    """Return what was lost from boot to boot with such a disk, as the machine told; "" if nothing.

    The first must have been shut down, and the others come up.
    """
    if boots[0]["exit_code"] != 0:
        return "the first did not shut down"
    for number, told in enumerate(boots[1:], 1):
        seen = told["sighting"]
        if seen is None or seen["meaning"] != "ok" or "failed-units= " not in seen["line"]:
            return f"boot {number} did not come up as it should"
    noted = [
        next((line for line in told["lines"] if line.startswith("noted: ")), "") for told in boots
    ]
    parts = [line.rpartition(", ") for line in noted]
    if [each[0] for each in parts] != [f"noted: boot {n}, intact {n}" for n in range(len(boots))]:
        return f"the boots found {noted}"
    return "" if len({each[2] for each in parts}) == 1 else "the machine's id"
