"""Freezing touches nothing but its own snapshot; with real btrfs it is in tests/container."""

from pathlib import Path

import pytest

from builder.basics.errors import SourceError, StepError
from builder.border.labels import frozen_name, is_frozen_name
from builder.border.requests import FreezeRequest, ThawRequest
from builder.inside.source.freeze import freeze, list_frozen, thaw
from tests.support.systems import RecordingSystem
from tests.support.trees import make_cache

NAME = ".distroclone-builder-0123abcd"


def request(path: str = ".rootfs_cache", name: str = NAME) -> FreezeRequest:
    return FreezeRequest(path=path, name=name, uuid="u")


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return make_cache(tmp_path / "base")


@pytest.mark.parametrize("name", ["", ".rootfs_cache", "..", f"{NAME}/x", f"{NAME}\n", f"{NAME}G"])
def test_only_names_of_our_own_are_touched(base: Path, name: str) -> None:
    system = RecordingSystem()
    with pytest.raises(StepError, match="Invalid name of a frozen snapshot"):
        freeze(request(name=name), system=system, base=base)
    with pytest.raises(StepError, match="Invalid name of a frozen snapshot"):
        thaw(ThawRequest(names=(NAME, name)), system=system, base=base)
    assert system.commands == []


@pytest.mark.parametrize("path", ["/etc", "..", "../base/.rootfs_cache", ".", "", "link", "gone"])
def test_only_what_lies_in_the_cache_is_frozen(base: Path, path: str) -> None:
    (base / "link").symlink_to(".rootfs_cache")
    system = RecordingSystem()
    with pytest.raises(SourceError) as caught:
        freeze(request(path), system=system, base=base)
    assert "distroclone-builder snapshots" in caught.value.advice
    assert system.commands == []


def test_a_plain_directory_is_not_frozen(base: Path) -> None:
    with pytest.raises(SourceError, match="not a btrfs subvolume"):
        freeze(request(), system=RecordingSystem(), base=base)


def test_thawing_what_is_gone_is_fine(base: Path) -> None:
    system = RecordingSystem()
    thaw(ThawRequest(names=(NAME,)), system=system, base=base)
    assert system.commands == []


def test_a_directory_that_has_our_name_is_left_alone(base: Path) -> None:
    (base / NAME).mkdir()
    system = RecordingSystem()
    with pytest.raises(StepError, match="not a subvolume"):
        thaw(ThawRequest(names=(NAME,)), system=system, base=base)
    assert system.commands == []
    assert list_frozen(base) == []


@pytest.mark.parametrize("run", ["0123abcd", "f" * 32])
def test_the_name_of_a_run_is_recognised(run: str) -> None:
    assert is_frozen_name(frozen_name(run))


@pytest.mark.parametrize("run", ["", "0123abc", "0123ABCD", "../../etc", "f" * 33, "0123abcd\n"])
def test_a_run_id_that_nobody_would_recognise_is_refused(run: str) -> None:
    with pytest.raises(ValueError, match="invalid run id"):
        frozen_name(run)
