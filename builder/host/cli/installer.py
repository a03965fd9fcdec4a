"""`distroclone-builder installer check` and `install-test`: answer files, and whether they work."""

from pathlib import Path

import click

from builder.basics.codec import to_data
from builder.basics.errors import UsageError
from builder.basics.regular import NotRegularError, read_start
from builder.basics.texts import say
from builder.border.boot_test import Firmware
from builder.formats.answers import LARGEST, FileSystem, Place, read_answers
from builder.host.boot_test.install_test import run_install_test
from builder.host.command_line.options import AnyPath, answer, json_option
from builder.host.command_line.surroundings import Surroundings, pass_surroundings
from builder.host.display import choose_display


@click.group()
def installer() -> None:
    """Prepare installations that ask nothing."""


@installer.command()
@click.argument("file", type=AnyPath(dir_okay=False))
@json_option
def check(file: Path, *, as_json: bool) -> None:
    """Check an answer file as the installer reads it.

    Whether there is such a disk, only the machine itself knows.

    \b
    Example:
      distroclone-builder installer check distroclone-answers.yaml
    """
    answers = read_answers(_content(file))
    named = {name: value for name, value in to_data(answers.disk).items() if value}
    with choose_display(json=as_json) as display:
        text = say(
            "{file} can be used: it installs to the disk with {disk}, and {user} is its first user",
            file=file,
            disk=", ".join(f"{key} {value}" for key, value in named.items() if key != "holds"),
            user=answers.user.name,
        )
        kind, encrypted = answers.file_system, answers.passphrase is not None
        lines = [text]
        if answers.place is Place.BESIDE:
            lines.append(say("It goes into the free space of the disk; what is there stays"))
        if answers.disk.holds:
            kinds = ", ".join(answers.disk.holds)
            lines.append(
                say("What may be on other disks as well is erased with it: {kinds}", kinds=kinds)
            )
        if kind is not None:
            lines.append(say("The root becomes {kind}", kind=kind))
        if encrypted:
            lines.append(say("It is encrypted, and the file has the passphrase: keep it safe"))
        data = {
            "disk": named,
            "place": answers.place,
            "user": answers.user.name,
            "file_system": kind,
            "encrypted": encrypted,
            "swap_mib": answers.swap_mib,
        }
        answer(display, "\n".join(lines), data)


def _content(file: Path) -> bytes:
    try:
        return read_start(file, limit=LARGEST + 1, follow=True)[0]
    except NotRegularError as error:
        raise UsageError(
            "The answer file {path} is not a file",
            hint="Give the path of the file itself, e.g. distroclone-answers.yaml.",
            path=file,
        ) from error
    except (OSError, ValueError) as error:
        raise UsageError(
            "The answer file {path} cannot be read: {reason}",
            hint="Check the path and its permissions.",
            path=file,
            reason=error.strerror if isinstance(error, OSError) else error,
        ) from error


@click.command()
@click.argument("iso", type=AnyPath(dir_okay=False))
@click.option(
    "--firmware",
    type=click.Choice([each.value for each in Firmware]),
    default=Firmware.UEFI.value,
    show_default=True,
    help="The firmware that starts the machine.",
)
@click.option(
    "--filesystem",
    type=click.Choice([each.value for each in FileSystem]),
    help="What the root becomes, instead of what the source system has.",
)
@click.option(
    "--encrypt",
    is_flag=True,
    help="Encrypt the root, and type its passphrase when the disk starts.",
)
@click.option(
    "--secure-boot",
    is_flag=True,
    help="Have the firmware enforce Secure Boot, with the ISO and with the disk.",
)
@json_option
@pass_surroundings
def install_test(
    surroundings: Surroundings,
    iso: Path,
    firmware: str,
    filesystem: str | None,
    *,
    encrypt: bool,
    secure_boot: bool,
    as_json: bool,
) -> None:
    """Install an ISO in a virtual machine, and start the result.

    The test passes when the installed system itself reports that it started from its disk, and that
    it is what the answer file says.

    QEMU runs in its own container, with KVM if it works. Without KVM, this takes some minutes.

    \b
    Example:
      distroclone-builder install-test Debian-13-console.iso --firmware bios
      distroclone-builder install-test Debian-13-console.iso --filesystem btrfs --encrypt
    """
    with choose_display(json=as_json) as display:
        result = run_install_test(
            surroundings.open_engine(),
            iso=iso,
            firmware=Firmware(firmware),
            file_system=None if filesystem is None else FileSystem(filesystem),
            encrypt=encrypt,
            secure_boot=secure_boot,
            on_event=display.event,
        )
        lines = [
            say(
                "{iso} was installed on {firmware} in {seconds} s, and started from the disk in "
                "{start} s ({accelerator})",
                iso=iso.name,
                firmware=firmware,
                seconds=result.install_seconds,
                start=result.boot_seconds,
                accelerator=result.accelerator,
            ),
            say("It says of itself: {report}", report=result.report),
        ]
        answer(display, "\n".join(lines), to_data(result))
