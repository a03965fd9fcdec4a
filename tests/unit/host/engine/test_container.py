"""What the engine is asked for is what the job's row says; and a job that goes on is ended."""

import contextlib
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import docker
import pytest

import builder
from builder.basics.errors import Interrupted, StepError
from builder.border import paths
from builder.border.events import Event, Failed, Result, ToolOutput, encode
from builder.border.jobs import BACKUP, BUILD, JOBS, LIST_FROZEN, SCAN, Job
from builder.border.labels import LABEL_ROLE, LABEL_RUN
from builder.border.plan import Isolation
from builder.border.requests import FrozenNames
from builder.host.engine import Bind, Product
from builder.host.engine.connection import security_options
from builder.host.engine.container import DockerJob, container_options
from builder.host.engine.following import Line
from builder.host.engine.images import never_started
from builder.host.engine.podman import specification
from tests.support.fake_engine import FakeEngine
from tests.support.specs import RUN, spec_for, title

every_row = pytest.mark.parametrize("job", JOBS, ids=title)


@every_row
def test_a_container_asks_for_what_its_row_says_and_nothing_else(job: Job[Any, Any]) -> None:
    spec = spec_for(job)
    options = container_options(spec, security_options=["apparmor=unconfined"])
    mounts, labels = options.pop("mounts"), options.pop("labels")
    log = options.pop("log_config")
    devices = [f"{each}:{each}:rwm" for each in spec.devices]
    loops = ["/dev/loop-control:/dev/loop-control:rwm"] if job.loop_devices else []
    rules = {"device_cgroup_rules": ["b 7:* rmw"]} if job.loop_devices else {}
    network = {} if job.network else {"network_mode": "none"}
    assert options == rules | network | {
        "cap_drop": ["ALL"],
        "cap_add": [*job.capabilities],
        "security_opt": ["no-new-privileges", "label=disable", "apparmor=unconfined"],
        "privileged": False,
        "userns_mode": "host",
        "network_disabled": not job.network,
        "mem_limit": job.limits.memory,
        "memswap_limit": job.limits.memory,  # so there is no swap
        "pids_limit": job.limits.processes,
        "cpu_shares": job.limits.processor,
        "devices": [*devices, *loops],
        "hostname": "distroclone-builder",
    }
    assert (labels[LABEL_RUN], labels[LABEL_ROLE]) == (RUN, job.name)
    assert log == {  # where all that it prints can be read again
        "Type": "json-file",
        "Config": {"max-size": "4g", "max-file": "2", "mode": "blocking"},
    }
    assert {(each["Target"], not each["ReadOnly"]) for each in mounts} == {
        (str(each.target), each.writable)
        for each in job.sees
        if str(each.target) not in spec.devices
    }
    for each in mounts:
        if each["Type"] == "bind":
            assert each["BindOptions"] == {"Propagation": "rprivate"}
            assert each["Source"] in [bind.source for bind in spec.binds]


@every_row
def test_the_walls_of_an_engine_let_through_what_a_job_needs_and_no_more(
    job: Job[Any, Any],
) -> None:
    def asked(
        *modules: str, rootless: bool = False, product: Product = Product.DOCKER
    ) -> list[str]:
        facts = replace(
            FakeEngine().facts(),
            product=product,
            security=tuple(f"name={each}" for each in modules),
            rootless=rootless,
        )
        return security_options(job, facts)

    mounts = "SYS_ADMIN" in job.capabilities
    assert asked() == asked("seccomp,profile=default", "cgroupns") == []
    assert asked("apparmor") == (["apparmor=unconfined"] if mounts else [])
    assert asked("selinux") == asked(product=Product.PODMAN) == asked(rootless=True) == []
    assert asked(rootless=True, product=Product.PODMAN) == ["unmask=ALL"]


@every_row
def test_no_container_has_a_label_of_selinux(job: Job[Any, Any]) -> None:
    for isolation in Isolation:
        spec = replace(spec_for(job), isolation=isolation)
        options = container_options(spec, security_options=[])
        assert "label=disable" in options["security_opt"]
        assert specification("image", [job.name], **options)["selinux_opts"] == ["disable"]


