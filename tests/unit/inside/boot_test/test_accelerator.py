"""Asking a device whether it is a KVM that works."""

from pathlib import Path

import pytest

from builder.inside.boot_test.accelerator import fault_of_device


def test_a_missing_device_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "kvm"
    assert fault_of_device(missing) == f"{missing}: No such file or directory"


@pytest.mark.parametrize("name", ["/dev/null", "/dev/zero"])
def test_a_device_that_is_no_kvm_is_refused(name: str) -> None:
    assert fault_of_device(Path(name)).startswith(f"{name}: ")
