"""What all tests with a real engine share, and the account of what this machine cannot do."""

import contextlib
import gc
import warnings
from collections.abc import Iterator
from pathlib import Path

import docker
import docker.errors
import pytest

from builder.border.events import Event
from builder.formats.identities import ImageIdentity
from builder.host.build.session import Outcome, build
from builder.host.config.build_config import Overrides, load_config
from builder.host.engine import Engine, Product, connect
from builder.host.engine.podman import product_of
from builder.host.image.base_image import ensure_base
from fixtures import demo
from fixtures.demo_cache import make_demo_cache

DEMO = Path(__file__).parent.parent / ".demo"
_unable: list[str] = []
_reports: list[str] = []


def unable(what: str) -> None:
    """Record, for the summary, what a probe found this machine unable to do."""
    if what not in _unable:
        _unable.append(what)


def report(what: str) -> None:
    """Record, for the summary, a figure worth seeing."""
    _reports.append(what)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Know `--full`, for what takes too long for every run."""
    parser.addoption("--full", action="store_true", help="also run the tests marked `full`")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what only a full run has; run what is quick first, and the boots last."""
    if not config.getoption("--full"):
        left_out = [item for item in items if item.get_closest_marker("full")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    _leave_out_other_engines(config, items)
    order = ("unit", "tools", "container", "boot")

    def rank(item: pytest.Item) -> int:
        return order.index(item.path.relative_to(Path(__file__).parent).parts[0])

    items.sort(key=rank)


def _leave_out_other_engines(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is about Docker itself where the engine is another one, and say so."""
    marked = {item: mark for item in items if (mark := item.get_closest_marker("only_docker"))}
    if not marked or _product() is Product.DOCKER:
        return
    for mark in marked.values():
        unable(f"on Podman: {mark.args[0]}")
    config.hook.pytest_deselected(items=list(marked))
    items[:] = [item for item in items if item not in marked]


def _product() -> Product:
    """Return whose engine the tests run on; of one that does not answer, they tell themselves."""
    with warnings.catch_warnings():
        # Where no engine answers, the SDK leaves the socket that it tried to the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            with contextlib.closing(docker.from_env()) as client:
                return product_of(client.version())
        except docker.errors.DockerException:
            return Product.DOCKER
        finally:
            gc.collect()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name what could not be tried here, so that nothing is skipped in silence."""
    for what in _reports:
        terminalreporter.write_line(what)
    for what in _unable:
        terminalreporter.write_line(f"not possible on this machine: {what}")


def ignore(_event: Event) -> None:
    """An event that nobody waits for."""


@pytest.fixture(scope="session")
def engine() -> Engine:
    """The engine that the environment names; without one these tests fail."""
    return connect()


@pytest.fixture(scope="session")
def builder_image(engine: Engine) -> ImageIdentity:
    """The builder image of this code; unlocked where Debian's archive has moved on."""
    image = demo.builder_image(engine, tell=ignore)
    if not image.locked:
        unable("a locked image: Debian's archive has other versions than the lock file")
    return image


@pytest.fixture(scope="session")
def base_image(engine: Engine) -> str:
    """The base image."""
    return ensure_base(engine, on_event=ignore).id


@pytest.fixture(scope="session")
def client() -> Iterator[docker.DockerClient]:
    """The engine's SDK, for looking behind our own back."""
    client = docker.from_env(timeout=600)
    try:
        yield client
    finally:
        client.close()


@pytest.fixture(scope="session")
def product(client: docker.DockerClient) -> Product:
    """Whose engine it is."""
    return product_of(client.version())


@pytest.fixture(scope="session")
def demo_cache(client: docker.DockerClient, base_image: str) -> Path:
    """The demo cache image; kept between runs while its recipe is the same."""
    target = DEMO / "cache.img"
    make_demo_cache(client, base_image=base_image, target=target)
    return target


@pytest.fixture(scope="session")
def demo_build(
    engine: Engine,
    builder_image: ImageIdentity,
    demo_cache: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Outcome:
    """What a build of the demo cache with all defaults made; nobody may change it."""
    output = tmp_path_factory.mktemp("demo-build")
    config = load_config(None, Overrides(cache_image=demo_cache, output=output))
    outcome = build(config, engine, on_event=ignore)
    report(f"demo ISO: {outcome.iso.size} bytes, sha256 {outcome.iso.sha256}")
    return outcome
