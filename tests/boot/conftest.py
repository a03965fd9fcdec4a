"""What several tests of installations share: one ISO, since it takes minutes to make."""

import os
from pathlib import Path

import pytest

from builder.formats.identities import ImageIdentity
from builder.host.engine import Engine
from tests.support.install_matrix import make_iso


@pytest.fixture(scope="session")
def installer_iso(
    engine: Engine,
    builder_image: ImageIdentity,
    demo_cache: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The ISO that the matrix of installations uses."""
    return make_iso(engine, demo_cache, tmp_path_factory.mktemp("installer-iso"))


@pytest.fixture
def place(installer_iso: Path, tmp_path: Path) -> Path:
    """A folder for a container that has it as live.iso."""
    os.link(installer_iso, tmp_path / "live.iso")
    return tmp_path
