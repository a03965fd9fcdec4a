"""Takes the values of known keys out of a mapping, and reports the other keys."""

from typing import Final

from builder.basics.printable import short
from builder.host.yaml.nearest import nearest
from builder.host.yaml.nodes import Entry, Kind, Mapping, Node, Refused, Scalar, word_for
from builder.host.yaml.problems import Problems


class Section:
    """One mapping of the config. Each key is asked for once; `finish` reports the others."""

    def __init__(self, node: Node, problems: Problems) -> None:
        self.place: Final = node.place
        self._problems: Final = problems
        self._known: list[str] = []
        self._entries: dict[str, Entry] = {}
        if isinstance(node, Mapping):
            self._entries = {entry.key: entry for entry in node.entries}
        elif not isinstance(node, Refused) and not _is_null(node):
            problems.add(
                node.place, "Expected keys and values, found {found}", found=word_for(node)
            )

    def section(self, key: str) -> "Section":
        """Return the mapping below `key`; an empty one when there is none."""
        node = self.value(key) or Scalar(place=self.place, kind=Kind.NULL, text="")
        return Section(node, self._problems)

    def value(self, key: str) -> Node | None:
        """Return what is below `key`; None where it is missing or has no value (null)."""
        self._known.append(key)
        return self._entries[key].value if self.has(key) else None

    def has(self, key: str) -> bool:
        """Whether `key` has a value there."""
        return key in self._entries and not _is_null(self._entries[key].value)

    def finish(self) -> None:
        """Report each key that was not asked for."""
        for key, entry in self._entries.items():
            if key in self._known:
                continue
            if meant := nearest(key, self._known):
                self._problems.add(
                    entry.place,
                    'Unknown key "{key}". Did you mean {meant}?',
                    key=short(key),
                    meant=meant,
                )
            else:
                self._problems.add(
                    entry.place,
                    'Unknown key "{key}". Known here: {known}',
                    key=short(key),
                    known=", ".join(self._known),
                )


def _is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.kind is Kind.NULL
