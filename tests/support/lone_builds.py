"""A build that nobody follows any more, on an engine that is none."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from builder.border.handover import MARK, Artefact
from builder.border.jobs import BUILD, LIST_FROZEN, THAW
from builder.border.labels import (
    LABEL_CACHE,
    LABEL_OUTPUT,
    LABEL_OWNER,
    LABEL_RUN,
    frozen_name,
    volume_name,
)
from builder.border.requests import Built, FrozenNames, Nothing
from builder.formats.identities import ImageIdentity
from builder.host.build.mark import BuildMark
from builder.host.cli import main
from builder.host.command_line.surroundings import Surroundings
from builder.host.engine import State
from builder.host.engine.owner import Owner, ourselves
from builder.host.output.delivery import partial_folder
from tests.support.fake_engine import IMAGE, AnySpec, FakeEngine, answering

RUN = "0123456789abcdef"
OTHER = "fedcba9876543210"
ENDED = replace(ourselves(), started=0)
ELSEWHERE = replace(ourselves(), machine="another", boot="another")


def mark(output: Path, name: str = "Debian-13-xfce") -> BuildMark:
    return BuildMark(
        iso_name=name,
        adds_packages=False,
        output=str(output),
        begun=1_790_000_000,
        image=ImageIdentity(id=IMAGE, locked=True),
    )


def contents(output: Path) -> dict[str, bytes]:
    return {name: f"content of {name}".encode() for name in mark(output).results}


def built(output: Path, *, delivered: bool) -> Built:
    artefacts = tuple(
        Artefact(name=name, size=len(content), sha256=hashlib.sha256(content).hexdigest())
        for name, content in contents(output).items()
    )
    return Built(artefacts=artefacts, delivered=delivered, block_cache=None)


def engine_with(
    output: Path,
    answer: object,
    *,
    owner: Owner = ENDED,
    state: State = State.WORKS,
    cache: str = "",
    fetched: Callable[[AnySpec, Path], bytes] | None = None,
) -> FakeEngine:
    """Return an engine with one build, which ends like that."""
    engine = FakeEngine(
        answers={
            BUILD.name: answer if callable(answer) else answering(answer),
            THAW.name: answering(Nothing()),
            LIST_FROZEN.name: answering(FrozenNames(names=(frozen_name(RUN),))),
        },
        files={} if fetched is None else {BUILD.name: fetched},
    )
    labels = {LABEL_RUN: RUN, LABEL_OWNER: str(owner)}
    engine.containers["c1"] = labels | dict(mark(output).labels)
    engine.states["c1"] = state
    places = {LABEL_OUTPUT: str(output)} | ({LABEL_CACHE: cache} if cache else {})
    engine.keep_volume(volume_name(RUN), labels=labels | places)
    return engine


def started_here(output: Path, *, files: dict[str, bytes] | None = None) -> Path:
    """Leave what a killed process leaves in its output folder, and what a container put there."""
    partial = partial_folder(output, RUN)
    partial.mkdir(parents=True)
    (partial / MARK).write_text("{}")
    for name, content in (files or {}).items():
        (partial / name).write_bytes(content)
    return partial


def around(engine: FakeEngine) -> Surroundings:
    return Surroundings(open_engine=lambda: engine)


def said(
    engine: FakeEngine, capsys: pytest.CaptureFixture[str], *words: object
) -> tuple[int, list[dict[str, object]]]:
    code = main.run([*map(str, words), "--json"], surroundings=around(engine))
    return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def names(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()}


def is_untouched(engine: FakeEngine) -> bool:
    return (set(engine.containers), set(engine.volumes)) == ({"c1"}, {volume_name(RUN)})