def test_nor_has_one_that_is_never_started() -> None:
    client = docker.DockerClient(base_url="http://engine:1", version="1.41")
    with contextlib.closing(client), mock.patch.object(client.api, "_post_json") as post:
        post.return_value.json.return_value = {"Id": "7"}
        post.return_value.status_code = 201
        assert never_started(client, "image", labels={"a": "b"}, name="c") == "7"
    (_url,), sent = post.call_args
    assert sent["data"]["HostConfig"]["SecurityOpt"] == ["label=disable"]
    assert (sent["data"]["Labels"], sent["params"]) == ({"a": "b"}, {"name": "c"})


def test_containers_are_created_where_that_is_seen_to_and_nowhere_else() -> None:
    """A new place to create one has to ask for it as well, and is then named here."""
    code = Path(builder.__file__).parent
    made = re.compile(r"\bcontainers\.(create|run)\b|\bcreate_container\(|/containers/create")
    found = {
        (str(path.relative_to(code)), words.group())
        for path in code.rglob("*.py")
        for line in path.read_text().splitlines()
        if (words := made.search(line)) and not line.lstrip().startswith(("#", '"""'))
    }
    assert found == {
        ("host/engine/container.py", "containers.create"),
        ("host/engine/images.py", "create_container("),
        ("host/engine/podman.py", "/containers/create"),
    }


def test_a_folder_that_is_bound_alone_shows_nothing_that_is_mounted_in_it() -> None:
    """Docker refuses a private mount of the root, in which its own data is."""
    spec = spec_for(SCAN)
    (bind,) = spec.binds
    spec = replace(spec, binds=(replace(bind, alone=True, source="/"),))
    (mount,) = container_options(spec, security_options=[])["mounts"]
    assert (mount["Source"], mount["ReadOnly"]) == ("/", True)
    assert mount["BindOptions"] == {"NonRecursive": True}


def test_what_is_mounted_in_a_system_can_be_bound_at_its_place_but_never_to_be_changed() -> None:
    spec = spec_for(BACKUP)
    boot = Bind(source="/boot", target=paths.SOURCE / "boot", alone=True)
    assert replace(spec, binds=(*spec.binds, boot)).binds[-1] == boot
    with pytest.raises(ValueError, match="may not see /source/boot like that"):
        replace(spec, binds=(*spec.binds, replace(boot, read_only=False)))
    with pytest.raises(ValueError, match="may not see /cache/boot like that"):
        replace(spec, binds=(*spec.binds, replace(boot, target=paths.CACHE / "boot")))


def test_a_privileged_container_keeps_its_limits_and_has_no_network_either() -> None:
    spec = replace(spec_for(BUILD), isolation=Isolation.PRIVILEGED)
    options = container_options(spec, security_options=[])
    assert options["privileged"]
    assert (options["network_mode"], options["network_disabled"]) == ("none", True)
    assert options["mem_limit"] == BUILD.limits.memory
    assert [each["ReadOnly"] for each in options["mounts"] if each["Target"] == "/source"] == [True]


@pytest.mark.parametrize(("root", "expected"), [("/srv", "rslave"), ("/srv/with", "rprivate")])
def test_what_is_in_the_engines_own_data_is_mounted_as_docker_wants_it(
    root: str, expected: str
) -> None:
    mounts = container_options(spec_for(BUILD), security_options=[], root=root)["mounts"]
    binds = [each for each in mounts if each["Type"] == "bind"]
    assert all(each["Source"].startswith("/srv/with space: ") for each in binds)
    assert {each["BindOptions"]["Propagation"] for each in binds} == {expected}


class FakeContainer:
    """A container that says these lines; without them, it works until it is killed."""

    id = "fake"

    def __init__(self, *events: Event, code: int = 0) -> None:
        self.killed = threading.Event()
        self.attrs = {"State": {"OOMKilled": False}}
        self._events = events
        self._code = code

    def stream(self) -> Iterator[tuple[bytes | None, bytes | None]]:
        """Yield the frames of its output."""
        yield from ((f"{encode(event)}\n".encode(), None) for event in self._events)
        if not any(isinstance(event, Result) for event in self._events):
            assert self.killed.wait(timeout=20), "nobody kills it"

    def kill(self) -> None:
        """End it."""
        self._code = 137
        self.killed.set()

    def wait(self) -> dict[str, int]:
        """Return how it ended."""
        return {"StatusCode": self._code}

    def reload(self) -> None:
        """Its attributes are what they are."""


