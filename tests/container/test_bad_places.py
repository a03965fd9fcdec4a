"""Output folders, work volumes and engines that cannot be used, each with what to do about it."""

import fcntl
import mmap
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import docker
import pytest

from builder.basics.codec import from_data
from builder.basics.errors import BuilderError, HostError, StepError
from builder.border.events import Event, Note, StepStarted
from builder.border.handover import Artefact
from builder.border.jobs import Request, Result
from builder.formats.identities import ImageIdentity
from builder.host.build import session
from builder.host.config.build_config import Overrides, load_config
from builder.host.engine import Bind, ContainerSpec, Engine, Product
from builder.host.engine.connection import DockerEngine
from builder.host.engine.container import DockerJob
from tests.container.conftest import Built
from tests.support.caches import frozen, small_tmpfs
from tests.support.command_line import PROJECT, Ended, others_can_enter, run, running
from tests.support.containers import SOCKET, paused
from tests.support.leftovers import container_of, left_by
from tests.support.trees import put

pytestmark = pytest.mark.container


def test_a_file_in_the_place_of_the_output_folder_is_named(
    demo_cache: Path, builder_image: ImageIdentity, tmp_path: Path
) -> None:
    path = put(tmp_path, "output", "precious")
    for output in (path, path / "below"):
        ended = run("build", "--cache-image", demo_cache, "--output", output)
        assert ended.code == 3
        assert str(output) in ended.error["message"]
        assert "--output" in ended.error["hint"]
    assert path.read_text() == "precious"


def test_a_folder_in_the_place_of_a_result_is_found_before_any_work(
    demo_cache: Path, builder_image: ImageIdentity, tmp_path: Path
) -> None:
    for name in ("Debian-13-console.manifest.json", "Debian-13-console.log", "SHA256SUMS"):
        output = tmp_path / name / "output"
        (output / name).mkdir(parents=True)
        ended = run("build", "--cache-image", demo_cache, "--output", output)
        assert ended.code == 3, ended.errors
        assert name in ended.error["message"]
        assert not any(event["event"] == "step-started" for event in ended.events)


