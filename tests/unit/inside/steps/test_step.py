"""What steps decide becomes a key by itself: nothing has to be remembered, only left out."""

import dataclasses
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from builder.border.step_names import StepName
from builder.inside.jobs import pipeline
from builder.inside.steps.configure import ConfigureStep
from builder.inside.steps.step import decisions
from builder.inside.system.system import System

STEPS = [each for name, each in vars(pipeline).items() if name.endswith("Step") and name != "Step"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewStep:
    """A step that somebody adds, without a thought of the kept initramfs."""

    name: ClassVar[StepName] = StepName.CONFIGURE
    needs: ClassVar[tuple[str, ...]] = ()
    neutral: ClassVar[tuple[str, ...]] = ("wait",)

    packages: tuple[str, ...]
    wait: Callable[[], int] = lambda: 1

    def run(self, system: System) -> None:
        """Nothing is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CarelessStep(NewStep):
    neutral: ClassVar[tuple[str, ...]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OutdatedStep(NewStep):
    neutral: ClassVar[tuple[str, ...]] = ("wait", "gone")


def configure(kept: str) -> ConfigureStep:
    return ConfigureStep(
        root=Path("/work/root"),
        source=Path("/source"),
        keep=(kept,),
        source_date_epoch=2,
        journal=Path("/work/changes.json"),
    )


def test_what_a_new_step_decides_is_in_the_key_without_anybody_naming_it() -> None:
    one, other = (decisions([configure("a"), NewStep(packages=(name,))]) for name in "xy")
    assert one != other
    assert one[1] == {"step": "configure", "packages": ["x"]}


def test_a_setting_of_an_earlier_step_is_in_the_key() -> None:
    assert decisions([configure("alice")]) != decisions([configure("bob")])
    assert decisions([configure("alice")]) == decisions([configure("alice")])


def test_a_field_that_is_neither_data_nor_called_neutral_is_a_defect() -> None:
    with pytest.raises(TypeError, match="neither plain data nor listed in `neutral`"):
        decisions([CarelessStep(packages=())])


def test_a_neutral_field_that_is_gone_is_a_defect() -> None:
    with pytest.raises(TypeError, match="gone"):
        decisions([OutdatedStep(packages=())])


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_each_step_calls_only_its_own_fields_neutral(step: Any) -> None:
    assert set(step.neutral) <= {field.name for field in dataclasses.fields(step)}


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_each_step_needs_only_tools_that_it_starts(step: Any) -> None:
    source = inspect.getsource(inspect.getmodule(step) or step)
    started = {*step.needs} - {"mount", "umount"}  # which the system's door starts
    elsewhere = {"grub-mkimage", "mkfs.fat", "mmd", "mcopy", "dpkg-query", "mksquashfs", "rsync",
                 "sbverify", "xorriso"}  # fmt: skip
    assert all(f'"{tool}"' in source.split("needs:", 1)[1].split("\n", 1)[1] or tool in elsewhere
               for tool in started)  # fmt: skip
