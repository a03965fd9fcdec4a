"""The demo ISO installs itself to a disk, and the installed system starts without it."""

from pathlib import Path

import pytest

from builder.border.boot_test import Accelerator, Firmware
from builder.formats.identities import ImageIdentity
from builder.host.boot_test.install_test import run_install_test
from builder.host.build.session import Outcome, build
from builder.host.config.build_config import Overrides, load_config
from builder.host.engine import Engine
from tests.conftest import ignore, report, unable

pytestmark = [pytest.mark.boot, pytest.mark.full]


@pytest.fixture(scope="module")
def installer_build(
    engine: Engine,
    builder_image: ImageIdentity,
    demo_cache: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Outcome:
    """The demo ISO with an installer."""
    output = tmp_path_factory.mktemp("installer-build")
    config = load_config(None, Overrides(cache_image=demo_cache, output=output, installer="text"))
    return build(config, engine, on_event=ignore)


@pytest.mark.parametrize("firmware", list(Firmware))
def test_it_installs_itself_and_starts(
    installer_build: Outcome, engine: Engine, firmware: Firmware
) -> None:
    iso = installer_build.folder / installer_build.iso.name
    result = run_install_test(engine, iso=iso, firmware=firmware, on_event=ignore)
    report(
        f"installed on {firmware}: {result.install_seconds:.0f} s, started in "
        f"{result.boot_seconds:.0f} s ({result.accelerator}), {result.written >> 20} MiB"
    )
    if result.accelerator is Accelerator.TCG:
        unable("KVM: virtual machines ran without it")
    said = dict(word.partition("=")[::2] for word in result.report.split() if "=" in word)
    assert (said["root"], said["firmware"]) == ("ext4", firmware)
    assert (said["user"], said["hostname"]) == ("anna", "installed")
    assert {"anna", "sudo"} <= set(said["groups"].split(","))
    assert int(said["kernels"]) >= 1
    assert said["live-packages"] == ""
    assert (result.state, result.failed_units) == ("running", ())
