"""One whole run of the program, watched from outside."""

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bench.figures import BuildRun, StepTime
from bench.usage import Usage, busy, watched
from builder.basics.codec import from_data
from builder.border.stored_blocks import BlockCounts

if TYPE_CHECKING:
    import docker

_PROGRAM: Final = (sys.executable, "-c", "from builder.host.cli.main import main; main()")


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildKind:
    """What is built, and what it finds: `store` names a block cache that is kept between runs."""

    name: str
    selector: str
    compression: str
    store: str | None = None  # None: without a block cache
    fresh: bool = False  # the store is emptied first
    options: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class _Told:
    """What the program said of itself."""

    steps: list[StepTime] = field(default_factory=list)
    result: Mapping[str, Any] = field(default_factory=dict)

    def read(self, line: str) -> None:
        event = json.loads(line)
        if event["event"] == "step-finished":
            self.steps.append(StepTime(name=event["step"], seconds=event["seconds"]))
        elif event["event"] == "result":
            self.result = event["data"]


def run_build(
    kind: BuildKind, *, client: "docker.DockerClient", image: Path, work: Path
) -> tuple[BuildRun, Mapping[str, Any]]:
    """Build, and return what it cost and the manifest; the results are removed."""
    output = work / "output"
    shutil.rmtree(output, ignore_errors=True)
    argv = [*_PROGRAM, "build", kind.selector, "--json", "--cache-image", os.fspath(image),
            "--output", os.fspath(output), "--compression", kind.compression,
            *_store_options(kind, work), *kind.options]  # fmt: skip
    told = _Told()
    children = _children()
    everybody, start = busy(), time.monotonic()
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        with watched(client, process.pid) as usage:
            for line in process.stdout:
                told.read(line)
    wall = time.monotonic() - start
    if process.returncode != 0:
        sys.exit(f"bench: {kind.name} failed with exit code {process.returncode}")
    processor = usage.processor + _children() - children
    others = max(busy() - everybody - processor, 0.0)
    manifest = json.loads(next(output.glob("*.manifest.json")).read_text("utf-8"))
    shutil.rmtree(output)
    return _run(told, usage, wall=wall, processor=processor, others=others), manifest


def has_option(name: str) -> bool:
    """Whether the program's `build` knows an option."""
    text = subprocess.run(
        [*_PROGRAM, "build", "--help"], capture_output=True, text=True, check=True
    )
    return name in text.stdout


def _run(told: _Told, usage: Usage, *, wall: float, processor: float, others: float) -> BuildRun:
    iso = next(each for each in told.result["artefacts"] if each["name"].endswith(".iso"))
    blocks = told.result["block_cache"]
    return BuildRun(
        wall=round(wall, 2),
        processor=round(processor, 2),
        others=round(others, 2),
        steps=tuple(told.steps),
        memory=usage.memory,
        limit=usage.limit,
        written=usage.written,
        iso=iso["size"],
        sha256=iso["sha256"],
        blocks=None if blocks is None else from_data(BlockCounts, blocks),
    )


def _store_options(kind: BuildKind, work: Path) -> Sequence[str]:
    if kind.store is None:
        return ("--no-block-cache",)
    folder = work / f"blocks-{kind.store}"
    if kind.fresh:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(exist_ok=True)
    return ("--block-cache", os.fspath(folder))


def _children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
