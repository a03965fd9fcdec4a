"""`distroclone-builder boot-test`: does the ISO boot?"""

from collections.abc import Iterator
from pathlib import Path

import click

from builder.basics.codec import to_data
from builder.basics.texts import say
from builder.border.boot_test import Attachment, BootTestResult, Firmware
from builder.host.boot_test.boot_test import run_boot_test
from builder.host.command_line.options import AnyPath, answer, json_option
from builder.host.command_line.surroundings import Surroundings, pass_surroundings
from builder.host.display import choose_display
from builder.host.report.outputs import check_outputs


@click.command()
@click.argument("iso", type=AnyPath(dir_okay=False))
@click.option(
    "--firmware",
    type=click.Choice([each.value for each in Firmware]),
    default=Firmware.UEFI.value,
    show_default=True,
    help="The firmware that starts the machine; uefi32 is UEFI of 32 bits.",
)
@click.option(
    "--as",
    "attach",
    type=click.Choice([each.value for each in Attachment]),
    default=Attachment.CD.value,
    show_default=True,
    help="Attach the ISO as a CD, or as a USB stick that it was written to.",
)
@click.option(
    "--secure-boot",
    is_flag=True,
    help="Have the firmware enforce Secure Boot, and see that it refuses spoiled copies.",
)
@click.option(
    "--screenshot",
    type=AnyPath(dir_okay=False),
    help="Save what is on the screen at the end to this file, as a PNG.",
    metavar="FILE",
)
@json_option
@pass_surroundings
def boot_test(
    surroundings: Surroundings,
    iso: Path,
    firmware: str,
    attach: str,
    screenshot: Path | None,
    *,
    secure_boot: bool,
    as_json: bool,
) -> None:
    """Boot an ISO in a virtual machine.

    The test passes when the live system itself reports that it is up.

    QEMU runs in its own container, with KVM if it works. Without KVM, this takes some minutes.

    \b
    Examples:
      distroclone-builder boot-test Debian-13-xfce.iso
      distroclone-builder boot-test Debian-13-xfce.iso --firmware bios --as disk
      distroclone-builder boot-test Debian-13-xfce.iso --secure-boot
    """
    check_outputs([] if screenshot is None else [screenshot], as_json=False)
    with choose_display(json=as_json) as display:
        result = run_boot_test(
            surroundings.open_engine(),
            iso=iso,
            firmware=Firmware(firmware),
            attach=Attachment(attach),
            secure_boot=secure_boot,
            screenshot=screenshot,
            on_event=display.event,
        )
        text = say(
            "{iso} reached its live system on {firmware} as {attach}, {seconds} s after power-on "
            "({accelerator})",
            iso=iso.name,
            firmware=firmware,
            attach=attach,
            seconds=result.seconds,
            accelerator=result.accelerator,
        )
        lines = (
            text,
            *_about_secure_boot(result),
            *_about_session(result),
            *_about_services(result),
            *_about_network(result),
        )
        answer(display, "\n".join(lines), to_data(result))


def _about_secure_boot(result: BootTestResult) -> Iterator[str]:
    if not result.refused:
        return
    yield say("Secure Boot was on, the kernel's lockdown: {lockdown}", lockdown=result.lockdown)
    for line in result.refused:
        yield say("A spoiled copy was refused: {line}", line=line)


def _about_session(result: BootTestResult) -> Iterator[str]:
    if result.session == "none":
        yield say("Nobody is logged in by itself")
    elif result.session is not None:
        yield say("The live user is logged in: {session}", session=result.session)
    if result.rights == "none":
        yield say("The live user cannot become root")


def _about_services(result: BootTestResult) -> Iterator[str]:
    if result.state not in (None, "running"):
        yield say("systemd says of the system: {state}", state=result.state)
    if result.failed_units:
        yield say("systemd could not start: {units}", units=", ".join(result.failed_units))


def _about_network(result: BootTestResult) -> Iterator[str]:
    if result.network is False:
        yield say("It does not set up a network by itself")
    if result.listening is None:
        return
    if not result.listening:
        yield say("Nothing in it listens to other machines")
        return
    sockets = [f"{each.program} ({each.protocol} {each.port})" for each in result.listening]
    yield say("It listens to other machines: {sockets}", sockets=", ".join(sockets))
    if result.remote_passwords:
        yield say("They may let people in with a password: some account has one")
