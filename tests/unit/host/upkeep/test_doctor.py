"""What `doctor` says of an engine that runs without root."""

from dataclasses import replace

import pytest

from builder.border.jobs import PROBE
from builder.border.requests import Abilities
from builder.host.engine import EngineFacts
from builder.host.upkeep.doctor import DoctorVerdict, examine
from tests.support.fake_engine import FakeEngine, answering


class Engine(FakeEngine):
    """An engine with or without root."""

    rootless = False

    def facts(self) -> EngineFacts:
        return replace(super().facts(), rootless=self.rootless)


@pytest.mark.parametrize("rootless", [False, True])
def test_without_root_no_loop_device_is_asked_for_and_it_is_said_what_is_left(
    *, rootless: bool
) -> None:
    able = Abilities(mount="", chroot="", loop="", overlay="", btrfs=True, free=1 << 40)
    engine = Engine(answers={PROBE.name: answering(able)})
    engine.rootless = rootless
    checks = {each.name: each for each in examine(engine)}
    assert not rootless or not any(spec.job.loop_devices for spec in engine.specs)
    found = checks["cache images"]
    assert found.verdict is (DoctorVerdict.WARNING if rootless else DoctorVerdict.OK)
    if rootless:
        assert "without root" in found.finding
        assert "only a plain tree (`--tree`)" in found.remedy
