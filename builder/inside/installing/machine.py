"""The machine that is installed: its only door to processes and mounts, and the log of all of it.

The installer works on the machine itself, in a root of its own and in no container, so it has none
of the walls of `builder.inside.system`.
"""

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

from builder.basics.errors import LAST_LINES, StepError
from builder.basics.texts import say
from builder.inside.installing.faults import medium_fault

_TEST_PRODUCT: Final = (
    b"distroclone-builder-boot-test"  # how the firmware of test machines is called
)
_PRODUCT: Final = Path("/sys/class/dmi/id/product_name")
_SECURE_BOOT: Final = Path(
    "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
)
_UEFI_WIDTH: Final = Path("/sys/firmware/efi/fw_platform_size")
_SECONDS: Final = 30.0  # until the kernel shows a new partition
_PAUSE: Final = 0.1
_TEST_PORT: Final = Path("/dev/ttyS0")
_ENVIRONMENT: Final[Mapping[str, str]] = {
    "DEBIAN_FRONTEND": "noninteractive",
    "HOME": "/root",
    "LC_ALL": "C.UTF-8",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
}


class Machine(Protocol):
    """What an installation may do besides reading and writing files."""

    def run(self, argv: Sequence[str], *, root: Path | None = None, stdin: str = "") -> str:
        """Run a program to its end, in the tree `root` if one is given; return its output.

        Command and output go to the log, what it reads does not. Raises StepError, with the last
        lines, for an exit code other than 0 and for a program that is not there.
        """
        ...

    def mounted(
        self, source: str, target: Path, *, kind: str = "", options: Sequence[str] = ()
    ) -> contextlib.AbstractContextManager[None]:
        """Mount on entry, unmount on exit."""
        ...

    def read(self, path: Path) -> bytes:
        """Return a file of the kernel's or of the firmware's; nothing where there is none."""
        ...

    def wait_for(self, device: str) -> None:
        """Wait until a device is there. Raises StepError where it does not appear."""
        ...

    def note(self, message: str, **values: object) -> None:
        """Say a template to whoever watches the installation, and to the log."""
        ...


class Log:
    """Every line of an installation: in a file, and those for people are shown as well."""

    def __init__(self, file: Path, show: Callable[[str], None]) -> None:
        self.file = file
        self._show = show
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("", encoding="utf-8")
        file.chmod(0o600)

    def add(self, line: str) -> None:
        """Write a line to the file alone."""
        with self.file.open("a", encoding="utf-8", errors="replace") as stream:
            stream.write(line + "\n")

    def show(self, line: str) -> None:
        """Write a line to the file, and show it."""
        self.add(line)
        self._show(line)


class RealMachine:
    """Implements `Machine`."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def run(self, argv: Sequence[str], *, root: Path | None = None, stdin: str = "") -> str:
        """See `Machine.run`."""
        command = list(argv) if root is None else ["chroot", os.fspath(root), *argv]
        self._log.add(f"$ {shlex.join(command)}")
        try:
            done = subprocess.run(
                command, input=stdin.encode(), capture_output=True, check=False, env=_ENVIRONMENT
            )
        except OSError as error:
            raise StepError(
                "{tool} cannot be started: {reason}",
                hint="The medium may have been pulled out, or be damaged: plug it in again and "
                "restart, or write it again.",
                tool=command[0],
                reason=error.strerror,
            ) from error
        output = done.stdout.decode("utf-8", "replace")
        said = [*output.splitlines(), *done.stderr.decode("utf-8", "replace").splitlines()]
        for line in said:
            self._log.add(line)
        if root is None and done.returncode == -signal.SIGBUS:
            raise medium_fault()  # its file is on the medium, and the next page could not be read
        if done.returncode:
            raise StepError(
                "{tool} failed with exit code {code}",
                hint="See the log: {log}.",
                command=command,
                output=said[-LAST_LINES:],
                tool=argv[0],
                code=done.returncode,
                log=self._log.file,
            )
        return output

    @contextlib.contextmanager
    def mounted(
        self, source: str, target: Path, *, kind: str = "", options: Sequence[str] = ()
    ) -> Iterator[None]:
        """See `Machine.mounted`."""
        how = [*(("-t", kind) if kind else ()), *(("-o", ",".join(options)) if options else ())]
        self.run(["mount", *how, source, os.fspath(target)])
        with undone(self, ["umount", os.fspath(target)]):
            yield

    def read(self, path: Path) -> bytes:
        """See `Machine.read`."""
        try:
            return path.read_bytes()
        except OSError:
            return b""

    def wait_for(self, device: str) -> None:
        """See `Machine.wait_for`."""
        until = time.monotonic() + _SECONDS
        while not Path(device).is_block_device():
            if time.monotonic() > until:
                raise StepError(
                    "The new device {device} does not appear",
                    hint="Start the installation again. If that does not help, the disk may be "
                    "broken.",
                    device=device,
                )
            time.sleep(_PAUSE)

    def note(self, message: str, **values: object) -> None:
        """See `Machine.note`."""
        self._log.show(say(message, **values))


@contextlib.contextmanager
def undone(machine: Machine, argv: Sequence[str]) -> Iterator[None]:
    """Run a program after the body; its failure does not hide that of the body."""
    try:
        yield
    except BaseException:
        with contextlib.suppress(StepError):
            machine.run(argv)
        raise
    machine.run(argv)


def is_test_machine(machine: Machine) -> bool:
    """Whether this is the machine of `install-test`, by the name that its firmware gives it."""
    return machine.read(_PRODUCT).strip() == _TEST_PRODUCT


def has_secure_boot(machine: Machine) -> bool:
    """Whether Secure Boot is on: four bytes of attributes, then the value (UEFI, 3.3)."""
    return machine.read(_SECURE_BOOT)[4:5] == b"\x01"


def has_large_uefi(machine: Machine) -> bool:
    """Whether the machine started by UEFI of 64 bits."""
    return machine.read(_UEFI_WIDTH).strip() == b"64"


def has_small_uefi(machine: Machine) -> bool:
    """Whether the firmware is UEFI of 32 bits, which starts no loader of 64."""
    return machine.read(_UEFI_WIDTH).strip() == b"32"


def show_everywhere(line: str) -> None:
    """Show a line on the console, and on the port that `install-test` reads if there is one.

    Nothing reads the first serial port of an ordinary machine, which may belong to a device.
    """
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
    if _PRODUCT.is_file() and _PRODUCT.read_bytes().strip() == _TEST_PRODUCT:
        with contextlib.suppress(OSError), _TEST_PORT.open("w", encoding="utf-8") as port:
            port.write(line + "\n")
