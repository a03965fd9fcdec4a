"""The boot test as the host sees it: an image with QEMU, and an ISO bound into its container.

The ISO is bound, not copied: the engine has to see the path, so it must run on this machine.
"""

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Final

from builder.basics.codec import from_data
from builder.basics.errors import HostError, UsageError
from builder.border.boot_test import Attachment, BootTestRequest, BootTestResult, Firmware
from builder.border.events import OnEvent
from builder.border.labels import new_run
from builder.host.engine import Bind, ContainerSpec, Engine, RunningJob
from builder.host.engine.owner import labels
from builder.host.image.boot_test_image import ensure_boot_test_image

_MEDIUM: Final = "/medium.iso"  # builder.border.paths.MEDIUM, seen from here
_KVM: Final = "/dev/kvm"
_TIMEOUT_SECONDS: Final = 900  # a large desktop, without KVM, on a slow machine
_MEMORY_MIB: Final = 1536
_READING: Final = ("DAC_OVERRIDE",)  # an ISO that only its owner may read; the bind is read-only


def boot_test(
    engine: Engine,
    *,
    iso: Path,
    firmware: Firmware,
    attach: Attachment,
    processors: int = 2,
    on_event: OnEvent,
) -> BootTestResult:
    """Boot `iso` in a container and return how its live system reported itself.

    Alone, a machine boots faster with two processors; two at once do better with one each.
    Raises UsageError when there is no such file, HostError when the engine cannot run the test,
    VerificationError when the ISO does not come up.
    """
    if not iso.is_file():
        raise UsageError(
            "There is no ISO at {path}",
            hint="Name the .iso file that a build made.",
            path=iso,
        )
    spec = ContainerSpec(
        image=ensure_boot_test_image(engine, on_event=on_event),
        job="boot-test",
        request=BootTestRequest(
            firmware=firmware,
            attach=attach,
            timeout_seconds=_TIMEOUT_SECONDS,
            memory_mib=_MEMORY_MIB,
            processors=processors,
        ),
        labels=labels(new_run(), "boot-test"),
        binds=(Bind(source=str(iso.resolve()), target=_MEDIUM),),
        capabilities=_READING,
        devices=(_KVM,) if Path(_KVM).is_char_device() else (),
    )
    with contextlib.ExitStack() as stack:
        job = _started(stack, engine, spec, iso=iso)
        return from_data(BootTestResult, job.finish(on_event))


def _started(
    stack: contextlib.ExitStack, engine: Engine, spec: ContainerSpec, *, iso: Path
) -> RunningJob:
    try:
        return stack.enter_context(engine.started(spec))
    except HostError as error:
        if _KVM in str(error) and spec.devices:  # the engine's machine is another one than ours
            return _started(stack, engine, replace(spec, devices=()), iso=iso)
        if "bind source path does not exist" in str(error):
            raise HostError(
                "The engine does not see {path}",
                hint="A boot test needs an engine that runs on this machine and may read that "
                "folder; check DOCKER_HOST and the current Docker context.",
                path=iso,
            ) from error
        raise
