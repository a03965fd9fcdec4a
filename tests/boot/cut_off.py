"""Runs inside the boot test's container: an installation that is cut off, told in JSON.

Its arguments are what happens, "power" or "pulled", and the phase in which it does. The ISO is
/results/live.iso: on USB, so that it can be pulled out, or with UEFI a CD. The machine has two
disks; only the first one is named by its answers.
"""

import contextlib
import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from builder.border.boot_test import Accelerator
from builder.formats.answers import NAME
from builder.inside.boot_test.machine import Ending, bare_argv, watch
from builder.inside.boot_test.screen import asked
from builder.inside.boot_test.serial_console import (
    INSTALL_SIGNS,
    INSTALLED_SIGNS,
    Meaning,
    Sighting,
    Sign,
)
from tests.support.installing import HASH

_ISO = Path("/results/live.iso")
_SECONDS = 1500
_MEMORY = 1536  # MiB
_SIZE = 16 << 30
_CD = ("-device", "ide-cd,bus=ide.0,drive=medium,bootindex=0")
_USB = ("-device", "qemu-xhci,id=usb",
        "-device", "usb-storage,bus=usb.0,id=pulled,drive=medium,bootindex=0")  # fmt: skip
_USED = b"somebody's data\n" * 4096
_INTO_IT = 8.0  # seconds, so that it is in the midst of a phase
_ANSWERS = f"""\
disk:
  serial: CHOSEN
user:
  name: anna
  password_hash: {HASH}
hostname: installed
"""


class Bench:
    """The disks of a machine, a stick with answers, and what was said."""

    def __init__(
        self,
        folder: Path,
        *,
        chosen: Path | None = None,
        variables: Path | None = None,
        more: str = "",
    ) -> None:
        self._folder = folder
        self.variables = variables  # of UEFI; None where the machine has BIOS
        self.lines: list[str] = []
        self.monitor = folder / "monitor"
        self.disks = (chosen or folder / "chosen.img", folder / "other.img")
        for disk in self.disks if chosen is None else self.disks[1:]:
            with disk.open("wb") as stream:
                for place in (0, _SIZE - len(_USED)):
                    stream.seek(place)
                    stream.write(_USED)
        (folder / "stick").mkdir()
        (folder / "stick" / NAME).write_text(f"{_ANSWERS}{more}", encoding="ascii")

    def typed(self, *keys: str) -> None:
        """Press keys of the machine's keyboard."""
        with asked(self.monitor) as ask:
            for key in keys:
                ask.execute("human-monitor-command", **{"command-line": f"sendkey {key}"})

    def digests(self) -> tuple[str, ...]:
        """Return the SHA-256 of what is written in each disk, and where."""
        return tuple(map(_digest, self.disks))

    def run(
        self,
        signs: Sequence[Sign],
        *,
        medium: bool,
        screen: bool = True,
        on_line: Callable[[str], None] = lambda _line: None,
        on_sighting: Callable[[Sighting], None] = lambda _sighting: None,
    ) -> Ending:
        """Run the machine until a sign; then its power is cut."""

        def heard(line: str) -> None:
            self.lines.append(line)
            on_line(line)

        return watch(
            (
                *self._argv(ordered=medium or self.variables is None),
                *(("-device", "VGA") if screen else ()),
                *(self._medium() if medium else ()),
            ),
            signs=signs,
            limit_seconds=_SECONDS,
            on_line=heard,
            on_sighting=on_sighting,
        )

    def _argv(self, *, ordered: bool) -> tuple[str, ...]:
        """Return the command; where it is not ordered, UEFI starts what its own settings say."""
        order = (",bootindex=1", ",bootindex=2") if ordered else ("", "")
        named = zip(self.disks, ("CHOSEN", "OTHER"), order, strict=True)
        drives = (
            (
                "-blockdev", f"driver=file,node-name={serial},filename={disk}",
                "-device", f"virtio-blk-pci,drive={serial},serial={serial}{place}",
            )
            for disk, serial, place in named
        )  # fmt: skip
        return (
            *bare_argv(accelerator=Accelerator.TCG, memory_mib=_MEMORY,
                       processors=os.cpu_count() or 1, variables=self.variables),
            "-qmp", f"unix:{self.monitor},server=on,wait=off",
            *(word for drive in drives for word in drive),
        )  # fmt: skip

    def _medium(self) -> tuple[str, ...]:
        return (
            "-blockdev", f"driver=file,node-name=medium,read-only=on,filename={_ISO}",
            *(_CD if self.variables else _USB),
            "-blockdev", f"driver=vvfat,node-name=stick,read-only=on,dir={self._folder / 'stick'}",
            # OVMF opens only what is in its boot order, and GRUB sees no other disks.
            "-device", "virtio-blk-pci,drive=stick,serial=STICK,bootindex=3",
        )  # fmt: skip


def _digest(file: Path) -> str:
    digest, end = hashlib.sha256(), 0
    # The error, ENXIO, is that nothing more is written.
    with file.open("rb") as stream, contextlib.suppress(OSError):
        while True:
            start = os.lseek(stream.fileno(), end, os.SEEK_DATA)
            end = os.lseek(stream.fileno(), start, os.SEEK_HOLE)
            digest.update(b"%d:" % start + os.pread(stream.fileno(), end - start, start))
    return digest.hexdigest()


def power_cut(bench: Bench, phase: str) -> dict[str, object]:
    """Cut the power in a phase, install again, and start the disk alone."""
    at = Sign(text=f"[{phase}/7]", meaning=Meaning.OK)
    cut = bench.run(
        (at, *INSTALL_SIGNS), medium=True, on_sighting=lambda _seen: time.sleep(_INTO_IT)
    )
    after = bench.digests()
    again = bench.run(INSTALL_SIGNS, medium=True)
    started = bench.run(INSTALLED_SIGNS, medium=False)
    return {
        "cut": told_of(cut),
        "after": after,
        "again": told_of(again),
        "started": told_of(started),
    }


def pulled(bench: Bench, phase: str) -> dict[str, object]:
    """Pull the medium out in a phase, and wait for what is said of it."""

    def pull(line: str) -> None:
        if f"[{phase}/7]" in line:
            with asked(bench.monitor) as ask:
                ask.execute("device_del", id="pulled")

    ended = bench.run(INSTALL_SIGNS, medium=True, on_line=pull)
    return {"ended": told_of(ended), "after": bench.digests()}


def told_of(ending: Ending) -> dict[str, object]:
    seen = ending.sighting
    return {"line": "" if seen is None else seen.line, "seconds": ending.seconds}


@contextlib.contextmanager
def made() -> Iterator[Bench]:
    """Provide a machine while the body runs."""
    with tempfile.TemporaryDirectory() as folder:
        yield Bench(Path(folder))


def main(what: str, phase: str) -> None:
    """Install, cut off, tell."""
    with made() as bench:
        before = bench.digests()
        told = {"power": power_cut, "pulled": pulled}[what](bench, phase)
        all_of_it = {"before": before, "end": bench.digests(), "lines": bench.lines[-40:]}
        json.dump(told | all_of_it, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
