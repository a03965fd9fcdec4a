"""An engine whose containers list what a test says; all else about it is a fake."""

import contextlib
import io
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from builder.basics.codec import to_data
from builder.basics.errors import BuilderError
from builder.border.cache_report import CacheReport, Candidate
from builder.border.events import Event, StepStarted
from builder.border.requests import TreeInventoryRequest
from builder.formats.inventory import Row, encode_rows
from builder.formats.snapshot import SnapshotKind
from builder.formats.system_facts import SystemFacts
from builder.host.engine import ContainerSpec
from builder.host.engine.images import ImageFacts

SYSTEM = SystemFacts(
    distro_id="debian",
    distro_name="Debian GNU/Linux",
    pretty_name="Debian GNU/Linux 13 (trixie)",
    version="13",
    architecture="amd64",
    desktop="console",
    kernels=("6.12.48+deb13-amd64",),
)


def candidate(selector: str, **changed: Any) -> Candidate:
    fields: dict[str, Any] = {
        "selector": selector,
        "kind": SnapshotKind.CACHE if selector == "cache" else SnapshotKind.SNAPPER,
        "path": f"trees/{selector}",
        "taken": 1_781_706_561,
        "description": "",
        "size": "",
        "read_only": selector != "cache",
        "subvolume": True,
        "uuid": "u",
        "system": SYSTEM,
    }
    return Candidate(**fields | changed)


def cache_report(*candidates: Candidate) -> CacheReport:
    return CacheReport(
        base="SysLinuxOS_backup",
        filesystem="btrfs",
        date="",
        distro="",
        size="",
        candidates=(*candidates, candidate("cache")),
    )


@dataclass
class ListingEngine:
    """Lists `trees` by a snapshot's selector, and `iso` for every ISO; `failure` ends a listing."""

    report: CacheReport
    trees: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    iso: Sequence[Row] = ()
    can_freeze: bool = True
    failure: BuilderError | None = None
    archive: Callable[[bytes], bytes] = lambda whole: whole
    specs: list[ContainerSpec] = field(default_factory=list)
    volumes: list[str] = field(default_factory=list)

    @property
    def images(self) -> object:
        facts = ImageFacts(id="sha256:1", labels={}, size=1)
        return SimpleNamespace(find=lambda _tag: facts)

    @property
    def jobs(self) -> list[str]:
        """The jobs that were run, in order."""
        return [spec.job for spec in self.specs]

    @contextlib.contextmanager
    def volume(
        self, name: str, *, labels: Mapping[str, str], before_removal: Callable[[], None]
    ) -> Iterator[str]:
        assert labels["distroclone-builder.cache"]
        self.volumes.append(name)
        yield name
        before_removal()
        self.volumes.remove(name)

    @contextlib.contextmanager
    def started(self, spec: ContainerSpec) -> Iterator[object]:
        self.specs.append(spec)

        def finish(on_event: Callable[[Event], None]) -> Mapping[str, Any]:
            return self._finish(spec, on_event)

        def fetch(_path: str) -> Iterator[bytes]:
            yield self.archive(_packed(self._rows(spec)))

        yield SimpleNamespace(finish=finish, fetch=fetch)

    def _finish(self, spec: ContainerSpec, on_event: Callable[[Event], None]) -> Mapping[str, Any]:
        if spec.job == "scan":
            return dict(to_data(self.report))
        if spec.job == "freeze":
            return {"frozen": self.can_freeze}
        if spec.job != "thaw":
            on_event(StepStarted(step="list", position=1, total=1))
            if self.failure is not None:
                raise self.failure
        return {}

    def _rows(self, spec: ContainerSpec) -> Sequence[Row]:
        if spec.job == "iso-inventory":
            return self.iso
        assert isinstance(spec.request, TreeInventoryRequest)
        selector = spec.request.tree.subvolume.rpartition("/")[2]
        return self.trees[selector]


def _packed(rows: Sequence[Row]) -> bytes:
    content = "".join(encode_rows(rows)).encode("ascii")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo("inventory.jsonl")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
