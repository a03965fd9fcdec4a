"""Pruning removes the images of other versions, and no other image."""

from builder.host.image import boot_test_image, builder_image
from builder.host.image.base_image import bootstrapped_tag
from builder.host.image.image_prune import Pruned, prune_images
from builder.host.image.resources import base_pin
from tests.support.fake_engine import FakeEngine
from tests.support.fake_images import SIZE, FakeImages, facts

_NOW = (
    builder_image.builder_tag(locked=True),
    builder_image.builder_tag(locked=False),
    builder_image.tools_tag(locked=True),
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


def images(*names: str) -> FakeImages:
    """Return images of these names; a container uses one of them."""
    return FakeImages({name: facts(f"sha256:{name}") for name in names}, used=[_USED])


def test_images_of_other_versions_go_and_all_others_stay() -> None:
    engine = FakeEngine(images=images(*_NOW, *_OLD, *_FOREIGN, _USED))
    pruned = prune_images(engine)
    assert set(pruned.images) == set(_OLD)
    assert pruned.freed == SIZE * len(_OLD)
    assert engine.images.present.keys() == {*_NOW, *_FOREIGN, _USED}


def test_without_any_there_is_nothing_to_do() -> None:
    pruned = prune_images(FakeEngine(images=images(*_NOW)))
    assert pruned == Pruned(images=(), freed=0)
