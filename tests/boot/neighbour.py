"""Runs inside the boot test's container: an installation beside /results/disk.img, told in JSON.

The disk is that of `tests/boot/make_neighbour.py`, and the ISO is /results/live.iso. The machine is
started four times: to install, by the firmware's new entry, from GRUB's menu into the other system,
and with a firmware that knows nothing, as after its settings were lost.
"""

import hashlib
import json
import sys
import tempfile
from pathlib import Path

from builder.inside.boot_test.accelerator import uefi_variables
from builder.inside.boot_test.serial_console import (
    INSTALL_SIGNS,
    INSTALLED_SIGNS,
    Meaning,
    Sign,
)
from tests.boot.cut_off import Bench, told_of

_DISK = Path("/results/disk.img")
_DATA = (65 << 20, 32 << 20)
_OTHER = Sign(text="the other system has started", meaning=Meaning.OK)
_ANSWERS = "place: beside\nfile_system: xfs\n"


def data_digest() -> str:
    """Return the SHA-256 of the other system's second partition."""
    with _DISK.open("rb") as stream:
        stream.seek(_DATA[0])
        return hashlib.sha256(stream.read(_DATA[1])).hexdigest()


def main() -> None:
    """Install, start, tell."""
    with tempfile.TemporaryDirectory() as folder, uefi_variables() as kept, uefi_variables() as new:
        bench = Bench(Path(folder), chosen=_DISK, variables=kept, more=_ANSWERS)
        before = (data_digest(), bench.digests()[1])

        def choose(line: str) -> None:
            if "Another system" in line:
                bench.typed("end", "ret")

        installed = bench.run(INSTALL_SIGNS, medium=True)
        started = bench.run(INSTALLED_SIGNS, medium=False)
        # Without a screen, GRUB's menu is on the serial port.
        chosen = bench.run((_OTHER,), medium=False, screen=False, on_line=choose)
        bench.variables = new
        alone = bench.run((_OTHER, *INSTALLED_SIGNS), medium=False)
        told = {
            "before": before,
            "after": (data_digest(), bench.digests()[1]),
            "installed": told_of(installed),
            "started": told_of(started),
            "chosen": told_of(chosen),
            "alone": told_of(alone),
            "lines": bench.lines[-60:],
        }
        json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
