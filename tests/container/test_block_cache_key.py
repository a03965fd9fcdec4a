"""A build with a key for its block cache: the same ISO, and nobody else learns the key."""

import contextlib
import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from builder.host.block_cache.key_file import secret_of
from builder.inside.blocks.store_key import StoreKey
from tests.support.command_line import Ended, running
from tests.support.leftovers import container_of

pytestmark = pytest.mark.container


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_bytes(hashlib.sha256(b"a key").digest())
    path.chmod(0o600)
    return path


def secrets(key: Path) -> list[bytes]:
    """Return everything that must not be seen, raw and in digits."""
    secret = bytes.fromhex(secret_of(key))
    derived = [StoreKey(secret=secret).of(f"block {what}".encode()) for what in ("names", "sums")]
    raw = [key.read_bytes(), secret, *derived]
    return [*raw, *(each.hex().encode() for each in raw)]


@contextlib.contextmanager
def watched_processes() -> Iterator[dict[str, bytes]]:
    """Gather the arguments and environments of all processes of this machine, by their program."""
    seen: dict[str, bytes] = {}
    done = threading.Event()

    def look() -> None:
        while not done.wait(0.02):
            for place in Path("/proc").glob("[0-9]*"):
                with contextlib.suppress(OSError):
                    words = (place / "cmdline").read_bytes() + (place / "environ").read_bytes()
                    seen[(place / "comm").read_text()] = words
                    seen[f"{place.name} {hash(words)}"] = words

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()


def built(client: docker.DockerClient, words: tuple[object, ...], seen: list[bytes]) -> Ended:
    """Build, and put into `seen` what the engine tells of the container."""
    with running("build", *words) as run:
        run.wait_for_step("stage")
        container = container_of(client, run.process.pid, "build")
        assert container is not None
        seen.append(repr(client.api.inspect_container(str(container.id))).encode())
        return run.end()


@pytest.mark.full
@pytest.mark.usefixtures("builder_image")
def test_a_key_changes_no_byte_and_is_seen_nowhere(
    client: docker.DockerClient, demo_cache: Path, key: Path, tmp_path: Path
) -> None:
    store, seen = tmp_path / "store", list[bytes]()
    store.mkdir()
    words = ("--cache-image", demo_cache, "--block-cache", store, "--compression", "standard")
    runs = []
    with watched_processes() as processes:
        for name, more in (("none", ()), ("cold", ("--block-cache-key", key)),
                           ("warm", ("--block-cache-key", key))):  # fmt: skip
            ended = built(client, (*words, *more, "--output", tmp_path / name), seen)
            runs.append(ended.data)
            seen.append(repr(ended).encode())
    assert "mksquashfs\n" in processes
    isos = [{each["sha256"] for each in run["artefacts"]} for run in runs]
    assert isos[0] == isos[1] == isos[2]
    rates = [run["block_cache"]["hits"] / run["block_cache"]["misses"]
             if run["block_cache"]["misses"] else 1 for run in runs]  # fmt: skip
    assert rates[1] < 0.1  # what was stored without the key is not taken
    assert rates[2] == 1
    logs = [next((tmp_path / name).glob("*.log")).read_text() for name in ("cold", "warm")]
    assert ["an earlier build made it" in log for log in logs] == [False, True]
    results = [path.read_bytes() for path in tmp_path.glob("*/Debian*") if path.suffix != ".iso"]
    assert len(results) > 15
    for secret in secrets(key):
        for text in (*seen, *processes.values(), *results):
            assert secret not in text
