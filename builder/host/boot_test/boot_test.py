"""The boot test as the host sees it: an image with QEMU, and an ISO bound into its container.

The ISO is bound, not copied: the engine has to see the path, so it must run on this machine.
"""

from dataclasses import replace
from pathlib import Path
from typing import Final

from builder.basics.errors import HostError, UsageError
from builder.border import paths
from builder.border.boot_test import Attachment, BootTestRequest, BootTestResult, Firmware
from builder.border.events import OnEvent
from builder.border.jobs import BOOT_TEST, KVM, Job, Request, Result
from builder.border.labels import new_run
from builder.host.boot_test.medium import check_iso
from builder.host.boot_test.picture import save_picture
from builder.host.engine import Bind, ContainerSpec, Engine
from builder.host.engine.faults import BindMissingError, DeviceMissingError
from builder.host.image.boot_test_image import ensure_boot_test_image

_TIMEOUT_SECONDS: Final = 900  # a large desktop, without KVM, on a slow machine
_MEMORY_MIB: Final = 1536


def run_boot_test(
    engine: Engine,
    *,
    iso: Path,
    firmware: Firmware,
    attach: Attachment,
    secure_boot: bool = False,
    processors: int = 2,
    screenshot: Path | None = None,
    on_event: OnEvent,
) -> BootTestResult:
    """Boot `iso` in a container and return how its live system reported itself.

    With `secure_boot` the firmware, which must be UEFI of 64 bits, enforces it, and so must the
    ISO's loaders. What is on its screen then goes to the file `screenshot`, as a PNG.

    Alone, a machine boots faster with two processors; two at once do better with one each.
    Raises UsageError when there is no such file, HostError when the engine cannot run the test,
    VerificationError when the ISO does not come up.
    """
    check_secure_boot(firmware, secure_boot=secure_boot)
    request = BootTestRequest(
        firmware=firmware,
        attach=attach,
        timeout_seconds=_TIMEOUT_SECONDS,
        memory_mib=_MEMORY_MIB,
        processors=processors,
        secure_boot=secure_boot,
        screenshot=screenshot is not None,
    )
    return run_on_test_machine(
        engine, BOOT_TEST, request, iso=iso, screenshot=screenshot, on_event=on_event
    )


def check_secure_boot(firmware: Firmware, *, secure_boot: bool) -> None:
    """Raise UsageError for Secure Boot with a firmware that has none here."""
    if secure_boot and firmware is not Firmware.UEFI:
        raise UsageError(
            "There is no Secure Boot with {firmware}, only with {possible}",
            hint="Leave out --firmware, or --secure-boot.",
            firmware=firmware,
            possible=Firmware.UEFI,
        )


def run_on_test_machine(
    engine: Engine,
    job: Job[Request, Result],
    request: Request,
    *,
    iso: Path,
    screenshot: Path | None = None,
    on_event: OnEvent,
) -> Result:
    """Run a job that starts a virtual machine with `iso`, and return its result.

    Raises UsageError when there is no such ISO, VerificationError when it is cut off, HostError
    when the engine cannot run the test.
    """
    check_iso(iso)
    spec = ContainerSpec(
        image=ensure_boot_test_image(engine, on_event=on_event),
        job=job,
        request=request,
        run=new_run(),
        binds=(Bind(source=str(iso.resolve()), target=paths.MEDIUM),),
        devices=(KVM,) if Path(KVM).is_char_device() else (),
    )
    try:
        try:
            return _run_once(engine, spec, screenshot=screenshot, on_event=on_event)
        except DeviceMissingError:  # the engine's machine is another one than ours
            without = replace(spec, devices=())
            return _run_once(engine, without, screenshot=screenshot, on_event=on_event)
    except BindMissingError as error:
        raise HostError(
            "The engine cannot see {path}",
            hint="A boot test needs an engine that runs on this machine and can read that "
            "folder. Check DOCKER_HOST and the current Docker context.",
            path=iso,
        ) from error


def _run_once(
    engine: Engine,
    spec: ContainerSpec[Request, Result],
    *,
    screenshot: Path | None,
    on_event: OnEvent,
) -> Result:
    with engine.started(spec) as job:
        result = job.finish(on_event)
        if screenshot is not None:
            save_picture(job.fetch(paths.SCREEN), screenshot)
        return result
