"""The same plan, the same bytes: whatever may differ from one build to the next does here.

Every run has a few builds with many variations each; `scripts/test --full` has each variation by
itself, and all of them together. docs/reproducibility.md shows the table.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import docker
import pytest

from builder.formats.identities import ImageIdentity
from tests.conftest import report, unable
from tests.container.conftest import Built
from tests.support.command_line import PROJECT
from tests.support.comparison import difference, first_difference
from tests.support.laboratory import Laboratory
from tests.support.probing import searched
from tests.support.variations import (
    ALL_TOGETHER,
    ALONE,
    BY_NAME,
    HOST_NAME,
    QUICK,
    VARIATIONS,
    varied,
)
from tests.support.varied_build import Trace

pytestmark = pytest.mark.container

BY_THEMSELVES = [each.name for each in VARIATIONS if each.name not in ALONE]
OTHER_PLANS = (
    ("--compression", "zstd,level=2"),
    ("--compression", "zstd,level=3,block=512K"),
)


@pytest.fixture(scope="module")
def laboratory(
    client: docker.DockerClient,
    demo_cache: Path,
    cache: Path,
    base_image: str,
    builder_image: object,
) -> Iterator[Laboratory]:
    """Where the varied builds are made."""
    with ExitStack() as undo:
        yield Laboratory(undo, client=client, image=demo_cache, btrfs=cache, base_image=base_image)


@pytest.fixture(scope="module")
def reference(laboratory: Laboratory) -> Trace:
    """The build that all others are compared with: as the command does it by itself."""
    trace = laboratory.run(laboratory.reference())
    for line in (trace.build.output / "SHA256SUMS").read_text().splitlines():
        report(f"variations are compared with {line}")
    return trace


def check_same(laboratory: Laboratory, reference: Trace, names: tuple[str, ...]) -> Trace:
    """Build with these variations: each of them has to be seen, and no byte may differ."""
    trace = laboratory.run(varied(laboratory.reference(), names, laboratory))
    assert [name for name in names if not BY_NAME[name].is_seen(trace)] == []
    assert difference(reference.build.output, trace.build.output) is None
    return trace


@pytest.mark.parametrize("names", QUICK, ids=" + ".join)
def test_many_variations_at_once_change_no_byte(
    client: docker.DockerClient,
    builder_image: ImageIdentity,
    laboratory: Laboratory,
    reference: Trace,
    names: tuple[str, ...],
) -> None:
    trace = check_same(laboratory, reference, names)
    found = searched(client, builder_image, trace.build.output, private_words(trace))
    assert found["places"] == {}


def private_words(trace: Trace) -> list[str]:
    """What a build knows of its place and time, and must keep to itself."""
    labels = trace.container["Config"]["Labels"]
    moments = (trace.log, trace.container["Created"], datetime.now(UTC).isoformat())
    return [
        HOST_NAME,
        str(trace.build.output),
        str(trace.build.project),
        *(str(word) for word in trace.build.source[1:]),
        *trace.sources.values(),
        labels["distroclone-builder.run"],
        labels["distroclone-builder.owner"],
        trace.container["Id"][:12],
        *(moment[:10] for moment in moments),  # 2026-06-17
        *(re.sub("[-T]", "", moment[:13]) for moment in moments),  # as in an ISO: 2026061714…
    ]


def test_no_variation_is_seen_where_there_is_none(reference: Trace) -> None:
    seen = [each.name for each in VARIATIONS if each.is_seen(reference) and not each.by_itself]
    assert seen == []


def test_another_plan_gives_other_bytes(built: Built, reference: Trace) -> None:
    found = difference(built.folder, reference.build.output)
    assert found is not None
    assert " differs from byte " in found


def test_a_privileged_container_gives_the_same_or_says_why_it_cannot(
    laboratory: Laboratory, reference: Trace
) -> None:
    build = varied(laboratory.reference(), ["privileged"], laboratory)
    ended = laboratory.attempt(build)
    if ended.code == 0:
        check_same(laboratory, reference, ("privileged",))
        return
    unable(f"a privileged container: {ended.error['message']}")
    assert ended.code == 3, ended.errors
    assert "confined" in ended.error["hint"]
    assert [path.suffix for path in build.output.iterdir()] == [".log"]


def test_another_checkout_has_the_same_image_recipe(laboratory: Laboratory) -> None:
    script = (
        "import hashlib; from builder.host.image import resources; "
        "context = resources.builder_context(); print(resources.__file__, context.digest, "
        "hashlib.sha256(context.archive().read()).hexdigest())"
    )
    said: list[list[str]] = []
    for project in (PROJECT, laboratory.checkout):
        argv = [sys.executable, "-P", "-c", script]
        environment = {"PYTHONPATH": str(project), "PYTHONHASHSEED": str(len(said) + 1)}
        done = subprocess.run(argv, env=environment, check=True, capture_output=True, text=True)
        assert done.stdout.startswith(str(project))
        said.append(done.stdout.split()[-2:])
    assert said[0] == said[1]


@pytest.mark.full
@pytest.mark.parametrize("name", BY_THEMSELVES)
def test_a_variation_by_itself_changes_no_byte(
    laboratory: Laboratory, reference: Trace, name: str
) -> None:
    check_same(laboratory, reference, (name,))


@pytest.mark.full
@pytest.mark.parametrize("names", ALL_TOGETHER, ids=lambda names: names[0])
def test_all_variations_together_change_no_byte(
    laboratory: Laboratory, reference: Trace, names: tuple[str, ...]
) -> None:
    check_same(laboratory, reference, names)


@pytest.mark.full
@pytest.mark.parametrize("flags", OTHER_PLANS, ids=" ".join)
def test_other_settings_give_another_iso(
    laboratory: Laboratory, reference: Trace, flags: tuple[str, ...]
) -> None:
    build = laboratory.reference()
    trace = laboratory.run(replace(build, flags=(*build.flags, *flags)))
    one, other = ([*each.build.output.glob("*.iso")] for each in (reference, trace))
    assert first_difference(one[0], other[0]) is not None
    assert difference(reference.build.output, trace.build.output) is not None
