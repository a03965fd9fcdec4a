"""Finds the tree in a cache that a manifest means: tries its name first, decides by digest."""

from dataclasses import dataclass
from typing import Final

from builder.basics.errors import SourceError, StepError
from builder.border.cache_report import CacheReport, Candidate
from builder.border.events import Note, OnEvent, announced
from builder.border.jobs import DIGEST
from builder.border.labels import new_run
from builder.formats.identities import TreeName
from builder.formats.snapshot import SnapshotName
from builder.host.engine import Engine
from builder.host.reproduce.described_build import DescribedBuild
from builder.host.source.frozen import ChosenTree, tree_job
from builder.host.source.kinds import Source

_SHOWN: Final = 20  # trees that are named when none is the right one


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeSearch:
    """A search through one cache for the tree that a manifest was made from."""

    engine: Engine
    image: str
    source: Source
    report: CacheReport
    described: DescribedBuild
    on_event: OnEvent

    def run(self) -> Candidate:
        """Return the tree with the manifest's digest; the snapshot of the same name is tried first.

        Raises SourceError with the digest of each tree if none is the right one.
        """
        seen: list[str] = []
        candidates = in_order(self.report, self.described.snapshot)
        for position, candidate in enumerate(candidates, start=1):
            try:
                with announced("digest", self.on_event, position=position, total=len(candidates)):
                    found = self._name(candidate)
            except StepError as error:  # a tree that cannot be read is not the one that was built
                seen.append(f"{candidate.selector}: {error}")
                continue
            if found == self.described.tree:
                self.on_event(_found(candidate, self.described))
                return candidate
            seen.append(f"{candidate.selector}: {found.digest}")
        raise _missing(self.source, self.described, seen)

    def _name(self, candidate: Candidate) -> TreeName:
        tree = ChosenTree(
            engine=self.engine,
            image=self.image,
            source=self.source,
            report=self.report,
            candidate=candidate,
            run=new_run(),
            on_event=self.on_event,
        )
        recipe = self.described.recipe
        with tree_job(DIGEST, tree, exclude=recipe.exclude, keep=recipe.keep) as spec:
            return self.engine.run(spec, self.on_event)


def in_order(report: CacheReport, wanted: SnapshotName) -> list[Candidate]:
    """Return what can be built, the likeliest first: of that name, of that date, the newest."""
    usable = [each for each in report.candidates if each.complete and each.system is not None]
    return sorted(
        usable,
        key=lambda each: (not is_named(each, wanted), each.taken != wanted.seconds, -each.taken),
    )


def is_named(candidate: Candidate, wanted: SnapshotName) -> bool:
    """Whether a snapshot has the name and the date that the manifest gives."""
    found = (candidate.selector, candidate.kind, candidate.taken)
    return found == (wanted.selector, wanted.kind, wanted.seconds)


def _found(candidate: Candidate, described: DescribedBuild) -> Note:
    if is_named(candidate, described.snapshot):
        message = "{selector} is the tree that the manifest describes"
    else:
        message = (
            "{selector} is the tree that the manifest describes, although the manifest calls it "
            "{wanted}, taken {taken}"
        )
    values = {
        "selector": candidate.selector,
        "wanted": described.snapshot.selector,
        "taken": described.snapshot.taken,
    }
    return Note(level="info", message=message, values=values)


def _missing(source: Source, described: DescribedBuild, seen: list[str]) -> SourceError:
    shown = seen[:_SHOWN]
    if len(seen) > _SHOWN:
        shown.append(f"and {len(seen) - _SHOWN} more")
    return SourceError(
        "Source tree not found: no tree in {cache} is the one that the manifest describes "
        "({selector}, taken {taken}, {digest}). Found: {seen}",
        hint="The snapshot was deleted or changed, or it is in another cache: give that one with "
        "--cache or --cache-image.",
        cache=source.path,
        selector=described.snapshot.selector,
        taken=described.snapshot.taken,
        digest=described.tree.digest,
        seen="; ".join(shown) if shown else "nothing that can be built",
    )
