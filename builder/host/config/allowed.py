"""The form of `privacy.allow`: rows of a path, a rule and a reason."""

from dataclasses import dataclass
from typing import Final

from builder.basics.errors import UsageError
from builder.basics.printable import short
from builder.border.privacy import KIND_OF, AllowedFinding
from builder.host.config import checks
from builder.host.config.forms import Reading, Text
from builder.host.config.rule import Rule, Schema, matching
from builder.host.yaml.nearest import nearest
from builder.host.yaml.nodes import Items, Node, Refused, word_for
from builder.host.yaml.sections import Section

_MOST: Final = 500


def _kind(name: str) -> str:
    if name in KIND_OF:
        return name
    meant = nearest(name, KIND_OF)
    raise UsageError(
        '"{value}" is not a rule of the search',
        hint="Did you mean {meant}?" if meant else "Use one of {known}.",
        value=short(name),
        meant=meant,
        known=", ".join(KIND_OF),
    )


_COLUMNS: Final = {
    "path": Text(rule=checks.exclude),
    "rule": Text(rule=Rule(check=_kind, schema={"enum": list(KIND_OF)})),
    "reason": Text(
        rule=matching(
            r"[^\x00-\x1f\x7f-\x9f]{3,500}",
            message='"{value}" is not a reason',
            hint="Say in 3 to 500 characters why this may be published.",
        )
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedRows:
    """A list of findings that are allowed, each with all of its keys."""

    def read(self, node: Node, reading: Reading) -> tuple[AllowedFinding, ...] | None:
        """Return the rows that are whole."""
        match node:
            case Refused():
                return None
            case Items(items=items) if len(items) <= _MOST:
                rows = [self._row(item, reading) for item in items]
                return tuple(row for row in rows if row is not None)
            case Items(items=items):
                reading.problems.add(
                    node.place,
                    "There are {count} rows; at most {most} are allowed",
                    count=len(items),
                    most=_MOST,
                )
            case _:
                reading.problems.add(
                    node.place, "Expected a list, found {found}", found=word_for(node)
                )
        return None

    def schema(self) -> Schema:
        """Return the same for editors."""
        row = {
            "type": "object",
            "additionalProperties": False,
            "required": list(_COLUMNS),
            "properties": {name: form.schema() for name, form in _COLUMNS.items()},
        }
        return {"type": "array", "maxItems": _MOST, "items": row}

    def _row(self, node: Node, reading: Reading) -> AllowedFinding | None:
        section = Section(node, reading.problems)
        values = {}
        for name, form in _COLUMNS.items():
            value = section.value(name)
            if value is None:
                reading.problems.add(node.place, 'The key "{key}" is missing here', key=name)
            elif (text := form.read(value, reading)) is not None:
                values[name] = text
        section.finish()
        return AllowedFinding(**values) if len(values) == len(_COLUMNS) else None
