"""Runs YARA; nothing else imports it.

Third-party: python3-yara of Debian, in the builder image only.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import yara

from builder.inside.search_rules.rule import Occurrence, SearchRule

_SECONDS: Final = 600  # for one piece of a file
# More candidates of one string in a piece are not judged: by then, one has long been real.
_MOST_JUDGED: Final = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """Compiled rules, which any number of threads may use."""

    rules: tuple[SearchRule, ...]
    compiled: Any

    def kinds_in(self, data: bytes, *, path: bytes, binary: bool = False) -> Iterator[str]:
        """Yield the kinds of what is private in `data`, a part of a file that may be `binary`."""
        for rule, occurrences in self._candidates(data, path=path, binary=binary):
            if rule.judge is None or any(map(rule.judge, occurrences)):
                yield rule.kind

    def occurrences_in(self, data: bytes, *, path: bytes) -> Iterator[tuple[str, Occurrence]]:
        """Yield everything private in `data`, with its kind."""
        for rule, occurrences in self._candidates(data, path=path, binary=False):
            for each in occurrences:
                if rule.judge is None or rule.judge(each):
                    yield rule.kind, each

    def _candidates(
        self, data: bytes, *, path: bytes, binary: bool
    ) -> Iterator[tuple[SearchRule, Iterator[Occurrence]]]:
        for match in self.compiled.match(data=data, timeout=_SECONDS):
            yield self.rules[int(match.rule[1:])], _occurrences(match, data, path, binary=binary)


def compiled(rules: Sequence[SearchRule]) -> Engine:
    """Compile rules. Raises yara.SyntaxError for a wrong one, which is a bug."""
    text = "\n".join(_written(number, rule) for number, rule in enumerate(rules))
    return Engine(rules=tuple(rules), compiled=yara.compile(source=text))


def _written(number: int, rule: SearchRule) -> str:
    strings = "\n".join(f"  ${at} = {string}" for at, string in _named(rule.strings))
    return f"rule r{number} {{\n strings:\n{strings}\n condition:\n  any of them\n}}"


def _named(strings: Sequence[str]) -> Iterator[tuple[str, str]]:
    return ((f"s{at}", string) for at, string in enumerate(strings))


def _occurrences(match: Any, data: bytes, path: bytes, *, binary: bool) -> Iterator[Occurrence]:
    for string in match.strings:
        for instance in string.instances[:_MOST_JUDGED]:
            start = instance.offset
            end = start + instance.matched_length
            yield Occurrence(path=path, data=data, start=start, end=end, binary=binary)
