"""An engine that is a fake: it scans, digests and builds as it is told, and remembers each job."""

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

from builder import __version__
from builder.basics.codec import to_data
from builder.basics.errors import BuilderError, HostError
from builder.border.cache_report import CacheReport, Candidate
from builder.border.differences import Explanation
from builder.border.events import Event
from builder.border.labels import LABEL_LOCKED
from builder.border.plan import BuildPlan
from builder.border.requests import TreeInventoryRequest
from builder.formats.identities import TreeName
from builder.formats.snapshot import SnapshotKind
from builder.formats.system_facts import SystemFacts
from builder.host.engine import ContainerSpec
from builder.host.engine.images import ImageFacts
from builder.host.image.builder_image import builder_tag
from tests.support.results import CONTENT, ISO, MANIFEST, SUMS, digest, manifest_data, row

IMAGE = "sha256:" + "0" * 64
TREE = TreeName(digest="sha256:" + "1" * 64, format=1, files=2, bytes=3)
OTHER_TREE = replace(TREE, digest="sha256:" + "2" * 64)
TAKEN = 1_781_706_561
SYSTEM = SystemFacts(
    distro_id="debian",
    distro_name="Debian GNU/Linux",
    pretty_name="Debian GNU/Linux 13 (trixie)",
    version="13",
    architecture="amd64",
    desktop="xfce",
    kernels=("6.12",),
)


def candidate(selector: str, *, taken: int = TAKEN, read_only: bool = True) -> Candidate:
    """Return a tree of the cache."""
    return Candidate(
        selector=selector,
        kind=SnapshotKind.CACHE if selector == "cache" else SnapshotKind.SNAPPER,
        path=f"trees/{selector}",
        taken=taken,
        description="weekly",
        size="",
        read_only=read_only,
        subvolume=True,
        uuid="",
        system=SYSTEM,
    )


def manifest_bytes(**changed: object) -> bytes:
    """Return the manifest of the tiny ISO, as a build without SBOMs would write it."""
    own = {"builder": __version__, "artefacts": [row(ISO, CONTENT)]}
    data = manifest_data(**{**own, **changed})
    return (json.dumps(data, indent=2, sort_keys=True) + "\n").encode()


def results_of(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the files and the sums over them."""
    lines = (f"{digest(content)}  {name}\n" for name, content in sorted(files.items()))
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


class _Images:
    """An engine's images: it finds those that it has, and can do nothing else."""

    def __init__(self, present: Mapping[str, ImageFacts]) -> None:
        self.find = present.get

    def __getattr__(self, name: str) -> Callable[..., object]:
        def refused(*_arguments: object, **_options: object) -> NoReturn:
            message = "No registry and no archive answers"
            raise HostError(message)

        return refused


@dataclass
class FakeEngine:
    """What is in the cache, what a build makes of it, and what an explanation says."""

    candidates: tuple[Candidate, ...] = (candidate("3"),)
    trees: Mapping[str, TreeName | BuilderError] = field(default_factory=lambda: {"3": TREE})
    made: Mapping[str, bytes] | BuilderError = field(default_factory=whole_results)
    explanation: Explanation | BuilderError = field(
        default_factory=lambda: Explanation(differences=())
    )
    present: Mapping[str, ImageFacts] = field(
        default_factory=lambda: {
            builder_tag(locked=True): ImageFacts(id=IMAGE, labels={LABEL_LOCKED: "yes"}, size=1)
        }
    )
    specs: list[ContainerSpec] = field(default_factory=list)

    @property
    def images(self) -> object:
        return _Images(self.present)

    @property
    def jobs(self) -> list[str]:
        """The jobs that were started, in order."""
        return [spec.job for spec in self.specs]

    @property
    def plan(self) -> BuildPlan:
        """What was built."""
        (plan,) = [spec.request for spec in self.specs if isinstance(spec.request, BuildPlan)]
        return plan

    @contextlib.contextmanager
    def started(self, spec: ContainerSpec) -> Iterator[object]:
        self.specs.append(spec)
        doing: dict[str, Callable[[ContainerSpec], Mapping[str, Any]]] = {
            "scan": self._scan,
            "freeze": lambda _spec: {"frozen": True},
            "thaw": lambda _spec: {},
            "digest": self._digest,
            "build": self._build,
            "explain": self._explain,
        }

        def finish(_on_event: Callable[[Event], None]) -> Mapping[str, Any]:
            return doing[spec.job](spec)

        yield SimpleNamespace(finish=finish)

    @contextlib.contextmanager
    def volume(
        self, name: str, *, labels: object, before_removal: Callable[[], None]
    ) -> Iterator[str]:
        assert labels
        try:
            yield name
        finally:
            before_removal()

    def _scan(self, _spec: ContainerSpec) -> Mapping[str, Any]:
        report = CacheReport(
            base=".", filesystem="btrfs", date="", distro="", size="", candidates=self.candidates
        )
        return dict(to_data(report))

    def _digest(self, spec: ContainerSpec) -> Mapping[str, Any]:
        assert isinstance(spec.request, TreeInventoryRequest)
        found = self.trees[spec.request.tree.subvolume.rpartition("/")[2]]
        if isinstance(found, BuilderError):
            raise found
        return dict(to_data(found))

    def _build(self, spec: ContainerSpec) -> Mapping[str, Any]:
        if isinstance(self.made, BuilderError):
            raise self.made
        (folder,) = [bind.source for bind in spec.binds if bind.target == "/delivery"]
        for name, content in self.made.items():
            (Path(folder) / name).write_bytes(content)
        artefacts = [
            {"name": name, "size": len(content), "sha256": digest(content)}
            for name, content in self.made.items()
        ]
        return {"artefacts": artefacts, "delivered": True, "block_cache": None}

    def _explain(self, _spec: ContainerSpec) -> Mapping[str, Any]:
        if isinstance(self.explanation, BuilderError):
            raise self.explanation
        return dict(to_data(self.explanation))


def no_engine() -> BuilderError:
    """Return what is raised where the engine does not see a path of this machine."""
    return HostError("creating the explain container: bind source path does not exist: /x")
