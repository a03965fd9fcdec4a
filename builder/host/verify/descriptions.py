"""Compares the files that describe an ISO with each other and with the content of the ISO.

Each check returns what it found, or raises VerificationError.
"""

import hashlib

from builder.basics.errors import VerificationError
from builder.basics.printable import short
from builder.basics.texts import say
from builder.border.iso_contents import IsoContents
from builder.formats.added_packages import MOST_BYTES, lock_text
from builder.formats.manifest import STACK_DISTRIBUTION
from builder.formats.result_names import (
    lock_name,
    manifest_name,
    provenance_name,
    sbom_names,
)
from builder.host.results import provenance_reader, sbom_reader
from builder.host.results.manifest_reader import ReadManifest
from builder.host.results.provenance_reader import check_provenance, parse_provenance
from builder.host.results.result_folder import ResultFolder
from builder.host.results.sbom_reader import check_same, listed, parse_cyclonedx, parse_spdx
from builder.host.results.sums import Compared, Sums


def read_listed(folder: ResultFolder, name: str, sums: Sums, *, limit: int) -> bytes:
    """Return a file of at most `limit` bytes that is the one that SHA256SUMS lists."""
    if name not in sums.digests:
        raise VerificationError("SHA256SUMS does not list {name}", name=name)
    content = folder.read(name, limit=limit)
    if hashlib.sha256(content).hexdigest() != sums.digests[name]:
        raise VerificationError("{name} is not the file that SHA256SUMS lists", name=name)
    return content


def check_sboms(
    folder: ResultFolder,
    stem: str,
    sums: Sums,
    manifest: ReadManifest,
    contents: IsoContents | None,
) -> str:
    """Compare both SBOMs and, where the ISO was opened, its package database with the manifest."""
    _check_lock(folder, stem, sums, manifest)
    installed = tuple(listed(each, manifest.said.distribution) for each in manifest.said.packages)
    stack = (listed(each, STACK_DISTRIBUTION) for each in manifest.said.live_stack or ())
    said = (*installed, *(each for each in stack if each not in installed))
    for name, parse in zip(sbom_names(stem), (parse_cyclonedx, parse_spdx), strict=True):
        content = read_listed(folder, name, sums, limit=sbom_reader.LARGEST)
        if name not in manifest.artefacts:
            raise VerificationError("The manifest does not list {name}", name=name)
        check_same(parse(content, name=name), said, name=name)
    if contents is None:
        return say(
            "both list the {count} packages of the manifest; the package database in the ISO was "
            "not read",
            count=len(said),
        )
    if contents.unreadable:
        raise VerificationError(
            "The package database in the ISO cannot be read: {reason}",
            reason=short(contents.unreadable),
        )
    found = (listed(each, manifest.said.distribution) for each in contents.packages)
    check_same(found, installed, name=say("The package database in the ISO"))
    return say(
        "both list the {count} packages of the package database in the ISO", count=len(installed)
    )


def _check_lock(folder: ResultFolder, stem: str, sums: Sums, manifest: ReadManifest) -> None:
    """Compare the lock of added packages with that of the manifest."""
    if manifest.said.packages_lock is None:
        return
    name = lock_name(stem)
    content = read_listed(folder, name, sums, limit=MOST_BYTES)
    if content != lock_text(manifest.said.packages_lock).encode():
        raise VerificationError("{name} is not the lock in the manifest", name=name)


def compare_provenance(
    folder: ResultFolder, stem: str, sums: Sums, compared: Compared, manifest: ReadManifest
) -> str:
    """Compare the provenance with all files that it has to speak of, and with the manifest."""
    name = provenance_name(stem)
    content = read_listed(folder, name, sums, limit=provenance_reader.LARGEST)
    subjects = {*manifest.artefacts, manifest_name(stem)}
    digests = {each: compared.files[each].sha256 for each in subjects if each in compared.files}
    check_provenance(parse_provenance(content, name=name), digests=digests, manifest=manifest)
    return say("covers these {count} files and agrees with the manifest", count=len(digests))