def job_of(
    container: Any, *, seconds: int, quiet: int = 7200, output: int = 1 << 20
) -> DockerJob[FrozenNames]:
    limits = replace(LIST_FROZEN.limits, seconds=seconds, quiet=quiet, output=output)
    return DockerJob(
        container,
        container.stream(),
        replace(LIST_FROZEN, limits=limits),
        line=Line(patience=0),
        again=lambda: (iter(()), True),
    )


def test_a_job_that_takes_longer_than_its_row_allows_is_killed_and_says_so() -> None:
    container = FakeContainer(ToolOutput(step="x", text="still at it"))
    heard: list[Event] = []
    with pytest.raises(StepError) as caught:
        job_of(container, seconds=0).finish(heard.append)
    assert container.killed.is_set()
    assert str(caught.value) == (
        "The list-frozen container was stopped: it did not finish within 0 hours"
    )
    assert "the disks of the engine's machine" in caught.value.advice
    assert caught.value.output == ("still at it",)
    assert heard == [ToolOutput(step="x", text="still at it")]


def test_a_job_that_says_nothing_is_killed_and_says_so() -> None:
    container = FakeContainer(ToolOutput(step="x", text="last words"))
    with pytest.raises(StepError, match="it said nothing for 0 hours") as caught:
        job_of(container, seconds=3600, quiet=0).finish(lambda _event: None)
    assert container.killed.is_set()
    assert caught.value.output == ("last words",)


def test_a_job_that_prints_too_much_is_given_up() -> None:
    container = FakeContainer(ToolOutput(step="x", text="x" * 5000))
    with pytest.raises(StepError, match="printed more than 4"):
        job_of(container, seconds=3600, output=4100).finish(lambda _event: None)


def test_hours_are_told_as_people_count_them() -> None:
    container = FakeContainer(code=137)
    job = job_of(container, seconds=5400)
    job._watchdog.overdue = True
    container.killed.set()
    with pytest.raises(StepError, match=r"within 1\.5 hours"):
        job.finish(lambda _event: None)


def test_a_job_that_is_done_in_time_is_left_alone() -> None:
    container = FakeContainer(Result(data={"names": ["a"]}))
    threads = threading.active_count()
    assert job_of(container, seconds=3600).finish(lambda _event: None) == FrozenNames(names=("a",))
    assert not container.killed.is_set()
    wait = threading.Event()
    for _attempt in range(100):
        if threading.active_count() <= threads:
            break
        wait.wait(0.02)
    assert threading.active_count() <= threads  # nothing waits for the hour to pass


def test_a_container_that_was_killed_by_somebody_else_is_not_called_overdue() -> None:
    container = FakeContainer(code=137)
    container.killed.set()
    with pytest.raises(StepError, match=r"ended without a result \(exit code 137\)"):
        job_of(container, seconds=3600).finish(lambda _event: None)


def test_a_container_that_somebody_else_stopped_is_not_called_an_interruption_of_ours() -> None:
    said = Failed(error=Interrupted("Interrupted by {signal}", signal="SIGTERM").to_data())
    container = FakeContainer(ToolOutput(step="x", text="last words"), said, code=130)
    container.killed.set()
    with pytest.raises(StepError, match="stopped or removed while it was running") as caught:
        job_of(container, seconds=3600).finish(lambda _event: None)
    assert caught.value.output == ("last words",)


@pytest.mark.parametrize("data", [{}, {"names": [1]}, {"names": [], "more": 1}])
def test_an_answer_that_is_none_of_the_rows_is_refused(data: dict[str, Any]) -> None:
    container = FakeContainer(Result(data=data))
    with pytest.raises(StepError, match="list-frozen container returned an unreadable result"):
        job_of(container, seconds=3600).finish(lambda _event: None)
