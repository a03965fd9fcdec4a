"""An engine that scans, digests and builds as it is told, and what a build of a tiny ISO makes."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from builder import __version__
from builder.basics.errors import BuilderError, HostError
from builder.border import paths
from builder.border.cache_report import Candidate
from builder.border.differences import Explanation
from builder.border.events import OnEvent
from builder.border.handover import Artefact
from builder.border.jobs import BUILD, DIGEST, EXPLAIN, FREEZE, SCAN, THAW
from builder.border.plan import BuildPlan
from builder.border.requests import Built, Frozen, Nothing
from builder.formats.identities import TreeName
from builder.host.engine import ImageFacts
from tests.support.fake_engine import AnySpec, FakeEngine, answering, builder_images
from tests.support.fake_images import FakeImages
from tests.support.reports import cache_report, candidate
from tests.support.results import (
    CONTENT,
    CYCLONEDX,
    ISO,
    MANIFEST,
    PRIVATE,
    PROVENANCE,
    SPDX,
    SUMS,
    digest,
    manifest_data,
    row,
)

TREE = TreeName(digest="sha256:" + "1" * 64, format=1, files=2, bytes=3)
NO_DIFFERENCE = Explanation(differences=())
OTHER_TREE = replace(TREE, digest="sha256:" + "2" * 64)


def manifest_bytes(**changed: object) -> bytes:
    """Return the manifest of the tiny ISO, as a build without SBOMs would write it."""
    own = {"builder": __version__, "artefacts": [row(ISO, CONTENT)]}
    data = manifest_data(**{**own, **changed})
    return (json.dumps(data, indent=2, sort_keys=True) + "\n").encode()


def results_of(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the files, descriptions that nobody reads here, and the sums over all of them."""
    files = {CYCLONEDX: b"{}", SPDX: b"{}", PROVENANCE: b"{}", **files}
    listed = {name: content for name, content in files.items() if name != PRIVATE}
    lines = (f"{digest(content)}  {name}\n" for name, content in sorted(listed.items()))
    return {**files, SUMS: "".join(lines).encode()}


def whole_results() -> dict[str, bytes]:
    """Return what a build of the tiny ISO makes."""
    return results_of({ISO: CONTENT, MANIFEST: manifest_bytes()})


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write files into a new folder, and return its manifest."""
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder / MANIFEST


def rebuilding_engine(
    *,
    candidates: tuple[Candidate, ...] = (candidate("3"),),
    trees: Mapping[str, TreeName | BuilderError] | None = None,
    made: Mapping[str, bytes] | BuilderError | None = None,
    explanation: Explanation | BuilderError = NO_DIFFERENCE,
    present: Mapping[str, ImageFacts] | None = None,
    refusals: Mapping[str, HostError] | None = None,
) -> FakeEngine:
    """Return an engine with these trees in its cache, which makes this of each of them.

    `explanation` is what it says of two ISOs; `present` are its images.
    """

    def named(spec: AnySpec, _on_event: OnEvent) -> TreeName | BuilderError:
        known = {"3": TREE} if trees is None else trees
        return known[Path(engine.tree_of(spec)).name]

    def built(spec: AnySpec, _on_event: OnEvent) -> Built | BuilderError:
        files = whole_results() if made is None else made
        if isinstance(files, BuilderError):
            return files
        files = {PRIVATE: b"{}", **files}
        (folder,) = [bind.source for bind in spec.binds if bind.target == paths.DELIVERY]
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        artefacts = tuple(
            Artefact(name=name, size=len(content), sha256=digest(content))
            for name, content in files.items()
        )
        return Built(artefacts=artefacts, delivered=True, block_cache=None)

    engine = FakeEngine(
        answers={
            SCAN.name: answering(cache_report(*candidates)),
            FREEZE.name: answering(Frozen(frozen=True)),
            THAW.name: answering(Nothing()),
            DIGEST.name: named,
            BUILD.name: built,
            EXPLAIN.name: answering(explanation),
        },
        refusals=refusals or {},
        images=FakeImages(builder_images() if present is None else present),
    )
    return engine


def plan_of(engine: FakeEngine) -> BuildPlan:
    """Return what was built."""
    (plan,) = engine.asked(BUILD)
    return plan
