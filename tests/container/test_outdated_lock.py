"""A lock that Debian's archive has left behind: said with a remedy, and nothing is built."""

import shutil
from pathlib import Path

import pytest

from builder.host import image, resources
from builder.host.engine import Engine
from tests.conftest import ignore

pytestmark = pytest.mark.container


def test_a_version_that_the_archive_has_not_stops_the_image_build(
    engine: Engine, base_image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipes = tmp_path / "containers"
    shutil.copytree(resources.containers_folder(), recipes)
    lock = recipes / "packages.lock"
    text = lock.read_text()
    assert "squashfs-tools=1:4.6.1-1\n" in text
    lock.write_text(text.replace("squashfs-tools=1:4.6.1-1\n", "squashfs-tools=1:4.6.1-0\n"))
    monkeypatch.setattr(resources, "containers_folder", lambda: recipes)

    with pytest.raises(image.LockOutdatedError, match=r"squashfs-tools=1:4\.6\.1-0") as caught:
        image.build_builder(engine, locked=True, on_event=ignore)

    assert "1:4.6.1-1" in str(caught.value)
    assert "--unlocked" in caught.value.advice
    assert image.find_builder(engine) is None
