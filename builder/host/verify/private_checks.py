"""What can be checked with a private file: that it is this ISO's, and where the ISO came from."""

from collections.abc import Iterator
from pathlib import Path

from builder.basics.errors import VerificationError
from builder.basics.texts import say
from builder.border.events import OnEvent
from builder.formats.private_record import PrivateRecord
from builder.formats.result_names import private_name
from builder.host.engine import OpenEngine
from builder.host.image.builder_image import ensure_builder
from builder.host.results.manifest_reader import ReadManifest
from builder.host.results.private_reader import check_private, find_private
from builder.host.results.result_folder import ResultFolder
from builder.host.source.listing import iso_inventory
from builder.host.verify.checks import Check, CheckVerdict, failed, not_checked
from builder.host.verify.tree_claim import check_tree


def check_private_file(
    folder: ResultFolder, stem: str, given: Path | None, manifest: ReadManifest | None
) -> Iterator[Check]:
    """Say whether a private file belongs to this ISO; nothing where there is none, as usual."""
    if given is None and not folder.has(private_name(stem)):
        return
    if manifest is None or manifest.said.private is None:
        yield not_checked("private", say("the manifest says nothing about a private file"))
        return
    try:
        found = find_private(folder, stem, given)
        if found is None:
            yield not_checked("private", say("only its owner can read the private file"))
            return
        proven = check_private(found, manifest)
    except VerificationError as error:
        yield failed("private", error)
        return
    if proven:
        text = say("the private file belongs to this ISO; keep it to yourself")
        yield Check(name="private", verdict=CheckVerdict.OK, finding=text)
        return
    text = say("the private file fits this ISO, but its source had no machine-id to prove it with")
    yield not_checked("private", text)


def check_source(
    folder: ResultFolder,
    iso: str,
    *,
    given: Path | None,
    manifest: ReadManifest | None,
    opened: bool,
    open_engine: OpenEngine,
    on_event: OnEvent,
) -> Check:
    """Say whether the ISO and its private file give the digest of the source in the manifest.

    `opened` says whether the ISO's content was compared with the manifest: what is read here is in
    its squashfs. Whatever is missing is a failure: this is only done for those who ask for it.
    """
    try:
        if manifest is None or not opened:
            raise VerificationError(
                "the content of the ISO could not be compared with its manifest"
            )
        record = _record(folder, iso.removesuffix(".iso"), given, manifest)
        engine = open_engine()
        image = ensure_builder(engine, on_event=on_event)
        path = folder.path.resolve() / iso
        with iso_inventory(engine, image.id, path, on_event=on_event) as listing:
            counts = check_tree(
                listing.system.entries(),
                record,
                said=manifest.said.source,
                latest=manifest.said.source_date_epoch,
            )
    except VerificationError as error:
        return failed("tree", error)
    text = say(
        "the ISO, and what the private file says of it, give the digest of the source: {same} "
        "paths are as they were there, {different} are changed or gone",
        same=counts.same,
        different=counts.different,
    )
    return Check(name="tree", verdict=CheckVerdict.OK, finding=text)


def _record(
    folder: ResultFolder, stem: str, given: Path | None, manifest: ReadManifest
) -> PrivateRecord:
    found = find_private(folder, stem, given)
    if found is None:
        raise VerificationError(
            "the private file is needed, and is not here",
            hint="Only whoever built the ISO has its .private.json. If you have the source, "
            "`reproduce` shows whether the ISO was made from it.",
        )
    check_private(found, manifest)
    return found.record
