"""An engine whose containers list what a test says."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from builder.basics.errors import BuilderError, HostError
from builder.border import paths
from builder.border.cache_report import CacheReport
from builder.border.events import OnEvent, StepStarted
from builder.border.iso_contents import BootFile, IsoListed
from builder.border.jobs import FREEZE, INVENTORY, ISO_INVENTORY, SCAN, THAW
from builder.border.requests import Frozen, Listed, Nothing
from builder.formats.inventory import Row, encode_rows
from tests.support.fake_engine import AnySpec, FakeEngine, answering
from tests.support.fake_images import packed


def listing_engine(
    report: CacheReport,
    *,
    trees: Mapping[str, Sequence[Row]] | None = None,
    iso: Sequence[Row] = (),
    live: Mapping[str, Sequence[Row]] | None = None,
    boots: Sequence[BootFile] = (),
    can_freeze: bool = True,
    failure: BuilderError | None = None,
    refusal: HostError | None = None,
    archive: Callable[[bytes], bytes] = lambda whole: whole,
) -> FakeEngine:
    """Return an engine that lists `trees` by a snapshot's selector, and `iso` for every ISO.

    `live` is what the layer above changes, by the name of the folder with the ISO.
    `failure` ends a listing, `refusal` its start; `archive` spoils it on its way.
    """

    def rows(spec: AnySpec) -> Sequence[Row]:
        if spec.job == ISO_INVENTORY:
            return iso
        return (trees or {})[Path(engine.tree_of(spec)).name]

    def above(spec: AnySpec) -> Sequence[Row] | None:
        return (live or {}).get(Path(spec.binds[0].source).parent.name)

    def listed(spec: AnySpec, on_event: OnEvent) -> Listed | IsoListed | BuilderError:
        on_event(StepStarted(step="list", position=1, total=1))
        if failure is not None:
            return failure
        lines = len(rows(spec))
        if spec.job != ISO_INVENTORY:
            return Listed(lines=lines)
        found = above(spec)
        live_lines = None if found is None else len(found)
        return IsoListed(lines=lines, live_lines=live_lines, boots=tuple(boots))

    def fetched(spec: AnySpec, path: Path) -> bytes:
        found = above(spec) if path == paths.LIVE_INVENTORY else rows(spec)
        assert found is not None, "a list was fetched that the container did not make"
        content = "".join(encode_rows(found)).encode("ascii")
        return archive(packed({path.name: content}))

    engine = FakeEngine(
        answers={
            SCAN.name: answering(report),
            FREEZE.name: answering(Frozen(frozen=can_freeze)),
            THAW.name: answering(Nothing()),
            INVENTORY.name: listed,
            ISO_INVENTORY.name: listed,
        },
        refusals={} if refusal is None else {ISO_INVENTORY.name: refusal},
        files={INVENTORY.name: fetched, ISO_INVENTORY.name: fetched},
    )
    return engine
