"""The builder image: the tools' layer, which a workshop makes, and our own code above it.

An image is known by the content it was made from, so it is made again exactly when that changes;
and whatever is made from the same lock has the same id, anywhere and at any time.
docs/builder-image.md explains how.
"""

import contextlib
import json
from collections.abc import Iterator, Sequence
from typing import Final

from builder.basics.errors import HostError
from builder.border import paths
from builder.border.events import OnEvent, announced
from builder.border.labels import LABEL_BASE, LABEL_LOCKED
from builder.formats.identities import ImageIdentity
from builder.host.engine import Engine, ImageFacts
from builder.host.image.image_archive import ImageConfig, Part, image_archive, saved_layer
from builder.host.image.layers import Layer, files_layer, tree_layer
from builder.host.image.package_archive import Archives
from builder.host.image.resources import (
    builder_context,
    builder_lock,
    code_files,
    pinned_tools,
    tools_context,
)
from builder.host.image.spool import spool
from builder.host.image.workshop import ROOT_TOP, chosen_base, workshop

REPOSITORY: Final = "distroclone-builder"
TOOLS_REPOSITORY: Final = "distroclone-builder-packages"
_HOME: Final = "opt/distroclone-builder"  # of our code, in the image
# What jobs mount on, with too few capabilities to make it: the top of Podman's containers has mode
# 0555, whatever the layers say. What is there only if the engine mounts it must not be among them.
_PLACES: Final = tuple(path.name for path in (paths.CACHE, paths.SOURCE, paths.WORK))
_TOOLS: Final = "the packages of the lock"
_CODE: Final = "distroclone-builder itself"


def builder_tag(*, locked: bool) -> str:
    """Return the tag under which the engine keeps today's builder image."""
    return f"{REPOSITORY}:{builder_context().digest[:16]}{_suffix(locked=locked)}"


def tools_tag(*, locked: bool) -> str:
    """Return the tag under which the engine keeps the builder image without our code."""
    return f"{TOOLS_REPOSITORY}:{tools_context().digest[:16]}{_suffix(locked=locked)}"


def find_builder(engine: Engine) -> ImageIdentity | None:
    """Return the builder image that fits this code, the locked one first; None without one.

    A locked one counts only if its layers are those that belong to this version: the engine's other
    users can give any image that name.
    """
    for locked in (True, False):
        facts = engine.images.find(builder_tag(locked=locked))
        expected = builder_layers() if locked else ()
        if facts is not None and expected in ((), facts.layers):
            return identified(engine, facts)
    return None


def identified(engine: Engine, image: ImageFacts) -> ImageIdentity:
    """Return what a builder image is known by on every engine: the digest of its config.

    Engines whose ids are others learn this one.
    """
    locked = image.labels.get(LABEL_LOCKED) == "yes"
    config = _config(image.layers, locked=locked)
    if not (image.has_manifest_id and _is_made_of(image, config)):
        return ImageIdentity(id=image.id, locked=locked)
    engine.images.know_as(config.id, image=image.id)
    return ImageIdentity(id=config.id, locked=locked)


def ensure_builder(engine: Engine, *, on_event: OnEvent) -> ImageIdentity:
    """Return the builder image, built first when the engine has none that fits this code."""
    return find_builder(engine) or build_builder(engine, locked=True, on_event=on_event)


def build_builder(
    engine: Engine,
    *,
    locked: bool,
    on_event: OnEvent,
    archives: Archives | None = None,
    fresh: bool = False,
) -> ImageIdentity:
    """Build the builder image; `locked` insists on the packages of the lock file.

    Existing tools in the engine are reused, unless `fresh` asks for a build from scratch.
    Raises LockOutdatedError when no archive has a locked package.
    """
    tools = None if fresh else engine.images.find(tools_tag(locked=locked))
    if tools is None or (locked and tools.layers != (pinned_tools() or tools.layers[0],)):
        tools = _make_tools(
            engine, locked=locked, archives=archives, fresh=fresh, on_event=on_event
        )
    with _code_layer() as code:
        config = _config((tools.layers[0], code.digest), locked=locked)
        image = _load_above(engine, config, code, tools=tools, tag=builder_tag(locked=locked))
    return identified(engine, image)


def _is_made_of(image: ImageFacts, config: ImageConfig) -> bool:
    """Whether an image has the layers and the settings of a config."""
    said = json.loads(config.encoded())
    made = {
        "Entrypoint": list(image.entrypoint),
        "Env": list(image.environment),
        "Labels": dict(image.labels),
    }
    expected = {key: said["config"][key] for key in made}
    return made == expected and list(image.layers) == list(said["rootfs"]["diff_ids"])


