"""`scripts/bench`: measure, write JSON and plots, and render the pages that show them."""

import argparse
import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import docker

from bench import pages, plans
from bench.build import has_option, run_build
from bench.cache import ensure_cache
from bench.figures import (
    BuildRun,
    Builds,
    Change,
    Choice,
    Machine,
    Packing,
    PackRun,
    Rounds,
    Sweep,
)
from bench.machine import this_machine
from bench.pack import Pack, changed, pack
from builder.basics.codec import to_data
from builder.basics.errors import BuilderError
from builder.basics.signals import interruptible
from builder.host.display import choose_display, render_failure
from builder.host.engine import connect
from builder.host.image.base_image import ensure_base
from fixtures.demo import builder_image

PROJECT: Final = Path(__file__).parent.parent
TREES: Final = PROJECT / ".bench"


class Bench:
    """The engine, the builder image and the trees that everything is measured with."""

    def __init__(self, client: docker.DockerClient, trees: Path, work: Path) -> None:
        self.client = client
        self.work = work
        self._trees = trees
        with choose_display(json=False) as display, contextlib.closing(connect()) as engine:
            self.builder = builder_image(engine, tell=display.event).id
            self._base = ensure_base(engine, on_event=display.event).id

    def image(self, tree: str) -> Path:
        """Return the cache image that holds a tree; made when it is missing."""
        image = ensure_cache(
            self.client, base_image=self._base, folder=self._trees, kind=plans.image_of(tree)
        )
        with image.open("rb") as stream:  # so that nobody pays for the first reading
            while stream.read(1 << 24):
                pass
        return image

    def builds(self, tree: str, rounds: int) -> Builds:
        """Run every kind of build in turn, so many rounds."""
        image = self.image(tree)
        kinds = plans.builds_of(tree, can_stage=has_option("--staging"))
        runs: dict[str, list[BuildRun]] = {kind.name: [] for kind in kinds}
        content, tools = 0, {}
        copying: list[PackRun] = []
        for turn in range(rounds):
            for kind in kinds:
                run, manifest = run_build(kind, client=self.client, image=image, work=self.work)
                runs[kind.name].append(run)
                tools = manifest["tools"]
                if kind.name == "standard cold":
                    content = manifest["source"]["bytes"]
                _tell(f"round {turn + 1}: {kind.name}: {run.wall:.1f} s, squashfs "
                      f"{run.compression:.1f} s, {run.memory >> 20} MiB")  # fmt: skip
            if tree != "large":
                copying += pack(self.client, self.builder, image, [plans.copying()])
        return Builds(
            tree=tree,
            content=content,
            machine=this_machine(self.client, tools),
            rounds=tuple(Rounds(kind=kind, runs=tuple(each)) for kind, each in runs.items()),
            packs=(Choice(name="uncompressed", runs=tuple(copying)),) if copying else (),
        )

    def sweep(self, tree: str, rounds: int, known: Sweep | None) -> Iterator[Sweep]:
        """Try every compression without a store, and yield what is known after each.

        It takes an hour; what an interrupted sweep found on the same tree and machine is kept.
        """
        image = self.image(tree)
        content, machine = self._content(image), self._machine()
        found: dict[str, Choice] = {}
        if known is not None and (known.content, known.machine) == (content, machine):
            found = {each.name: each for each in known.choices}
        for name in plans.SWEEP:
            if name not in found:
                asked = [Pack(state=plans.INSTALLED, compression=name)] * rounds
                runs = tuple(pack(self.client, self.builder, image, asked))
                found[name] = Choice(name=name, runs=runs)
                _tell(f"{name}: {runs[0].processor:.1f} s, {runs[0].size / 1e6:.1f} MB")
            yield Sweep(tree=tree, content=content, machine=machine, choices=tuple(found.values()))

    def packing(self, tree: str) -> Packing:
        """Make every state with every packing, the first one cold and the others warm."""
        image = self.image(tree)
        states = [plans.INSTALLED, *(state for _name, state in plans.CHANGES)]
        found: list[list[Choice]] = []
        for position, (name, how, options, grouped) in enumerate(plans.packings()):
            packs = [Pack(state=state, compression=how, store=f"store-{position}",
                          grouped=grouped, options=options) for state in states]  # fmt: skip
            runs = pack(self.client, self.builder, image, packs)
            found.append([Choice(name=name, runs=(run,)) for run in runs])
            _tell(f"{name}: done")
        pairs = [(plans.INSTALLED, state) for _name, state in plans.CHANGES]
        counts = list(changed(self.client, self.builder, image, pairs))
        return Packing(
            tree=tree,
            content=counts[-1]["bytes"],
            machine=self._machine(),
            cold=tuple(row[0] for row in found),
            changes=tuple(
                Change(name=name, changed=counts[at]["changed"],
                       choices=tuple(row[at + 1] for row in found))
                for at, (name, _state) in enumerate(plans.CHANGES)
            ),
        )  # fmt: skip

    def _content(self, image: Path) -> int:
        same = (plans.INSTALLED, plans.INSTALLED)
        return next(changed(self.client, self.builder, image, [same]))["bytes"]

    def _machine(self) -> Machine:
        argv = ["dpkg-query", "-W", "-f", "${Package}\t${Version}\n"]
        output = self.client.containers.run(
            self.builder, argv[1:], entrypoint=argv[0], remove=True, network_mode="none"
        )
        tools = dict(line.split("\t") for line in output.decode().splitlines())
        return this_machine(self.client, tools)


def main() -> int:
    """Run the benchmark and return its exit code."""
    arguments = _parser().parse_args()
    results: Path = pages.RESULTS if arguments.docs else TREES / "results"
    results.mkdir(parents=True, exist_ok=True)
    if arguments.what == "render":
        pages.render(pages.RESULTS)
        return 0
    if os.geteuid() != 0:
        sys.exit("bench: must run as root on the engine's machine: it reads the kernel's counts")
    try:
        with interruptible(), ExitStack() as stack:
            client = stack.enter_context(contextlib.closing(docker.from_env(timeout=600)))
            TREES.mkdir(exist_ok=True)
            work = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=TREES)))
            bench = Bench(client, TREES, work)
            for name, value in _measured(bench, arguments, results):
                target = results / f"{name}.json"
                target.write_text(json.dumps(to_data(value), indent=1) + "\n", "utf-8")
                _tell(f"wrote {target}")
    except BuilderError as error:
        sys.stderr.write(render_failure(error) + "\n")
        return int(error.exit_code)
    sys.stdout.write(pages.render(results))
    return 0


def _measured(
    bench: Bench, arguments: argparse.Namespace, results: Path
) -> Iterator[tuple[str, object]]:
    for tree in arguments.tree or ["demo"]:
        match arguments.what:
            case "builds":
                yield f"builds-{tree}", bench.builds(tree, arguments.rounds)
            case "sweep":
                name = f"sweep-{tree}"
                known = pages.load(Sweep, results / f"{name}.json")
                for found in bench.sweep(tree, arguments.rounds, known):
                    yield name, found
            case _:
                yield f"packing-{tree}", bench.packing(tree)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument(
        "what", nargs="?", default="builds", choices=("builds", "sweep", "packing", "render"),
        help="whole builds against the reference and warm (default), every compression, every "
        "packing, or nothing but the pages",
    )  # fmt: skip
    parser.add_argument(
        "--tree", action="append", choices=plans.TREES,
        help="0.3 GB, 1.8 GB or 3.4 GB; may be given more than once [default: demo]",
    )  # fmt: skip
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="[default: 3]")
    parser.add_argument("--docs", action="store_true", help="keep the results in docs/performance")
    return parser


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
