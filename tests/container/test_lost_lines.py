"""A container that is followed over a line that breaks is heard whole, and each line once."""

import gc
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from docker.models.containers import Container

from builder.border.events import Event, Note, Result, ToolOutput, encode
from builder.border.jobs import LIST_FROZEN
from builder.border.requests import FrozenNames
from builder.formats.identities import ImageIdentity
from builder.host.engine import Asked, connect
from tests.support.containers import SOCKET
from tests.support.engine_proxy import EngineProxy

# Where no engine answers, the SDK leaves the socket that it tried to the garbage collector.
pytestmark = [
    pytest.mark.container,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

COUNT = 40
LONG = "x" * 40_000  # more than engines keep in one piece
# Where the line is cut, and the signal that the container waits for before it says more: nothing
# that comes later can be on its way already.
CUT_AT = {"5": signal.SIGUSR1, "err 20": signal.SIGUSR2}
WAITS = {int(text.split()[-1]): int(go) for text, go in CUT_AT.items()}
PROGRAM = f"""
import signal, sys, time
waits = {WAITS} if "waiting" in sys.argv else {{}}
signal.pthread_sigmask(signal.SIG_BLOCK, waits.values())
for number in range({COUNT}):
    print({encode(ToolOutput(step="x", text="NR"))!r}.replace("NR", str(number)), flush=True)
    print("err", number, file=sys.stderr, flush=True)
    if number in waits:
        signal.sigwait([waits[number]])
    time.sleep(0.1)
print({encode(ToolOutput(step="x", text=LONG))!r})
print({encode(Result(data={"names": ["done"]}))!r})
"""
AWAY = 1.5  # seconds


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    """Collect such sockets under the filter above: the next test would be blamed for them."""
    yield
    gc.collect()


@pytest.fixture
def talking(
    request: pytest.FixtureRequest, client: docker.DockerClient, builder_image: ImageIdentity
) -> Iterator[Container]:
    """A container that talks for some seconds, started with the words of the parameter."""
    container = client.containers.run(
        builder_image.id,
        ["-c", PROGRAM, *request.param],
        entrypoint=["python3"],
        detach=True,
        network_mode="none",
    )
    try:
        yield container
    finally:
        container.remove(force=True)


@pytest.mark.parametrize("talking", [["waiting"]], indirect=True, ids=["waiting"])
def test_nothing_is_lost_and_nothing_is_told_twice(talking: Container, tmp_path: Path) -> None:
    address = tmp_path / "engine.sock"
    proxies = [EngineProxy(address, SOCKET)]
    engine = connect(Asked(engine=f"unix://{address}"))
    told: list[Event] = []
    timers: list[threading.Timer] = []

    def hear(event: Event) -> None:
        told.append(event)
        if isinstance(event, ToolOutput) and event.text in CUT_AT:
            proxies[-1].cut()
            talking.kill(CUT_AT[event.text])  # it goes on while nobody hears it
        elif isinstance(event, Note) and event.level == "warning":  # the loss was noticed
            timers.append(
                threading.Timer(AWAY, lambda: proxies.append(EngineProxy(address, SOCKET)))
            )
            timers[-1].start()

    try:
        found = engine.attached(str(talking.id), LIST_FROZEN, run="").finish(hear)
    finally:
        engine.close()
        for timer in timers:
            timer.join()
        proxies[-1].cut()
    assert found == FrozenNames(names=("done",))
    texts = [each.text for each in told if isinstance(each, ToolOutput)]
    # In their order on each stream: which of both comes first, the engine decides.
    assert [text for text in texts if "err" not in text] == [*map(str, range(COUNT)), LONG]
    assert [text for text in texts if "err" in text] == [f"err {each}" for each in range(COUNT)]
    levels = [each.level for each in told if isinstance(each, Note)]
    assert levels == ["warning", "info"] * len(CUT_AT)


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("talking", [[]], indirect=True, ids=["at once"])
def test_a_container_that_has_ended_is_heard_to_its_end(talking: Container) -> None:
    talking.wait()
    engine = connect()
    told: list[Event] = []
    assert engine.attached(str(talking.id), LIST_FROZEN, run="").finish(told.append).names == (
        "done",
    )
    engine.close()
    assert len(told) == 2 * COUNT + 1
