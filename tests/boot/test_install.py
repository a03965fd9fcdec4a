"""The demo ISO installs itself to a disk, and the installed system starts without it."""

import re
from pathlib import Path

import pytest

from builder.border.boot_test import Accelerator
from builder.formats.identities import ImageIdentity
from builder.host.build.session import build
from builder.host.config.build_config import Overrides, load_config
from builder.host.engine import Engine
from tests.conftest import ignore, report, unable
from tests.support.install_matrix import CASES, Case, make_iso

pytestmark = [pytest.mark.boot, pytest.mark.full]


@pytest.fixture(scope="module")
def plain_iso(
    engine: Engine,
    builder_image: ImageIdentity,
    demo_cache: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The demo ISO with an installer, of a system that has no GRUB."""
    output = tmp_path_factory.mktemp("installer-build")
    config = load_config(None, Overrides(cache_image=demo_cache, output=output, installer="text"))
    outcome = build(config, engine, on_event=ignore)
    return outcome.folder / outcome.iso.name


@pytest.fixture(scope="module")
def whole_iso(
    engine: Engine,
    builder_image: ImageIdentity,
    demo_cache: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The same with all that an installation can make use of."""
    return make_iso(engine, demo_cache, tmp_path_factory.mktemp("whole-installer-build"))


def test_it_installs_itself_and_starts_without_a_grub_of_its_own(
    plain_iso: Path, engine: Engine
) -> None:
    case = CASES[0]
    check(case, plain_iso, engine)


@pytest.mark.parametrize("case", CASES, ids=lambda case: re.sub(r"\W+", "-", case.name))
def test_it_installs_itself_and_starts(case: Case, whole_iso: Path, engine: Engine) -> None:
    check(case, whole_iso, engine)


def check(case: Case, iso: Path, engine: Engine) -> None:
    result = case.run(engine, iso)
    report(
        f"installed on {case.name}: {result.install_seconds:.0f} s, started in "
        f"{result.boot_seconds:.0f} s ({result.accelerator}), {result.written >> 20} MiB"
    )
    if result.accelerator is Accelerator.TCG:
        unable("KVM: virtual machines ran without it")
    case.check(result)