def test_one_output_folder_takes_one_build_at_a_time(demo_cache: Path, tmp_path: Path) -> None:
    output, file = tmp_path / "output", put(tmp_path, "file", "")
    output.mkdir()
    other, usual = timed(demo_cache, file)  # how long this machine takes to refuse anything
    assert (other.code, str(file) in other.error["message"]) == (3, True)
    descriptor = os.open(output, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        ended, seconds = timed(demo_cache, output)
    finally:
        os.close(descriptor)
    assert seconds < 2 * usual + 5
    assert ended.code == 3
    assert ended.error["message"] == f"Another build is writing to {output}"
    assert not any(event["event"] == "step-started" for event in ended.events)
    assert list(output.iterdir()) == []


def timed(demo_cache: Path, output: Path) -> tuple[Ended, float]:
    """Ask for a build that is refused; return its end, and how many seconds that took."""
    before = time.monotonic()
    ended = run("build", "--cache-image", demo_cache, "--output", output)
    return ended, time.monotonic() - before


def test_a_second_build_into_a_busy_folder_leaves_the_first_alone(
    client: docker.DockerClient, demo_cache: Path, builder_image: ImageIdentity, tmp_path: Path
) -> None:
    words = ("build", "--cache-image", demo_cache, "--output", tmp_path, "--compression", "fast")
    with running(*words) as first:
        first.wait_for_step("check")
        with paused(container_of(client, first.process.pid, "build")):
            second = run(*words)
        assert second.code == 3
        assert second.error["message"] == f"Another build is writing to {tmp_path}"
        assert left_by(client, second.process) == []
        first.wait_for_step("stage")


def test_a_user_of_the_engines_group_needs_no_root(
    client: docker.DockerClient, own_cache: Path, builder_image: ImageIdentity
) -> None:
    own_cache.chmod(0o700)  # only the engine may read it
    group = SOCKET.stat().st_gid
    with tempfile.TemporaryDirectory(prefix="home-") as name:
        home = Path(name)
        os.chown(home, 65534, 65534)
        prefix = ["setpriv", "--reuid=65534", "--regid=65534", f"--groups={group}"]
        if not others_can_enter(PROJECT, Path(sys.executable).resolve()):
            prefix += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
        environment = {"HOME": name, "PYTHONDONTWRITEBYTECODE": "1"}
        ended = run("build", "2", "--cache", own_cache, "--output", home / "iso", "--dry-run",
                    prefix=prefix, environment=environment)  # fmt: skip
        assert ended.data["plan"]["candidate"]["selector"] == "2"
        locked = home / "locked"
        locked.mkdir(mode=0o755)
        refused = run("build", "2", "--cache", own_cache, "--output", locked, prefix=prefix,
                      environment=environment)  # fmt: skip
    assert refused.code == 3
    assert "cannot write" in refused.error["message"]
    assert left_by(client, ended.process) == []
    assert frozen(own_cache) == []


def test_an_output_folder_that_is_too_small_gets_nothing(
    client: docker.DockerClient, demo_cache: Path, builder_image: ImageIdentity
) -> None:
    with small_tmpfs("64m") as output:
        ended = run("build", "--cache-image", demo_cache, "--output", output,
                    "--compression", "fast")  # fmt: skip
        assert ended.code == 3, ended.errors
        assert f"The output folder {output} has" in ended.error["message"]
        assert "--output" in ended.error["hint"]
        finished = [each["step"] for each in ended.events if each["event"] == "step-finished"]
        assert finished == []  # before any long work
        assert [path.suffix for path in output.iterdir()] == [".log"]
    assert left_by(client, ended.process) == []


class SmallEngine(DockerEngine):
    """An engine whose work volumes hold so much and no more."""

    size = 100 << 20  # bytes

    @contextmanager
    def volume(
        self,
        name: str,
        *,
        labels: Mapping[str, str],
        before_removal: Callable[[], None] = lambda: None,  # noqa: ARG002 - nothing is frozen here
    ) -> Iterator[str]:
        # Not `size=`, by which Podman asks for a quota.
        blocks = self.size // mmap.PAGESIZE
        options = {"type": "tmpfs", "device": "tmpfs", "o": f"nr_blocks={blocks}"}
        self._client.volumes.create(name, driver="local", driver_opts=options, labels=dict(labels))
        try:
            yield name
        finally:
            self.remove_volume(name)


def build_here(
    engine: Engine, cache: Path, output: Path, on_event: Callable[[Event], None]
) -> BuilderError:
    """Build in this process and return the error that it ends with."""
    overrides = Overrides(
        cache_image=cache,
        output=output,
        compression="fast",
        no_block_cache=True,  # so that each step takes a while: what is kept would be there at once
    )
    with pytest.raises(BuilderError) as caught:
        session.build(load_config(None, overrides), engine, on_event=on_event)
    assert [path.suffix for path in output.iterdir()] == [".log"]
    return caught.value


def test_too_little_room_for_the_work_is_found_before_it_starts(
    client: docker.DockerClient,
    product: Product,
    demo_cache: Path,
    builder_image: ImageIdentity,
    tmp_path: Path,
) -> None:
    events: list[Event] = []
    error = build_here(SmallEngine(client, product=product), demo_cache, tmp_path, events.append)
    assert isinstance(error, HostError)
    assert "MiB free; about" in str(error)
    assert "Free space" in error.advice
    assert [each.step for each in events if isinstance(each, StepStarted)] == ["check"]
    assert left_by(client, os.getpid()) == []


def test_a_work_volume_that_fills_up_midway_is_an_error_with_a_hint(
    client: docker.DockerClient,
    product: Product,
    demo_cache: Path,
    builder_image: ImageIdentity,
    tmp_path: Path,
) -> None:
    engine = SmallEngine(client, product=product)
    engine.size = 1 << 30  # of the memory that the container may use

    def fill(event: Event) -> None:
        if isinstance(event, StepStarted) and event.step == "initramfs":
            container = container_of(client, os.getpid(), "build")
            assert container is not None
            container.pause()  # a busy machine would have begun the next step meanwhile
            work = Path(f"/proc/{container.attrs['State']['Pid']}/root/work")
            with (work / "filler").open("wb") as filler:
                free = os.statvfs(work).f_bavail * os.statvfs(work).f_frsize
                os.posix_fallocate(filler.fileno(), 0, free - (150 << 20))
            container.unpause()

    error = build_here(engine, demo_cache, tmp_path, fill)
    assert isinstance(error, StepError)
    assert "Free s" in error.advice
    assert error.command[0] == "mksquashfs"
    assert "No space left" in " ".join(error.output)
    assert left_by(client, os.getpid()) == []


class FarEngine(DockerEngine):
    """An engine that has something else, or nothing, where our output folder is."""

    place = Path("/nowhere/at/all")

    @contextmanager
    def started(self, spec: ContainerSpec[Request, Result]) -> Iterator[DockerJob[Result]]:
        def there(bind: Bind) -> Bind:
            return replace(bind, source=f"{self.place}/{Path(bind.source).name}")

        binds = tuple(each if each.read_only else there(each) for each in spec.binds)
        with super().started(replace(spec, binds=binds)) as job:
            yield job


@pytest.fixture(params=["nowhere", pytest.param("somewhere else", marks=pytest.mark.full)])
def far_engine(
    request: pytest.FixtureRequest, client: docker.DockerClient, product: Product, tmp_path: Path
) -> FarEngine:
    """An engine that writes elsewhere, if anywhere."""
    engine = FarEngine(client, product=product)
    if request.param == "somewhere else":
        engine.place = tmp_path
    return engine


def test_an_engine_that_does_not_see_the_output_folder_gives_the_same_results_as_a_stream(
    client: docker.DockerClient,
    far_engine: FarEngine,
    built: Built,
    demo_cache: Path,
    tmp_path: Path,
) -> None:
    events: list[Event] = []
    output = tmp_path / "output"
    overrides = Overrides(cache_image=demo_cache, output=output, compression="fast")

    def also_there(event: Event) -> None:
        events.append(event)
        for partial in output.glob("*.partial"):
            (tmp_path / partial.name).mkdir(exist_ok=True)

    outcome = session.build(load_config(None, overrides), far_engine, on_event=also_there)
    assert outcome.sums == {each.name: each for each in built_artefacts(built)}["SHA256SUMS"]
    steps = [each.step for each in events if isinstance(each, StepStarted)]
    assert steps[-2:] == ["fetch", "deliver"]
    notes = [each.message for each in events if isinstance(each, Note)]
    assert any("copied out of the container" in note for note in notes)
    assert left_by(client, os.getpid()) == []


def built_artefacts(built: Built) -> list[Artefact]:
    return [from_data(Artefact, each) for each in built.ended.data["artefacts"]]


def fill(output: Path, *, spared: int) -> None:
    space = os.statvfs(output)
    with (output / "filler").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, space.f_bavail * space.f_frsize - spared)


