"""Images that other versions of this program made: removed when somebody asks for it."""

from dataclasses import dataclass

from builder.host.engine import Engine
from builder.host.image import base_image, boot_test_image, builder_image
from builder.host.image.resources import base_pin


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What was removed, and the bytes that the engine has free by that."""

    images: tuple[str, ...]
    freed: int


def prune_images(engine: Engine) -> Pruned:
    """Remove every image of ours that this version has no use for, and that nothing uses."""
    kept = {
        base_image.bootstrapped_tag(base_pin()),
        boot_test_image.boot_test_tag(),
        *(builder_image.builder_tag(locked=locked) for locked in (True, False)),
        *(builder_image.tools_tag(locked=locked) for locked in (True, False)),
    }
    repositories = (
        builder_image.REPOSITORY,
        boot_test_image.REPOSITORY,
        builder_image.TOOLS_REPOSITORY,
        base_image.REPOSITORY,
    )
    before = engine.images.space()
    removed = tuple(
        name
        for repository in repositories
        for name in engine.images.names(repository)
        if name not in kept and engine.images.remove_unused(name)
    )
    return Pruned(images=removed, freed=max(before - engine.images.space(), 0))
