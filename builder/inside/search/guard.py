"""Decides what happens to findings: they stop the build, are told, or are allowed by a row."""

import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from builder.basics.codec import to_data
from builder.basics.errors import PrivacyError
from builder.basics.texts import render
from builder.border.privacy import (
    KIND_OF,
    AllowedFinding,
    Finding,
    Privacy,
    PrivacyMode,
)
from builder.inside.search.alone import Image, Request, searched
from builder.inside.search.memory import FileMemory
from builder.inside.search.tree_search import SYSTEM
from builder.inside.search.words import Words
from builder.inside.system.system import System
from builder.inside.tree.filter_rules import FilterRules

_MOST_SHOWN: Final = 20


@dataclass(slots=True, kw_only=True)
class Guard:
    """Looks for private things and `words` in the tree at `root` and in what is made from it.

    `record` gets all findings, as a JSON list.
    """

    root: Path
    words: Words
    privacy: Privacy
    record: Path
    _findings: list[Finding] = field(default_factory=list)

    def tree(self, system: System, *, memory: FileMemory | None = None) -> tuple[Finding, ...]:
        """Search the whole tree, but for what is in `memory`, and return all findings."""
        return self._searched(system, images=None, memory=memory)

    def initramfs(self, images: Sequence[tuple[str, Path]], system: System) -> tuple[Finding, ...]:
        """Search the images of kernels."""
        named = (Image(version=kernel, path=os.fspath(path)) for kernel, path in images)
        return self._searched(system, images=tuple(named), memory=None)

    def _searched(
        self, system: System, *, images: tuple[Image, ...] | None, memory: FileMemory | None
    ) -> tuple[Finding, ...]:
        request = Request(root=os.fspath(self.root), words=self.words, images=images)
        return searched(request, system, scratch=self.record.parent, memory=memory)

    def finish(self, system: System) -> None:
        """Warn of each row that allowed nothing."""
        used = {(each.rule, each.allowed) for each in self._findings}
        for row in self.privacy.allow:
            if (row.rule, row.reason) not in used:
                system.note(
                    "The row for {path} and {rule} below privacy.allow allowed nothing",
                    warning=True,
                    path=row.path,
                    rule=row.rule,
                )

    def judge(self, found: Iterable[Finding], system: System) -> None:
        """Tell findings. Raises PrivacyError for what is not allowed, unless it is to warn."""
        judged = [replace(each, allowed=_allowed(each, self.privacy.allow)) for each in found]
        self._findings += judged
        self._write()
        opened = [each for each in judged if each.allowed is None]
        for finding in opened[_MOST_SHOWN:]:
            system.log(_line(finding))
        for finding in opened[:_MOST_SHOWN]:
            system.note(KIND_OF[finding.rule].message, warning=True, path=_place(finding))
        if len(judged) > len(opened):
            system.note("{count} findings are allowed", count=len(judged) - len(opened))
        if opened:
            self._tell(opened, system)

    def _tell(self, opened: Sequence[Finding], system: System) -> None:
        counts = Counter(each.rule for each in opened)
        rules = ", ".join(f"{rule} {count}" for rule, count in sorted(counts.items()))
        if self.privacy.mode is PrivacyMode.WARN:
            system.note(
                "Private things would be packed: {rules}",
                warning=True,
                count=len(opened),
                rules=rules,
            )
            return
        raise PrivacyError(
            "Private things would be packed: {rules}",
            hint="Leave such files out with `exclude`, or take the private things out of them; the "
            "log names each. What may be published goes below privacy.allow in build.yaml. For an "
            "ISO that nobody else gets, use --privacy warn.",
            count=len(opened),
            rules=rules,
        )

    def _write(self) -> None:
        text = json.dumps(to_data(self._findings), indent=1, ensure_ascii=True)
        self.record.write_text(f"{text}\n", encoding="ascii")
        self.record.chmod(0o600)


def _allowed(finding: Finding, rows: Iterable[AllowedFinding]) -> str | None:
    """Return the reason of the first row that allows a finding."""
    for row in rows:
        if row.rule == finding.rule and _covers(row.path, finding.path):
            return row.reason
    return None


def _covers(pattern: str, path: str) -> bool:
    """Whether rsync would leave out a file at `path` because of `pattern`."""
    rules = FilterRules([f"- {pattern}"])
    encoded = os.fsencode(path)
    parents = [encoded[:at] for at, sign in enumerate(encoded) if sign == ord("/") and at]
    return not rules.copies(encoded, directory=False) or not all(
        rules.copies(parent, directory=True) for parent in (*parents, encoded)
    )


def _place(finding: Finding) -> str:
    place = finding.path if finding.where == SYSTEM else f"{finding.where}: {finding.path}"
    return f"{place}: {finding.member}" if finding.member else place


def _line(finding: Finding) -> str:
    kind = KIND_OF[finding.rule]
    return (
        f"{render(kind.message, {'path': _place(finding)})} ({kind.name}). {render(kind.hint, {})}"
    )
