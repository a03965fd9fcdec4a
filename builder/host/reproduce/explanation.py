"""Explains why a rebuild is not what its manifest says, from the outside in."""

import contextlib
from dataclasses import dataclass

from builder.basics.errors import BuilderError, HostError, Interrupted, VerificationError
from builder.border import paths
from builder.border.cache_report import Problem
from builder.border.differences import (
    CONTENT,
    PRESENCE,
    SIZE,
    Difference,
    Explanation,
    explained,
    joined,
    shown_byte,
)
from builder.border.events import OnEvent
from builder.border.handover import SUMS
from builder.border.jobs import EXPLAIN
from builder.border.labels import new_run
from builder.border.requests import Nothing
from builder.host.build.session import Outcome
from builder.host.engine import Bind, ContainerSpec, Engine
from builder.host.reproduce.data_differences import data_differences
from builder.host.reproduce.originals import Comparison, ComparisonVerdict, DigestSource, Originals
from builder.host.results.manifest_reader import LARGEST, read_manifest
from builder.host.results.result_folder import ResultFolder, opened_folder
from builder.host.results.strict_json import strict_json
from builder.host.results.sums import parse_sums


def explain(
    originals: Originals,
    outcome: Outcome,
    comparisons: tuple[Comparison, ...],
    engine: Engine,
    *,
    on_event: OnEvent,
) -> Explanation:
    """Say what differs in each result that is not identical."""
    wrong = [each for each in comparisons if each.verdict is ComparisonVerdict.DIFFERENT]
    others = frozenset(each.name for each in wrong)
    parts = []
    with opened_folder(outcome.folder) as rebuilt:
        for each in wrong:
            result = _DifferingResult(
                comparison=each, others=others, originals=originals, rebuilt=rebuilt
            )
            if each.name == originals.described.iso:
                part = _iso(result, engine, image=outcome.image.id, on_event=on_event)
            else:
                part = result.explain()
            parts.append(part.within(each.name))
    return joined(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class _DifferingResult:
    """A result that differs from the original."""

    comparison: Comparison
    others: frozenset[str]  # the names of all results that are not the same
    originals: Originals
    rebuilt: ResultFolder

    @property
    def name(self) -> str:
        return self.comparison.name

    def explain(self) -> Explanation:
        """Compare the file next to the manifest, if there is one, with the rebuilt file."""
        if not self.comparison.rebuilt:
            return explained([Difference(place=(), attribute=PRESENCE, original="yes",
                                         rebuilt="no")])  # fmt: skip
        if not self.comparison.differs(DigestSource.FILE):
            return explained(self.digests())
        try:
            original, rebuilt = self._original(), self.rebuilt.read(self.name, limit=LARGEST)
        except VerificationError as error:  # too large to be looked into
            return explained(
                self.digests(),
                remarks=(Problem(message=error.message, values=tuple(error.values.items())),),
            )
        if self.name == SUMS:
            return self._sums(original, rebuilt)
        if self.name.endswith(".json"):
            with contextlib.suppress(VerificationError):
                return data_differences(
                    strict_json(original, name=self.name), strict_json(rebuilt, name=self.name)
                )
        return explained(_first_byte(original, rebuilt))

    def digests(self) -> list[Difference]:
        """Return the recorded digests that differ, for want of an original file that does."""
        rebuilt = self.comparison.rebuilt
        return [
            Difference(
                place=(),
                attribute="sha256",
                original=f"{each.sha256} ({each.side})",
                rebuilt=rebuilt,
            )
            for each in self.comparison.said
            if each.sha256 != rebuilt
        ]

    def _sums(self, original: bytes, rebuilt: bytes) -> Explanation:
        """Compare the lines but those of results that are themselves explained."""
        tables = ({name: digest for name, digest in parse_sums(content).items()
                   if name not in self.others} for content in (original, rebuilt))  # fmt: skip
        return data_differences(*tables)

    def _original(self) -> bytes:
        if self.name == self.originals.manifest_name:
            return self.originals.content
        return self.originals.folder.read(self.name, limit=LARGEST)


def _iso(result: _DifferingResult, engine: Engine, *, image: str, on_event: OnEvent) -> Explanation:
    if not result.comparison.rebuilt:
        return result.explain()
    if result.comparison.differs(DigestSource.FILE):
        try:
            return _in_container(result, engine, image=image, on_event=on_event)
        except Interrupted:
            raise
        except BuilderError as error:  # we know that they differ, and must say so
            why = Problem(
                message="Could not find out what differs in the ISO: {reason}",
                values=(("reason", str(error)),),
            )
    elif result.comparison.has(DigestSource.FILE):
        why = Problem(
            message="The ISO next to the manifest is identical to the rebuild, but its recorded "
            "digest is wrong"
        )
        return explained(result.digests(), remarks=(why,))
    else:
        why = Problem(
            message="The original ISO is not next to the manifest, so only what the manifest "
            "lists can be compared"
        )
    return joined([_contents(result), explained([], remarks=(why,))])


def _contents(result: _DifferingResult) -> Explanation:
    """Compare what both manifests say of the files in the ISO."""
    said = result.originals.described.manifest.contents
    content = result.rebuilt.read(result.originals.manifest_name, limit=LARGEST)
    found = read_manifest(content).contents
    parts = []
    for path in sorted({*said, *found}):
        there, here = said.get(path), found.get(path)
        if there is None or here is None:
            yes_no = ("no", "yes") if there is None else ("yes", "no")
            parts.append(_differs(path, PRESENCE, *yes_no))
        elif there.size != here.size:
            parts.append(_differs(path, SIZE, there.size, here.size))
        elif there != here:
            parts.append(_differs(path, "sha256", there.sha256, here.sha256))
    if parts:
        return explained(parts)
    remark = Problem(
        message="Every file in both ISOs is the same: boot records, directories or dates differ"
    )
    return explained(result.digests(), remarks=(remark,))


def _differs(path: str, attribute: str, original: object, rebuilt: object) -> Difference:
    return Difference(
        place=(path,), attribute=attribute, original=str(original), rebuilt=str(rebuilt)
    )


def _in_container(
    result: _DifferingResult, engine: Engine, *, image: str, on_event: OnEvent
) -> Explanation:
    original = result.originals.folder.path.resolve() / result.name
    rebuilt = result.rebuilt.path.resolve() / result.name
    spec = ContainerSpec(
        image=image,
        job=EXPLAIN,
        request=Nothing(),
        run=new_run(),
        binds=(
            Bind(source=str(original), target=paths.ORIGINAL),
            Bind(source=str(rebuilt), target=paths.REBUILT),
        ),
    )
    found = engine.run(spec, on_event)
    if not found.differences:
        raise HostError(
            "the engine sees identical ISOs at {original} and {rebuilt}",
            hint="Do not use an engine on another machine for this.",
            original=original,
            rebuilt=rebuilt,
        )
    return found


def _first_byte(original: bytes, rebuilt: bytes) -> list[Difference]:
    found = []
    if len(original) != len(rebuilt):
        found.append(
            Difference(
                place=(), attribute=SIZE, original=str(len(original)), rebuilt=str(len(rebuilt))
            )
        )
    shorter = min(len(original), len(rebuilt))
    pairs = zip(original, rebuilt, strict=False)
    offset = next((at for at, (one, other) in enumerate(pairs) if one != other), shorter)
    found.append(
        Difference(
            place=(),
            attribute=CONTENT,
            original=shown_byte(original[offset:]),
            rebuilt=shown_byte(rebuilt[offset:]),
            offset=offset,
        )
    )
    return found