def _config(layers: Sequence[str], *, locked: bool) -> ImageConfig:
    """Return what the builder image of these layers is made of."""
    return ImageConfig(
        parts=tuple(
            Part(digest=digest, purpose=purpose)
            for digest, purpose in zip(layers, (_TOOLS, _CODE), strict=False)
        ),
        labels={LABEL_LOCKED: _word(locked=locked)},
        epoch=builder_lock().epoch,
    )


@contextlib.contextmanager
def _code_layer() -> Iterator[Layer]:
    with spool() as file:
        yield files_layer(
            {f"{_HOME}/{path}": content for path, content in code_files().items()},
            file,
            empty=_PLACES,
            epoch=builder_lock().epoch,
        )


def builder_layers() -> tuple[str, ...]:
    """Return the digests of the locked image's layers; nothing where `pinned_tools` has none."""
    if (pinned := pinned_tools()) is None:
        return ()
    with _code_layer() as code:
        return (pinned, code.digest)


def _make_tools(
    engine: Engine, *, locked: bool, archives: Archives | None, fresh: bool, on_event: OnEvent
) -> ImageFacts:
    """Have the engine keep an image of one layer, with every tool and without our code."""
    epoch = builder_lock().epoch
    with contextlib.ExitStack() as stack:
        base = stack.enter_context(chosen_base(engine, fresh=fresh, on_event=on_event))
        shop = stack.enter_context(
            workshop(engine, locked=locked, archives=archives, base=base, on_event=on_event)
        )
        stack.enter_context(announced("pack", on_event))
        root = stack.enter_context(shop.root())
        file = stack.enter_context(spool())
        layer = tree_layer(root, file, top=ROOT_TOP, epoch=epoch)
        if locked:
            _check_pinned(layer)
        # Here, and not in the builder image itself: there it would decide the id.
        labels = {LABEL_LOCKED: _word(locked=locked), LABEL_BASE: base.origin.value}
        part = Part(digest=layer.digest, purpose=_TOOLS)
        config = ImageConfig(parts=(part,), labels=labels, epoch=epoch)
        return _load(engine, config, [layer], tag=tools_tag(locked=locked))


def _check_pinned(layer: Layer) -> None:
    """Raise HostError if the tools are not, to the last byte, those that belong to this version."""
    pinned = pinned_tools()
    if pinned not in (None, layer.digest):
        raise HostError(
            "The tools that were made here are not those of this version: their layer is {found}, "
            "not {expected}",
            hint="Try `distroclone-builder image build --fresh`. If that gives the same layer, "
            "please report it with the log; `image build --unlocked` then makes an image, with "
            "which an ISO may differ from those of others.",
            found=layer.digest,
            expected=pinned,
        )


def _load_above(
    engine: Engine, config: ImageConfig, code: Layer, *, tools: ImageFacts, tag: str
) -> ImageFacts:
    """Load an image on top of one that the engine has, sending as little as the engine accepts.

    Engines that keep layers by digest need only the new one; others want all of them.
    """
    try:
        return _load(engine, config, [code], tag=tag)
    except HostError:
        with _saved(engine, tools) as below:
            return _load(engine, config, [below, code], tag=tag)


@contextlib.contextmanager
def _saved(engine: Engine, tools: ImageFacts) -> Iterator[Layer]:
    """Give the layer of the tools as the engine has it."""
    with (
        spool(engine.images.saved(tools.id)) as archive,
        saved_layer(archive, digest=tools.layers[0]) as layer,
    ):
        yield layer


def _load(engine: Engine, config: ImageConfig, layers: Sequence[Layer], *, tag: str) -> ImageFacts:
    failure = engine.images.load(image_archive(config, tag=tag, layers=layers))
    facts = None if failure else engine.images.find(tag)
    if facts is None or facts.layers != tuple(part.digest for part in config.parts):
        raise HostError(
            "The engine did not load the image {tag}: {reason}",
            hint="Make sure that the engine's disk is not full (`distroclone-builder doctor`), "
            "then try again.",
            tag=tag,
            reason=failure or "it has a different image under that name",
        )
    return facts


def _suffix(*, locked: bool) -> str:
    return "" if locked else "-unlocked"


def _word(*, locked: bool) -> str:
    return "yes" if locked else "no"
