"""Two builds of the demo with one block cache: the same ISO, and nothing compressed twice."""

import json
import os
import re
from pathlib import Path

import docker
import pytest

from builder.basics.errors import HostError
from builder.border.events import Event, StepFinished
from builder.border.labels import BLOCK_CACHE
from builder.formats.identities import ImageIdentity
from builder.host.block_cache import block_store
from builder.host.build.session import Outcome, build
from builder.host.config.build_config import BlockStoreSetting, Overrides, load_config
from builder.host.engine import Engine
from tests.conftest import ignore, report

pytestmark = pytest.mark.container


def built(
    engine: Engine,
    cache_image: Path,
    folder: Path,
    *,
    store: Path | None,
    read_only: bool = False,
    settings: str = "",
) -> tuple[Outcome, str, float]:
    """Build the demo; return its outcome, its log, and the seconds of the squashfs step."""
    folder.mkdir()
    seconds = 0.0

    def listen(event: Event) -> None:
        nonlocal seconds
        if isinstance(event, StepFinished) and event.step == "squashfs":
            seconds = event.seconds

    file = folder.with_name(f"{folder.name}.yaml")
    file.write_text(f"version: 1\n{settings}")
    config = load_config(
        file,
        Overrides(
            cache_image=cache_image,
            output=folder,
            compression="standard",
            block_cache=store,
            no_block_cache=store is None,
            block_cache_read_only=read_only,
        ),
    )
    outcome = build(config, engine, on_event=listen)
    log = (folder / f"{outcome.iso_name}.log").read_text()
    return outcome, log, seconds


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the builds go."""
    return tmp_path_factory.mktemp("blocks")


def test_a_warm_build_is_the_same_and_compresses_nothing(
    engine: Engine, builder_image: ImageIdentity, demo_cache: Path, folders: Path
) -> None:
    store = folders / "store"
    store.mkdir()
    plain, log, alone = built(engine, demo_cache, folders / "plain", store=None)
    assert plain.blocks is None
    assert "Block cache" not in log
    cold, log, first = built(engine, demo_cache, folders / "cold", store=store)
    assert ("/fill_ahead /work/root" in log) == (len(os.sched_getaffinity(0)) > 1)
    warm, log, second = built(engine, demo_cache, folders / "warm", store=store, read_only=True)
    assert plain.iso.sha256 == cold.iso.sha256 == warm.iso.sha256
    assert cold.blocks is not None
    assert warm.blocks is not None
    assert cold.blocks.not_stored == warm.blocks.not_stored == 0
    assert cold.blocks.rate < 0.1  # what it compressed ahead was not there before
    assert warm.blocks.rate >= 0.99
    assert "mkinitramfs -c" not in log
    assert "fill_ahead" not in log
    assert "an earlier build made it from the very same system" in log
    assert re.search(r"Block cache: (99|100) % of \d+ blocks reused", log)
    manifest = (warm.folder / f"{warm.iso_name}.manifest.json").read_text()
    assert "block" not in json.dumps([*json.loads(manifest)])
    assert (plain.folder / f"{plain.iso_name}.manifest.json").read_text() == manifest
    report(
        f"squashfs step, standard: {alone:.1f} s without, {first:.1f} s cold, {second:.1f} s warm "
        f"({warm.blocks.hits} of {warm.blocks.asked} blocks)"
    )
    _other, log, _seconds = built(
        engine, demo_cache, folders / "other", store=store, settings="exclude: [/etc/motd]\n"
    )
    assert "an earlier build searched the very same system" not in log
    assert int(re.findall(r"(\d+) files were searched by an earlier build", log)[0]) > 5000
    shown = block_store.show(
        engine, builder_image.id, BlockStoreSetting(folder=store), on_event=ignore
    )
    assert 10 << 20 < shown.size - cold.blocks.stored_bytes < 100 << 20  # the initramfs
    pruned = block_store.prune(
        engine, builder_image.id, BlockStoreSetting(folder=store), limit=0, on_event=ignore
    )
    assert (pruned.values, pruned.removed) == (0, shown.values)


def test_the_volume_stays_and_no_sweep_takes_it(
    engine: Engine, builder_image: ImageIdentity, client: docker.DockerClient
) -> None:
    there = engine.volume_path(BLOCK_CACHE) is not None
    try:
        facts = block_store.show(engine, builder_image.id, BlockStoreSetting(), on_event=ignore)
        assert facts.values >= 0
        assert block_store.place(engine, BlockStoreSetting()) == engine.volume_path(BLOCK_CACHE)
        assert BLOCK_CACHE not in {each.id for each in engine.leftover_volumes()}
        assert BLOCK_CACHE in {each.name for each in client.volumes.list()}
    finally:
        if not there:
            engine.remove_volume(BLOCK_CACHE)


def test_a_folder_that_is_not_there_is_said_so(
    engine: Engine, builder_image: ImageIdentity, tmp_path: Path
) -> None:
    absent = BlockStoreSetting(folder=tmp_path / "absent")
    with pytest.raises(HostError, match=r"folder .*absent does not exist") as caught:
        block_store.show(engine, builder_image.id, absent, on_event=ignore)
    assert "mkdir -p" in caught.value.advice