def test_a_log_that_finds_the_disk_full_ends_the_build(
    client: docker.DockerClient, demo_cache: Path, builder_image: ImageIdentity
) -> None:
    with small_tmpfs("1g") as output:
        with running("build", "--cache-image", demo_cache, "--output", output) as build:
            build.wait_for_step("configure")
            fill(output, spared=0)
            ended = build.end()
        assert ended.code == 3, ended.errors
        assert "log" in ended.error["message"]
        assert "No space left" in ended.error["message"]
    assert left_by(client, ended.process) == []


def test_an_output_folder_that_fills_up_midway_is_named(
    client: docker.DockerClient, demo_cache: Path, builder_image: ImageIdentity
) -> None:
    with small_tmpfs("1g") as output:
        words = ("build", "--cache-image", demo_cache, "--output", output, "--compression", "fast")
        with running(*words) as build:
            build.wait_for_step("configure")
            fill(output, spared=100 << 20)
            ended = build.end()
        assert ended.code == 3, ended.errors
        assert ended.error["message"] == f"The output folder {output} is full"
        assert "--output" in ended.error["hint"]
        assert ended.error["command"][0] == "xorriso"
        assert sorted(path.suffix for path in output.iterdir()) == ["", ".log"]
    assert left_by(client, ended.process) == []
