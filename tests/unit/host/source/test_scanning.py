"""What an engine cannot do is told before any container is made."""

from dataclasses import replace
from pathlib import Path

import pytest

from builder.basics.errors import HostError, SourceError
from builder.border.jobs import SCAN, SCAN_TREE
from builder.host.engine import EngineFacts
from builder.host.engine.faults import BindMissingError, EngineRefusedError
from builder.host.source.kinds import CacheFolder, CacheImage, PlainTree, Source
from builder.host.source.scanning import scan
from tests.support.fake_engine import IMAGE, FakeEngine, answering
from tests.support.reports import cache_report


class Rootless(FakeEngine):
    """An engine that a user runs for himself."""

    def facts(self) -> EngineFacts:
        return replace(super().facts(), rootless=True)


def test_an_engine_without_root_is_asked_for_no_cache_image() -> None:
    source = CacheImage(Path("/srv/cache.img"))
    engine = Rootless(answers={SCAN.name: answering(cache_report())})
    with pytest.raises(HostError, match=r"can mount no cache image: /srv/cache\.img") as caught:
        scan(engine, IMAGE, source, run="0" * 16, on_event=lambda _event: None)
    assert "--tree" in caught.value.advice
    assert engine.specs == []


@pytest.mark.parametrize("is_here", [False, True])
def test_a_source_that_is_only_on_this_machine_can_be_sent(
    tmp_path: Path, *, is_here: bool
) -> None:
    source = CacheImage(tmp_path / "cache.img")
    if is_here:
        source.path.touch()
    refusal = BindMissingError("no such path")
    engine = FakeEngine(refusals={SCAN.name: refusal})
    with pytest.raises(SourceError, match="There is no cache image at") as caught:
        scan(engine, IMAGE, source, run="0" * 16, on_event=lambda _event: None)
    notes = "".join(getattr(caught.value, "__notes__", ()))
    assert ("--source-on here" in notes) is is_here


# What Docker 20.10 and Podman 4.3 say where a file is mounted on a folder.
FILE_ON_FOLDER = (
    "mount /etc/passwd:/merged/cache, flags: 0x5001: not a directory",
    "crun: mount `/etc/passwd` to `cache`: Not a directory: OCI runtime error",
)


@pytest.mark.parametrize("reason", FILE_ON_FOLDER)
@pytest.mark.parametrize("source", [CacheFolder(Path("/x.tar")), PlainTree(Path("/x.tar"))])
def test_a_file_in_place_of_a_folder_is_told_in_plain_words(source: Source, reason: str) -> None:
    refusal = EngineRefusedError("It failed: {reason}", reason=reason)
    engine = FakeEngine(refusals={SCAN.name: refusal, SCAN_TREE.name: refusal})
    with pytest.raises(SourceError, match=r"^/x\.tar is not a folder$") as caught:
        scan(engine, IMAGE, source, run="0" * 16, on_event=lambda _event: None)
    assert "--cache-image" in caught.value.advice


def test_another_refusal_stays_what_it_is() -> None:
    engine = FakeEngine(refusals={SCAN.name: EngineRefusedError("Out of memory")})
    with pytest.raises(EngineRefusedError, match="Out of memory"):
        scan(engine, IMAGE, CacheFolder(Path("/x")), run="0" * 16, on_event=lambda _event: None)
