"""The image of the boot test, which has QEMU in it."""

from typing import Final

from builder.border.events import OnEvent
from builder.host.engine import Engine
from builder.host.image.base_image import build_on_base
from builder.host.image.resources import boot_test_context

REPOSITORY: Final = "distroclone-builder-boot-test"


def ensure_boot_test_image(engine: Engine, *, on_event: OnEvent) -> str:
    """Return the id of the image that holds QEMU, built first when the engine has none."""
    present = engine.images.find(boot_test_tag())
    if present is not None:
        return present.id
    return build_on_base(
        engine,
        boot_test_context(),
        tag=boot_test_tag(),
        dockerfile="boot-test/Dockerfile",
        on_event=on_event,
    )


def boot_test_tag() -> str:
    """Return the tag under which the engine keeps today's image with QEMU."""
    return f"{REPOSITORY}:{boot_test_context().digest[:16]}"
