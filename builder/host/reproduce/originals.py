"""The original results of a manifest, as far as they are next to it, compared with a rebuild.

The digest of each comes from up to three sources: the manifest, SHA256SUMS, and the file itself.
The manifest alone is enough; the files next to it are not trusted.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from builder.basics.errors import UsageError
from builder.basics.texts import say
from builder.border.handover import SUMS, Artefact
from builder.formats.result_names import manifest_name
from builder.host.reproduce.described_build import DescribedBuild, read_described_build
from builder.host.results.manifest_reader import LARGEST
from builder.host.results.private_reader import find_private
from builder.host.results.result_folder import ResultFolder
from builder.host.results.sums import Sums, read_sums


class DigestSource(StrEnum):
    """Where the digest of an original result comes from."""

    MANIFEST = "manifest"
    SUMS = "SHA256SUMS"
    FILE = "file"


class ComparisonVerdict(StrEnum):
    """How a rebuilt result compares with the original."""

    SAME = "same"
    DIFFERENT = "different"
    NOT_COMPARED = "not-compared"  # no source has its digest


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedDigest:
    """The digest of an original result, from one source."""

    side: DigestSource
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One result, original and rebuilt."""

    name: str
    rebuilt: str  # its sha256; "" when the rebuild has no such result
    said: tuple[RecordedDigest, ...]

    @property
    def verdict(self) -> ComparisonVerdict:
        """Whether all sources have the rebuilt digest."""
        if not self.said:
            return ComparisonVerdict.NOT_COMPARED
        same = all(each.sha256 == self.rebuilt for each in self.said)
        return ComparisonVerdict.SAME if same else ComparisonVerdict.DIFFERENT

    def differs(self, side: DigestSource) -> bool:
        """Whether this source has a digest other than the rebuilt one."""
        return any(each.side is side and each.sha256 != self.rebuilt for each in self.said)

    def has(self, side: DigestSource) -> bool:
        """Whether this source has a digest."""
        return any(each.side is side for each in self.said)


@dataclass(frozen=True, slots=True, kw_only=True)
class Originals:
    """A manifest and the files next to it."""

    folder: ResultFolder
    content: bytes  # of the manifest
    described: DescribedBuild
    sums: Sums | None

    @property
    def manifest_name(self) -> str:
        """The name that a build gives this manifest; the file may have another."""
        return manifest_name(self.described.iso.removesuffix(".iso"))

    def said(self, name: str) -> tuple[RecordedDigest, ...]:
        """Return the recorded digests of a result. Raises VerificationError if it is not a file."""
        said = []
        if name in self.described.manifest.artefacts:
            row = self.described.manifest.artefacts[name]
            said.append(RecordedDigest(side=DigestSource.MANIFEST, sha256=row.sha256))
        if self.sums is not None and name in self.sums.digests:
            said.append(RecordedDigest(side=DigestSource.SUMS, sha256=self.sums.digests[name]))
        if (digest := self._file(name)) is not None:
            said.append(RecordedDigest(side=DigestSource.FILE, sha256=digest))
        return tuple(said)

    def _file(self, name: str) -> str | None:
        if name == self.manifest_name:
            return hashlib.sha256(self.content).hexdigest()
        if name == SUMS:
            return hashlib.sha256(self.sums.content).hexdigest() if self.sums else None
        if not self.folder.has(name):
            return None
        return self.folder.digest(name, on_read=_ignore).sha256


def read_originals(
    folder: ResultFolder, manifest: str, *, private: Path | None = None
) -> Originals:
    """Read the manifest of that name, and SHA256SUMS where it speaks of the same ISO.

    The file at `private` says what the manifest does not, else the private file in the folder.
    Raises VerificationError where one of them cannot be relied on, UsageError where one is missing.
    """
    content = folder.read(manifest, limit=LARGEST)
    described = read_described_build(
        content, find_private=lambda stem: find_private(folder, stem, private)
    )
    sums = read_sums(folder) if folder.has(SUMS) else None
    if sums is not None and described.iso not in sums.digests:
        sums = None  # of another build
    for name in {*described.manifest.artefacts, *(sums.digests if sums else ())}:
        if folder.has(name):
            folder.size(name)  # what is no file is told before any work
    return Originals(folder=folder, content=content, described=described, sums=sums)


def compare(originals: Originals, rebuilt: Sequence[Artefact]) -> tuple[Comparison, ...]:
    """Compare all that was rebuilt, and all that should have been; the ISO comes first.

    Raises VerificationError for an original that cannot be read.
    """
    digests: Mapping[str, str] = {each.name: each.sha256 for each in rebuilt}
    names = {*digests, *originals.described.manifest.artefacts, originals.manifest_name}
    if originals.sums is not None:
        names |= {SUMS, *originals.sums.digests}
    return tuple(
        Comparison(name=name, rebuilt=digests.get(name, ""), said=originals.said(name))
        for name in sorted(names, key=lambda name: (name != originals.described.iso, name))
    )


def located(path: Path) -> Path:
    """Return the folder of the manifest at `path`. Raises UsageError where there is no file."""
    try:
        path.lstat()
        if not path.is_dir() and path.suffix != ".iso":
            return path.parent
        reason = say("it is a folder") if path.is_dir() else say("it is an ISO")
    except OSError as error:
        reason = error.strerror or str(error)
    raise UsageError(
        "There is no manifest at {path}: {reason}",
        hint="Give the .manifest.json file next to an ISO.",
        path=path,
        reason=reason,
    )


def _ignore(_count: int) -> None:
    pass
