"""What is made in the engine is undone in the right order, whatever goes wrong."""

import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import docker
import pytest

from builder.basics.errors import DefectError, HostError, Interrupted, SourceError, StepError
from builder.basics.signals import interruptible
from builder.border import paths
from builder.border.jobs import LIST_FROZEN, Job, Sight
from builder.border.labels import new_run, volume_name
from builder.border.requests import FrozenNames, Nothing
from builder.formats.identities import ImageIdentity
from builder.host.engine import Bind, ContainerSpec, Engine, Product, RunningJob, podman
from builder.host.engine.connection import DockerEngine
from builder.host.engine.faults import NameTakenError
from builder.host.engine.owner import labels
from tests.conftest import ignore
from tests.support.leftovers import left_by

pytestmark = pytest.mark.container


def fail() -> None:
    raise StepError("The drive is gone")


Listing = Job[Nothing, FrozenNames]
NOTHING_SEEN = replace(LIST_FROZEN, sees=())


def spec(
    image: ImageIdentity, *binds: Bind, job: Listing = NOTHING_SEEN
) -> ContainerSpec[Nothing, FrozenNames]:
    return ContainerSpec(image=image.id, job=job, request=Nothing(), run=new_run(), binds=binds)


def test_a_volume_whose_thaw_failed_stays_for_the_sweep(
    engine: Engine, client: docker.DockerClient
) -> None:
    run = new_run()
    name = volume_name(run)
    volume = engine.volume(name, labels=labels(run, "work"), before_removal=fail)
    with pytest.raises(StepError, match="drive is gone"), volume:
        pass
    assert left_by(client, os.getpid()) == [f"volume {name}"]
    engine.remove_volume(name)
    engine.remove_volume(name)  # gone is fine
    assert left_by(client, os.getpid()) == []


def test_a_container_that_does_not_start_is_removed(
    engine: Engine, client: docker.DockerClient, builder_image: ImageIdentity
) -> None:
    target = Path("/proc/sys")
    job = replace(LIST_FROZEN, sees=(Sight(what="something odd", target=target),))
    odd = spec(builder_image, Bind(source="/etc/hostname", target=target), job=job)
    with pytest.raises(HostError, match="/proc/sys"), engine.started(odd) as running:
        running.finish(ignore)
    assert left_by(client, os.getpid()) == []


def test_the_engine_gives_a_name_only_once_and_takes_it_back(
    engine: Engine, client: docker.DockerClient, builder_image: ImageIdentity
) -> None:
    run = new_run()
    ours = labels(run, "follower")
    with engine.started(spec(builder_image)) as job:
        for _again in range(2):
            with engine.claimed(f"{volume_name(run)}-follower", of=job.id, labels=ours):
                assert len(left_by(client, os.getpid())) == 2
                with (
                    pytest.raises(NameTakenError, match="already in use"),
                    engine.claimed(f"{volume_name(run)}-follower", of=job.id, labels=ours),
                ):
                    pytest.fail("it is taken")
        assert job.finish(ignore) == FrozenNames(names=())
    assert left_by(client, os.getpid()) == []


def test_a_failing_body_removes_the_container_and_keeps_its_error(
    engine: Engine, client: docker.DockerClient, builder_image: ImageIdentity
) -> None:
    def lose(job: RunningJob[FrozenNames]) -> None:
        client.containers.get(job.id).remove(force=True)
        raise SourceError("first")

    with pytest.raises(SourceError, match="first"), engine.started(spec(builder_image)) as job:
        lose(job)
    assert left_by(client, os.getpid()) == []


def test_a_signal_while_a_container_is_made_comes_when_it_can_be_removed(
    client: docker.DockerClient,
    product: Product,
    builder_image: ImageIdentity,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    collection = client.containers
    create: Any = podman.create if product is Product.PODMAN else collection.create

    def interrupted(*words: object, **options: object) -> object:
        os.kill(os.getpid(), signal.SIGTERM)
        return create(*words, **options)

    monkeypatch.setattr(podman, "create", interrupted)
    monkeypatch.setattr(collection, "create", interrupted)
    monkeypatch.setattr(type(client), "containers", collection)
    with interruptible(), pytest.raises(Interrupted):
        with_container(DockerEngine(client, product=product), builder_image)
    assert left_by(client, os.getpid()) == []


def with_container(engine: Engine, image: ImageIdentity) -> None:
    with engine.started(spec(image)):
        pytest.fail("it was started")


def test_an_unknown_job_and_a_defect_inside_are_errors_of_the_step(
    engine: Engine, builder_image: ImageIdentity
) -> None:
    with (
        pytest.raises(StepError, match="no job named nonsense"),
        engine.started(spec(builder_image, job=replace(NOTHING_SEEN, name="nonsense"))) as job,
    ):
        job.finish(ignore)
    with (
        pytest.raises(DefectError, match="Unexpected error") as caught,
        engine.started(spec(builder_image, job=replace(NOTHING_SEEN, name="build"))) as job,
    ):
        job.finish(ignore)
    assert "bug in distroclone-builder" in caught.value.advice
    assert any("Traceback" in line for line in caught.value.output)


def test_a_container_that_needs_more_memory_than_it_may_use_is_told_from_a_killed_one(
    engine: Engine, client: docker.DockerClient, product: Product, builder_image: ImageIdentity
) -> None:
    limits = replace(LIST_FROZEN.limits, memory=6 << 20)  # an interpreter alone takes more
    small = spec(builder_image, job=replace(NOTHING_SEEN, limits=limits))
    # Podman does not always hear of it (conmon, where control groups are of version 1).
    said = "exit code 137|ran out of memory" if product is Product.PODMAN else "ran out of memory"
    with pytest.raises(StepError, match=said), engine.started(small) as job:
        job.finish(ignore)
    assert left_by(client, os.getpid()) == []


def test_the_engine_mounts_read_only_what_it_was_asked_to(
    engine: Engine, client: docker.DockerClient, builder_image: ImageIdentity, tmp_path: Path
) -> None:
    source = tmp_path / "with:colon @2026-06-17_14:30"
    source.mkdir()
    seen = spec(builder_image, Bind(source=str(source), target=paths.CACHE), job=LIST_FROZEN)
    with engine.started(seen) as job:
        (mount,) = client.containers.get(job.id).attrs["Mounts"]
        assert (mount["Source"], mount["RW"]) == (str(source), False)
        assert job.finish(ignore) == FrozenNames(names=())
