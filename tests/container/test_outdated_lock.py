"""A lock that no archive satisfies: said with a remedy, and nothing is built."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.border.labels import LABEL_RUN
from builder.host.engine import Engine
from builder.host.image import builder_image, resources
from builder.host.image.workshop import LockOutdatedError
from tests.conftest import ignore

pytestmark = pytest.mark.container


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: Engine) -> Iterator[Path]:
    """The lock file of a checkout of its own; no workshop is left at the end."""
    recipes = tmp_path / "containers"
    shutil.copytree(resources.containers_folder(), recipes)
    monkeypatch.setattr(resources, "containers_folder", lambda: recipes)
    before = {each.id for each in engine.images.labelled(LABEL_RUN)}
    yield recipes / "packages.lock"
    assert {each.id for each in engine.images.labelled(LABEL_RUN)} == before


def test_a_version_that_the_archive_has_not_stops_the_image_build(
    engine: Engine, base_image: str, lock: Path
) -> None:
    text = lock.read_text()
    row = re.search(r"^package tools squashfs-tools (\S+) ", text, re.MULTILINE)
    assert row is not None
    lock.write_text(text.replace(row[0], "package tools squashfs-tools 1:4.6.1-0 "))

    with pytest.raises(LockOutdatedError, match=r"squashfs-tools=1:4\.6\.1-0") as caught:
        builder_image.build_builder(engine, locked=True, on_event=ignore)

    assert row[1] in str(caught.value)
    assert "--unlocked" in caught.value.advice
    assert builder_image.find_builder(engine) is None
