"""The mark of a build's container: what it makes, for those who find it later."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from builder.basics.codec import from_data, to_data
from builder.border.handover import SUMS
from builder.border.labels import LABEL_BUILD
from builder.formats.identities import ImageIdentity
from builder.formats.result_names import (
    is_plain_name,
    lock_name,
    manifest_name,
    private_name,
    provenance_name,
    sbom_names,
)

_LATEST: Final = 253_370_764_800  # the year 9999: what comes later is no date anywhere


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildMark:
    """What the label of a build's container says, so that others can take its results."""

    iso_name: str
    adds_packages: bool
    output: str  # the output folder, on the machine of the process that started it
    begun: int  # seconds since 1970
    image: ImageIdentity

    @property
    def labels(self) -> Mapping[str, str]:
        """The label that says this."""
        return {LABEL_BUILD: json.dumps(to_data(self), sort_keys=True)}

    @property
    def results(self) -> tuple[str, ...]:
        """The names of the files that it makes."""
        name = self.iso_name
        return (
            f"{name}.iso",
            manifest_name(name),
            *sbom_names(name),
            provenance_name(name),
            private_name(name),
            *((lock_name(name),) if self.adds_packages else ()),
            SUMS,
        )


def mark_in(labels: Mapping[str, str]) -> BuildMark | None:
    """Return the mark among a container's labels; None where there is none that can be used."""
    try:
        mark = from_data(BuildMark, json.loads(labels[LABEL_BUILD]))
    except (KeyError, ValueError, RecursionError):
        return None
    return mark if is_plain_name(mark.iso_name) and 0 <= mark.begun < _LATEST else None
