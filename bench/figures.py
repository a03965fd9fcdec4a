"""What is measured, as values, and the arithmetic on them: medians and ratios."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from builder.border.stored_blocks import BlockCounts

MIB: Final = 1 << 20
_WORDS: Final = {"wall": "time", "processor": "processor time", "written": "bytes written"}
_WRITING: Final = {
    "standard, no block cache": "no block cache",
    "standard warm": "a full block cache",
    "max six packages": "a full block cache, after six packages",
    "standard cold": "an empty block cache, which it fills",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTime:
    """How long a step of a build took, in seconds."""

    name: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRun:
    """One whole run of the program, from its start to its exit."""

    wall: float  # seconds
    processor: float  # seconds of all processors, by the program and its containers
    others: float  # seconds of all processors that anything else took meanwhile
    steps: tuple[StepTime, ...]
    memory: int  # bytes: the most that the containers held at once, without page cache
    limit: int  # bytes that the build container may take; 0: no limit
    written: int  # bytes that the program and its containers gave to disks
    iso: int  # bytes of the ISO
    sha256: str  # of the ISO
    blocks: BlockCounts | None  # how the block cache served

    @property
    def compression(self) -> float:
        """Seconds of the squashfs step."""
        return next(step.seconds for step in self.steps if step.name == "squashfs")

    @property
    def rest(self) -> float:
        """Seconds of everything but the squashfs step."""
        return self.wall - self.compression


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounds:
    """Every run of one kind of build."""

    kind: str
    runs: tuple[BuildRun, ...]

    def middle(self, figure: str) -> float:
        """Return the median of one figure."""
        return float(median(getattr(run, figure) for run in self.runs))

    def ratio(self, figure: str, to: "Rounds") -> float:
        """Return the median of the ratios round by round.

        A machine that is slow in one round is slow for both.
        """
        pairs = zip(self.runs, to.runs, strict=True)
        return float(median(getattr(one, figure) / getattr(other, figure) for one, other in pairs))


@dataclass(frozen=True, slots=True, kw_only=True)
class PackRun:
    """One run of mksquashfs alone."""

    wall: float  # seconds
    processor: float  # seconds of all processors
    size: int  # bytes of the image
    asked: int  # blocks; 0 without a store
    misses: int  # blocks that were compressed
    miss_bytes: int  # their content, before compression


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One way to make an image, and what it cost."""

    name: str
    runs: tuple[PackRun, ...]

    @property
    def size(self) -> int:
        """Bytes of the image, the same in every run."""
        return self.runs[0].size

    @property
    def processor(self) -> float:
        """Median seconds of all processors."""
        return float(median(run.processor for run in self.runs))

    @property
    def wall(self) -> float:
        """Median seconds."""
        return float(median(run.wall for run in self.runs))


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where it was measured, and with what."""

    processor: str
    processors: int
    memory: int  # bytes
    kernel: str
    engine: str
    storage: str
    tools: tuple[str, ...]  # of the builder image, with their versions
    date: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Builds:
    """Every round of every kind of build of one tree."""

    tree: str
    content: int  # bytes in the files of the tree
    machine: Machine
    rounds: tuple[Rounds, ...]
    packs: tuple[Choice, ...] = ()

    def of(self, kind: str) -> Rounds | None:
        """Return the runs of a kind; None where there are none."""
        return next((each for each in self.rounds if each.kind == kind and each.runs), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """Every compression that was tried on one tree."""

    tree: str
    content: int  # bytes in the files of the tree
    machine: Machine
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What changed between two states of a tree, and what each packing made of it."""

    name: str
    changed: int  # bytes of contents that were not there before
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Packing:
    """The study of packings on one tree."""

    tree: str
    content: int  # bytes in the files of the tree
    machine: Machine
    cold: tuple[Choice, ...]
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A figure that has to stay below a bound."""

    figure: str
    bound: float
    measured: float | None  # None: this run did not measure it
    unit: str = ""

    @property
    def is_met(self) -> bool | None:
        """Whether it does; None where it was not measured."""
        return None if self.measured is None else self.measured <= self.bound


def targets(builds: Builds, larger: Builds | None = None) -> list[Target]:
    """Return the bounds of the project with what was measured; `larger` is a tree of 3 GB."""

    def between(figure: str, of: str, to: str) -> float | None:
        above, below = builds.of(of), builds.of(to)
        return None if above is None or below is None else above.ratio(figure, below)

    return [
        Target(figure="`standard`, cold, against the reference: time", bound=0.35,
               measured=between("wall", "standard cold", "reference")),
        Target(figure="`standard`, cold, against the reference: size of the ISO", bound=1.06,
               measured=between("iso", "standard cold", "reference")),
        Target(figure="`max`, warm, nothing changed, against cold: time", bound=0.12,
               measured=between("wall", "max warm", "max cold")),
        Target(figure="`max`, warm, after six packages, against cold: time", bound=0.35,
               measured=between("wall", "max six packages", "max cold")),
        Target(figure="squashfs step, `max`, warm, against mksquashfs without compression",
               bound=2, measured=_against_copying(builds)),
        *([_rest(builds)] if builds.tree == "demo" else []),
        Target(figure="memory of a build", bound=1536, measured=_memory(builds), unit="MiB"),
        *(Target(figure=f"bytes written for each byte of the ISO, {words}", bound=2.5,
                 measured=_written(builds, kind)) for kind, words in _WRITING.items()),
        *([] if larger is None else growth(builds, larger)),
    ]  # fmt: skip


def growth(small: Builds, large: Builds) -> list[Target]:
    """Return how much more each figure is for a byte of the larger tree."""
    found = []
    for kind in ("standard cold", "standard warm"):
        one, other = small.of(kind), large.of(kind)
        for figure, words in _WORDS.items():
            measured = None
            if one and other:
                less, more = (
                    one.middle(figure) / small.content,
                    other.middle(figure) / large.content,
                )
                measured = more / less
            name = f"growth of {words} for each byte, `{kind.replace(' ', '`, ')}"
            found.append(Target(figure=name, bound=1.2, measured=measured))
    return found


def frontier(choices: Sequence[Choice]) -> list[Choice]:
    """Return the choices to which no other one is better in one of size and processor time, and
    at least as good in the other.
    """
    return [one for one in choices if not any(_beats(other, one) for other in choices)]


def _beats(one: Choice, other: Choice) -> bool:
    better = (one.size, one.processor)
    worse = (other.size, other.processor)
    return better != worse and better[0] <= worse[0] and better[1] <= worse[1]


def _against_copying(builds: Builds) -> float | None:
    warm = builds.of("max warm")
    copying = next((each for each in builds.packs if each.name == "uncompressed"), None)
    return warm.middle("compression") / copying.wall if warm and copying else None


def _rest(builds: Builds) -> Target:
    """Return the one target that is no ratio: it is set for the demo tree alone."""
    warm = builds.of("max warm")
    return Target(
        figure="everything that is not compression, `max`, warm",
        bound=12,
        measured=warm.middle("rest") if warm else None,
        unit="s",
    )


def _memory(builds: Builds) -> float | None:
    ours = [run.memory for each in builds.rounds if each.kind != "reference" for run in each.runs]
    return max(ours) / MIB if ours else None


def _written(builds: Builds, kind: str) -> float | None:
    found = builds.of(kind)
    return float(median(run.written / run.iso for run in found.runs)) if found else None
