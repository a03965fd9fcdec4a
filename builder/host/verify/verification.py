"""Checks whether an output folder is what its builder made; each check has a verdict.

Read-only. A check that could not be made is reported as such, and never counts as passed.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from builder.basics.errors import UsageError, VerificationError
from builder.basics.printable import short
from builder.basics.texts import say
from builder.border.events import OnEvent
from builder.border.iso_contents import IsoContents
from builder.formats.result_names import manifest_name
from builder.host.engine import OpenEngine
from builder.host.output.delivery import SIGNATURES
from builder.host.results.manifest_reader import LARGEST, ReadManifest, read_manifest
from builder.host.results.private_reader import check_there
from builder.host.results.result_folder import FileFacts, ResultFolder, opened_folder
from builder.host.results.sums import Compared, Sums, compare, read_sums
from builder.host.sign.signatures import Signer
from builder.host.verify.checks import (
    Check,
    CheckVerdict,
    Verification,
    checked,
    failed,
    not_checked,
)
from builder.host.verify.descriptions import check_sboms, compare_provenance, read_listed
from builder.host.verify.iso_contents import (
    CannotLookError,
    check_contents,
    read_contents,
)
from builder.host.verify.private_checks import check_private_file, check_source

_LARGEST_SIGNATURE: Final = 1024 * 1024  # bytes
_NOTHING: Final = "there is nothing to compare"


def verify_results(
    path: Path,
    *,
    signer: Signer | None,
    needs_signature: bool = False,
    private: Path | None = None,
    with_tree: bool = False,
    open_engine: OpenEngine,
    on_event: OnEvent,
) -> Verification:
    """Check an output folder, or the folder that an ISO lies in.

    With `needs_signature`, a signature that nobody checked is a failure. `private` is the build's
    private file; without it, the one in the folder is checked if there is one. `with_tree` computes
    the digest of the source, for which the private file is needed.
    Raises UsageError when there is nothing at `path`, HostError when a tool or the engine fails
    meanwhile. What is wrong with the results is in the checks.
    """
    place, wanted = _located(path)
    if private is not None:
        check_there(private)
    with opened_folder(place) as folder:
        try:
            sums = read_sums(folder)
            iso = _iso_of(sums, wanted)
        except VerificationError as error:
            return _unusable(folder, wanted, error)
        compared = compare(folder, sums, steps=2, on_event=on_event)
        manifest, told = _manifest(folder, iso, sums, compared)
        whole = compared.files.get(iso)
        contents, content = _content(
            folder, iso, whole=whole, manifest=manifest, open_engine=open_engine, on_event=on_event
        )
        checks = (
            *_sums_checks(compared),
            told,
            content,
            *_descriptions(
                folder,
                _stem(iso),
                sums=sums,
                compared=compared,
                manifest=manifest,
                contents=contents,
            ),
            *check_private_file(folder, _stem(iso), private, manifest),
            *(
                [
                    check_source(
                        folder,
                        iso,
                        given=private,
                        manifest=manifest,
                        opened=content.verdict is CheckVerdict.OK,
                        open_engine=open_engine,
                        on_event=on_event,
                    )
                ]
                if with_tree
                else []
            ),
            _signature(folder, sums, signer, needed=needs_signature),
        )
    return Verification(folder=place, iso=iso, sha256=whole.sha256 if whole else "", checks=checks)


def _located(path: Path) -> tuple[Path, str]:
    """Return the folder, and the name of the ISO in it that is meant ("" for the only one)."""
    try:
        path.lstat()
        return (path, "") if path.is_dir() else (path.parent, path.name)
    except OSError as error:
        raise UsageError(
            "There is nothing to verify at {path}: {reason}",
            hint="Give the output folder of a build, or the .iso file in it.",
            path=path,
            reason=error.strerror or error,
        ) from error


def _iso_of(sums: Sums, wanted: str) -> str:
    isos = [name for name in sums.digests if name.endswith(".iso")]
    if wanted and wanted not in isos:
        raise VerificationError("SHA256SUMS lists no ISO {name}", name=short(wanted))
    if not wanted and len(isos) != 1:
        raise VerificationError("SHA256SUMS lists {count} ISOs, not one", count=len(isos))
    iso = wanted or isos[0]
    if (manifest := manifest_name(_stem(iso))) not in sums.digests:
        raise VerificationError("SHA256SUMS does not list {name}", name=manifest)
    return iso


def _stem(iso: str) -> str:
    return iso.removesuffix(".iso")


def _unusable(folder: ResultFolder, iso: str, error: VerificationError) -> Verification:
    """Return the verdict for a folder where there is nothing to compare with."""
    unknown = say("there are no usable checksums")
    others = (
        not_checked(name, unknown)
        for name in ("manifest", "content", "sbom", "provenance", "signature")
    )
    return Verification(
        folder=folder.path, iso=iso, sha256="", checks=(failed("sums", error), *others)
    )


def _sums_checks(compared: Compared) -> Iterator[Check]:
    for fault in compared.faults:
        yield failed("sums", fault)
    if not compared.faults:
        text = say("all {count} files match SHA256SUMS", count=len(compared.files))
        yield Check(name="sums", verdict=CheckVerdict.OK, finding=text)


def _manifest(
    folder: ResultFolder, iso: str, sums: Sums, compared: Compared
) -> tuple[ReadManifest | None, Check]:
    """Read the manifest, compare it with the files, and return it unless it is unusable."""
    manifest = None
    try:
        content = read_listed(folder, manifest_name(_stem(iso)), sums, limit=LARGEST)
        manifest = read_manifest(content)
        _check_artefacts(manifest, iso, sums, compared)
    except VerificationError as error:
        return manifest, failed("manifest", error)
    text = say(
        "made by version {version}, matches the size and sha256 of the ISO",
        version=short(manifest.said.builder),
    )
    return manifest, Check(name="manifest", verdict=CheckVerdict.OK, finding=text)


def _check_artefacts(manifest: ReadManifest, iso: str, sums: Sums, compared: Compared) -> None:
    if iso not in manifest.artefacts:
        raise VerificationError("The manifest does not list {name}", name=iso)
    for name, said in manifest.artefacts.items():
        if name not in sums.digests:
            raise VerificationError("The manifest lists {name}, but SHA256SUMS does not", name=name)
        if (found := compared.files.get(name)) != said:
            raise VerificationError(
                "{name} is not what the manifest describes ({found}; the manifest says {said})",
                name=name,
                found=_described(found),
                said=_described(said),
            )


def _described(facts: FileFacts | None) -> str:
    if facts is None:
        return say("it cannot be read")
    return say("{size} bytes, sha256 {digest}", size=facts.size, digest=facts.sha256)


def _content(
    folder: ResultFolder,
    iso: str,
    *,
    whole: FileFacts | None,
    manifest: ReadManifest | None,
    open_engine: OpenEngine,
    on_event: OnEvent,
) -> tuple[IsoContents | None, Check]:
    """Return what is in the ISO, where it could be opened, and whether the manifest says so."""
    found = None
    if manifest is None or whole is None:
        return found, not_checked(
            "content", say("the ISO was not opened: {why}", why=say(_NOTHING))
        )
    try:
        found = read_contents(open_engine, folder, iso, on_event=on_event)
        check_contents(found, whole=whole, said=manifest.contents)
    except CannotLookError as error:
        text = say("the ISO was not opened: {reason}", reason=error)
        return found, not_checked("content", text)
    except VerificationError as error:
        return found, failed("content", error)
    text = say("all {count} parts of the ISO match the manifest", count=len(found.files))
    return found, Check(name="content", verdict=CheckVerdict.OK, finding=text)


def _descriptions(
    folder: ResultFolder,
    stem: str,
    *,
    sums: Sums,
    compared: Compared,
    manifest: ReadManifest | None,
    contents: IsoContents | None,
) -> Iterator[Check]:
    if manifest is None:
        yield not_checked("sbom", say(_NOTHING))
        yield not_checked("provenance", say(_NOTHING))
        return
    yield checked("sbom", lambda: check_sboms(folder, stem, sums, manifest, contents))
    yield checked("provenance", lambda: compare_provenance(folder, stem, sums, compared, manifest))


def _signature(folder: ResultFolder, sums: Sums, signer: Signer | None, *, needed: bool) -> Check:
    try:
        if signer is None:
            return _unsigned(folder, needed=needed)
        signature = folder.read(signer.signature, limit=_LARGEST_SIGNATURE)
        key = signer.check(sums.content, signature)
    except VerificationError as error:
        return failed("signature", error)
    return Check(name="signature", verdict=CheckVerdict.OK, finding=say("signed by {key}", key=key))


def _unsigned(folder: ResultFolder, *, needed: bool) -> Check:
    """Say what is there to check. Raises VerificationError if it had to be checked."""
    names = ", ".join(name for name in SIGNATURES if folder.has(name))
    if not needed:
        text = say("signed ({names}), signer not checked", names=names)
        return not_checked("signature", text if names else say("not signed"))
    if not names:
        raise VerificationError("not signed")
    raise VerificationError(
        "signed ({names}), signer not checked",
        hint="Say with --signed-by who must have signed.",
        names=names,
    )
