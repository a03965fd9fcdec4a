"""Pruning removes the images of other versions, and no other image."""

from typing import TYPE_CHECKING, cast

from builder.host.image import boot_test_image
from builder.host.image import builder_image as image
from builder.host.image.base_image import bootstrapped_tag
from builder.host.image.image_prune import Pruned, prune_images
from builder.host.image.resources import base_pin

if TYPE_CHECKING:
    from builder.host.engine import Engine

_SIZE = 100  # bytes of every image
_NOW = (
    image.builder_tag(locked=True),
    image.builder_tag(locked=False),
    image.tools_tag(locked=True),
    boot_test_image.boot_test_tag(),
    bootstrapped_tag(base_pin()),
)
_OLD = (
    "distroclone-builder:0123456789abcdef",
    "distroclone-builder:0123456789abcdef-unlocked",
    "distroclone-builder-packages:0123456789abcdef",
    "distroclone-builder-boot-test:0123456789abcdef",
    "distroclone-builder-base:trixie-0123456789ab",
)
_USED = "distroclone-builder:fedcba9876543210"
_FOREIGN = ("debian:trixie", "distroclone-builder-demo:1", "somebody/distroclone-builder:1")


class FakeImages:
    """An engine's images by name; one of them is used by a container."""

    def __init__(self, *names: str) -> None:
        self.present = set(names)

    def names(self, repository: str) -> tuple[str, ...]:
        return tuple(sorted(each for each in self.present if each.startswith(f"{repository}:")))

    def space(self) -> int:
        return _SIZE * len(self.present)

    def remove_unused(self, reference: str) -> bool:
        if reference == _USED:
            return False
        self.present.remove(reference)
        return True


class FakeEngine:
    """An engine that has images only."""

    def __init__(self, images: FakeImages) -> None:
        self.images = images


def test_images_of_other_versions_go_and_all_others_stay() -> None:
    images = FakeImages(*_NOW, *_OLD, *_FOREIGN, _USED)
    pruned = prune_images(cast("Engine", FakeEngine(images)))
    assert set(pruned.images) == set(_OLD)
    assert pruned.freed == _SIZE * len(_OLD)
    assert images.present == {*_NOW, *_FOREIGN, _USED}


def test_without_any_there_is_nothing_to_do() -> None:
    pruned = prune_images(cast("Engine", FakeEngine(FakeImages(*_NOW))))
    assert pruned == Pruned(images=(), freed=0)
