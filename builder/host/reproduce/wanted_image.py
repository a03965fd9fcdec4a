"""The builder image that a manifest names: only exactly that image gives the same bytes."""

from builder import __version__
from builder.basics.errors import HostError
from builder.basics.printable import short
from builder.basics.texts import say
from builder.border.events import OnEvent
from builder.formats.identities import ImageIdentity
from builder.host.engine import Engine
from builder.host.image.builder_image import build_builder, builder_tag, identified
from builder.host.reproduce.described_build import DescribedBuild


def wanted_image(engine: Engine, described: DescribedBuild, *, on_event: OnEvent) -> ImageIdentity:
    """Return the manifest's image. A locked one of this version is built if it is missing.

    Only this program's own images are used, whatever the manifest names: it is not trusted.
    Raises HostError if none of them is the manifest's.
    """
    here = [found for locked in (True, False) if (found := _find(engine, locked=locked))]
    can_be_made = described.image.locked and described.manifest.said.builder == __version__
    if can_be_made and not any(each.locked for each in here):
        here.append(_built(engine, described, on_event=on_event))
    for found in here:
        if found.id == described.image.id:
            return found
    raise _missing(engine, described, here)


def _find(engine: Engine, *, locked: bool) -> ImageIdentity | None:
    facts = engine.images.find(builder_tag(locked=locked))
    return None if facts is None else identified(engine, facts)


def _built(engine: Engine, described: DescribedBuild, *, on_event: OnEvent) -> ImageIdentity:
    try:
        return build_builder(engine, locked=True, on_event=on_event)
    except HostError as error:
        error.add_note(say("The manifest needs the builder image {id}", id=described.image.id))
        raise


def _missing(engine: Engine, described: DescribedBuild, here: list[ImageIdentity]) -> HostError:
    wanted = described.image
    found = ", ".join(each.id for each in here) or "none"
    if described.manifest.said.builder != __version__:
        return HostError(
            "The manifest needs the builder image {wanted} of distroclone-builder {theirs}; this "
            "is {ours}",
            hint="Reproduce it with version {theirs}: each version has its own builder image.",
            wanted=wanted.id,
            theirs=short(described.manifest.said.builder),
            ours=__version__,
        )
    if engine.images.find(wanted.id) is not None:
        return HostError(
            "The ISO was built by other code than this: the builder image {wanted} is here, but "
            "this program has {found}",
            hint="Reproduce it with the checkout that made it.",
            wanted=wanted.id,
            found=found,
        )
    if wanted.locked:
        hint = (
            "Copy that image here: `docker save {tag}` where the ISO was built, then `docker "
            "load`. Or build it from the same code, which gives the same image: "
            "`distroclone-builder image build`."
        )
    else:
        hint = (
            "It was built with --unlocked, from the packages in Debian's archive at that time, "
            "and cannot be built again. Copy it here: `docker save {tag}` where the ISO was "
            "built, then `docker load`."
        )
    return HostError(
        "The manifest's builder image {wanted} is not available; this engine has {found}",
        hint=hint,
        wanted=wanted.id,
        found=found,
        tag=builder_tag(locked=wanted.locked),
    )
