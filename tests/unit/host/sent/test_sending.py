"""A source of this machine is sent to the engine once; lines may break, and contents change."""

import io
import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from builder.basics.errors import HostError, SourceError, UsageError
from builder.border import paths
from builder.border.events import Event, Note
from builder.border.jobs import RECEIVE
from builder.border.labels import LABEL_ROLE, LABEL_SENT, SENT_PREFIX
from builder.border.requests import ReceiveRequest
from builder.border.source import SourceKind
from builder.host.cli import main
from builder.host.command_line.surroundings import Surroundings
from builder.host.config.build_config import Config, Overrides, load_config
from builder.host.engine import ContainerSpec
from builder.host.engine.faults import EngineSilentError
from builder.host.sent import sending
from builder.host.sent.sending import at_engine
from builder.inside.source.receive import receive
from tests.support.fake_engine import FakeEngine

SIZE = 5 * (4 << 20) + 3


@dataclass
class Receiving(FakeEngine):
    """An engine whose volumes are folders; `breaks` are the pieces after which its line breaks."""

    folder: Path = Path()
    breaks: list[int] = field(default_factory=list)
    damage: bool = False

    def __post_init__(self) -> None:
        self.answers = {RECEIVE.name: lambda spec, _tell: receive(spec.request, self.place(spec))}

    def place(self, spec: ContainerSpec[Any, Any]) -> Path:
        (volume,) = spec.volumes
        (self.folder / volume.name).mkdir(exist_ok=True)
        return self.folder / volume.name

    def put(self, spec: ContainerSpec[Any, Any], folder: Path, archive: Iterator[bytes]) -> None:
        assert folder == paths.SENT
        whole = io.BytesIO()
        last = self.breaks.pop(0) if self.breaks else None
        for number, piece in enumerate(archive):
            whole.write(bytes(len(piece)) if self.damage and len(piece) > 512 else piece)
            if number == last:
                break
        if last is not None:
            whole.write(bytes(1024))
        whole.seek(0)
        with tarfile.open(fileobj=whole) as tar:
            for member in tar if last is None else list(tar)[:-1]:
                tar.extract(member, self.place(spec), filter="data")
        self.came.append((folder, b""))
        if last is not None:
            raise EngineSilentError("The line broke: {reason}", reason="reset")


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "cache.img"
    path.write_bytes(os.urandom(SIZE))
    return path


@pytest.fixture
def engine(tmp_path: Path) -> Receiving:
    (tmp_path / "engine").mkdir()
    return Receiving(folder=tmp_path / "engine")


def config(**flags: Any) -> Config:
    return load_config(None, Overrides(source_on="here", **flags))


def sent(engine: Receiving, given: Config) -> tuple[Config, list[str]]:
    told: list[Event] = []
    found = at_engine(given, engine, on_event=told.append)
    notes = [each.message for each in told if isinstance(each, Note)]
    return found, [each for each in notes if "{path}" in each]


def test_a_path_of_the_engines_machine_is_left_alone(engine: Receiving, image: Path) -> None:
    given = load_config(None, Overrides(cache_image=image))
    assert at_engine(given, engine, on_event=lambda _event: None) is given
    assert engine.jobs == []


def test_a_cache_image_is_sent_once(engine: Receiving, image: Path, tmp_path: Path) -> None:
    found, notes = sent(engine, config(cache_image=image))
    (volume,) = engine.volumes
    assert volume.startswith(SENT_PREFIX)
    assert engine.volumes[volume] == {LABEL_ROLE: "sent", LABEL_SENT: str(image)}
    assert found.source.path == Path(f"/var/lib/fake/{volume}/content")
    assert found.source.kind is SourceKind.CACHE_IMAGE
    assert (tmp_path / "engine" / volume / "content").read_bytes() == image.read_bytes()
    assert notes == ["{path} was sent to the engine: {sent} of {count} blocks"]
    again, notes = sent(engine, config(cache_image=image))
    assert (again, len(engine.came)) == (found, 1)
    assert notes == ["{path} is at the engine already"]


def test_a_tree_and_a_folder_of_packages_are_sent(engine: Receiving, tmp_path: Path) -> None:
    for name in ("tree", "packages"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_text(name)
    given = config(tree=tmp_path / "tree", packages_from=tmp_path / "packages")
    found, _notes = sent(engine, given)
    assert found.packages.folder is not None
    for path, name in ((found.source.path, "tree"), (found.packages.folder, "packages")):
        there = tmp_path / "engine" / path.relative_to("/var/lib/fake")
        assert (there / name).read_text() == name


@pytest.mark.parametrize("place", [1, 4, 7])
def test_a_line_that_breaks_costs_no_block_that_had_come(
    engine: Receiving, image: Path, tmp_path: Path, place: int
) -> None:
    engine.breaks = [place]
    found, _notes = sent(engine, config(cache_image=image))
    there = tmp_path / "engine" / found.source.path.relative_to("/var/lib/fake")
    assert there.read_bytes() == image.read_bytes()
    assert len(engine.came) == 2


def test_rounds_are_put_together(
    engine: Receiving, image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "_ROUND", 2)
    found, _notes = sent(engine, config(cache_image=image))
    there = tmp_path / "engine" / found.source.path.relative_to("/var/lib/fake")
    assert (there.read_bytes(), len(engine.came)) == (image.read_bytes(), 3)


def test_what_arrives_damaged_is_not_taken(engine: Receiving, image: Path) -> None:
    engine.damage = True
    with pytest.raises(HostError, match="arrives damaged"):
        sent(engine, config(cache_image=image))


def test_a_file_that_changes_meanwhile_is_told(
    engine: Receiving, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = engine.run

    def changing(spec: ContainerSpec[Any, Any], on_event: Any) -> Any:
        assert isinstance(spec.request, ReceiveRequest)
        with image.open("r+b") as file:
            file.write(b"other")
        return run(spec, on_event)

    monkeypatch.setattr(engine, "run", changing)
    with pytest.raises(SourceError, match=r"cache\.img changed while it was sent"):
        sent(engine, config(cache_image=image))


def test_a_cache_with_snapshots_cannot_be_sent(engine: Receiving, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="which cannot be sent to an engine") as caught:
        sent(engine, config(cache=tmp_path))
    assert "--tree" in caught.value.advice
    with pytest.raises(UsageError, match="The running system cannot be built"):
        sent(engine, config(tree=Path("/")))
    assert engine.volumes == {}


def test_sweep_removes_what_was_sent_only_when_it_is_asked(
    engine: Receiving, image: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sent(engine, config(cache_image=image))
    around = Surroundings(open_engine=lambda: engine)
    assert main.run(["sweep"], surroundings=around) == 0
    assert len(engine.volumes) == 1
    assert main.run(["sweep", "--sent"], surroundings=around) == 0
    assert "Copies of sources removed: 1" in capsys.readouterr().out
    assert engine.volumes == {}
