"""What a step is, and which of its fields determine bytes."""

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Protocol

from builder.basics.codec import to_data
from builder.border.step_names import StepName
from builder.inside.system.system import System


class Step(Protocol):
    """One part of a build: a frozen dataclass whose fields are its inputs and outputs."""

    name: ClassVar[StepName]
    needs: ClassVar[tuple[str, ...]]  # tools of the image
    neutral: ClassVar[tuple[str, ...]]  # fields that never affect the result

    def run(self, system: System) -> None:
        """Run the step. Raises one of our errors when it fails."""


def decisions(steps: Iterable[Step]) -> list[Mapping[str, Any]]:
    """Return what determines the steps' results, as plain data: all fields that are not `neutral`.

    Raises TypeError for a field that is neither plain data nor neutral, which is a bug.
    """
    return [{"step": step.name.value, **_decided(step)} for step in steps]


def _decided(step: Any) -> Mapping[str, Any]:
    names = {field.name for field in dataclasses.fields(step)}
    if unknown := set(step.neutral) - names:
        message = f"{step.name}: unknown fields in `neutral`: {sorted(unknown)}"
        raise TypeError(message)
    return {name: _plain(getattr(step, name)) for name in sorted(names - set(step.neutral))}


def _plain(value: object) -> Any:
    if isinstance(value, Path):
        return str(value)
    if dataclasses.is_dataclass(value):
        fields = dataclasses.fields(value)
        return {field.name: _plain(getattr(value, field.name)) for field in fields}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    plain = to_data(value)
    if plain is None or isinstance(plain, str | int | float | bool):
        return plain
    message = f"neither plain data nor listed in `neutral`: {value!r}"
    raise TypeError(message)
