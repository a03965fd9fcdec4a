"""Rebuilds what a manifest describes, and compares: the same bytes, or what differs in them.

Only the manifest decides what is built: its tree is found by digest, its builder image by id, and
its recipe becomes the plan's. Nothing is taken from the block cache.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from builder.basics.errors import UsageError
from builder.border.cache_report import Candidate
from builder.border.differences import Explanation
from builder.border.events import Note, OnEvent, announced
from builder.border.privacy import Privacy, PrivacyMode
from builder.host.build import session
from builder.host.build.choice import Choice, choice_of, source_in
from builder.host.build.session import Outcome
from builder.host.config.build_config import Config
from builder.host.engine import Engine
from builder.host.reproduce.described_build import DescribedBuild
from builder.host.reproduce.explanation import explain
from builder.host.reproduce.originals import (
    Comparison,
    ComparisonVerdict,
    Originals,
    compare,
    located,
    read_originals,
)
from builder.host.reproduce.temporary import temporary_folder
from builder.host.reproduce.tree_search import TreeSearch, is_named
from builder.host.reproduce.wanted_image import wanted_image
from builder.host.results.result_folder import opened_folder
from builder.host.source.scanning import scan


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduction:
    """A rebuild, compared with what its manifest says and with what lies beside that."""

    manifest: Path
    described: DescribedBuild  # what it was built from
    folder: Path | None  # where the rebuild is kept; None: it was removed
    comparisons: tuple[Comparison, ...]
    explanation: Explanation  # of what differs

    @property
    def same(self) -> bool:
        """Whether the rebuild matches every recorded digest."""
        return all(each.verdict is not ComparisonVerdict.DIFFERENT for each in self.comparisons)


def rebuild_and_compare(
    manifest: Path,
    config: Config,
    engine: Engine,
    *,
    private: Path | None,
    keep: bool,
    on_event: OnEvent,
) -> Reproduction:
    """Build again in the config's output folder if `keep`, else in a temporary one, and compare.

    `private` is the build's private file, where it is not beside the manifest.
    Raises VerificationError for an unusable manifest, HostError for a missing image, SourceError
    for a missing tree, all before any work; then whatever a build may raise.
    """
    with opened_folder(located(manifest)) as folder:
        originals = read_originals(folder, manifest.name, private=private)
        on_event(_announcement(originals))
        with _output(config, originals, keep=keep) as output:
            outcome = _rebuilt(originals.described, output, engine, on_event=on_event)
            comparisons = _compared(originals, outcome, on_event=on_event)
            explanation = explain(originals, outcome, comparisons, engine, on_event=on_event)
    return Reproduction(
        manifest=manifest,
        described=originals.described,
        folder=outcome.folder if keep else None,
        comparisons=comparisons,
        explanation=explanation,
    )


def _announcement(originals: Originals) -> Note:
    if originals.sums is not None:
        message = "Rebuilding {iso} from its manifest, to compare it with manifest and SHA256SUMS"
    else:
        message = "Rebuilding {iso} from its manifest, to compare it with the manifest alone"
    return Note(level="info", message=message, values={"iso": originals.described.iso})


@contextlib.contextmanager
def _output(config: Config, originals: Originals, *, keep: bool) -> Iterator[Config]:
    """Provide a folder for the rebuild; a temporary one stays only if there is a log to read."""
    if keep:
        if _is_same(config.output, originals.folder.path):
            raise UsageError(
                "The output folder {path} is where the manifest is; the rebuild would replace "
                "the originals",
                hint="Choose another folder with --output.",
                path=config.output,
            )
        yield config
        return
    with temporary_folder() as place:
        yield replace(config, output=place)


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:  # one is not there yet, or cannot be used, which is told later
        return False


def _rebuilt(
    described: DescribedBuild, config: Config, engine: Engine, *, on_event: OnEvent
) -> Outcome:
    def prepared(config: Config, engine: Engine, *, run: str, on_event: OnEvent) -> Choice:
        image = wanted_image(engine, described, on_event=on_event)
        source = source_in(config)
        report = scan(engine, image.id, source, run=run, on_event=on_event)
        search = TreeSearch(
            engine=engine,
            image=image.id,
            source=source,
            report=report,
            described=described,
            on_event=on_event,
        )
        candidate = _renamed(search.run(), described)
        choice = choice_of(config, image=image, report=report, candidate=candidate)
        return replace(choice, packages=described.packages)

    config = replace(
        config,
        recipe=described.recipe,
        block_store=None,
        privacy=Privacy(mode=PrivacyMode.WARN),  # whatever it found, the original has it
    )
    return session.build(config, engine, prepared=prepared, stays=False, on_event=on_event)


def _renamed(candidate: Candidate, described: DescribedBuild) -> Candidate:
    """Give the right tree the name from the manifest, if it has another one here.

    Its description stays: it decides no byte of what is compared.
    """
    wanted = described.snapshot
    if is_named(candidate, wanted):
        return candidate
    return replace(
        candidate,
        selector=wanted.selector,
        kind=wanted.kind,
        taken=wanted.seconds,
    )


def _compared(
    originals: Originals, outcome: Outcome, *, on_event: OnEvent
) -> tuple[Comparison, ...]:
    with announced("sums", on_event):
        return compare(originals, outcome.artefacts)
