"""Searches a whole tree: every content that no package brought, every name, every initramfs."""

import os
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Final

from builder.basics.errors import StepError
from builder.basics.printable import clean
from builder.basics.regular import open_regular
from builder.border.privacy import Finding
from builder.inside.archives.members import DAMAGED, archive_members
from builder.inside.archives.unpacking import UnpackedLimit
from builder.inside.debian.package_files import PackageFiles, read_package_files
from builder.inside.search.contents import ContentSearch, Found
from builder.inside.search.engine import Engine, compiled
from builder.inside.search.hardware_addresses import ADDRESS_RULES
from builder.inside.search.listing import ARROW, is_made, listing
from builder.inside.search.recall import Recall
from builder.inside.search.words import Words, word_rules
from builder.inside.search_rules.credentials import CREDENTIAL_RULES, LINK_RULES
from builder.inside.search_rules.hashes import HASH_RULES
from builder.inside.search_rules.keys import KEY_RULES
from builder.inside.search_rules.several_lines import SEVERAL_LINES_RULES
from builder.inside.search_rules.tokens import TOKEN_RULES
from builder.inside.tree.tree import Tree

SYSTEM: Final = "system"
_WORKERS: Final = 4
_BATCH: Final = 64
RULES: Final = (
    *KEY_RULES, *HASH_RULES, *TOKEN_RULES, *CREDENTIAL_RULES, *SEVERAL_LINES_RULES,
    *ADDRESS_RULES,
)  # fmt: skip
OnProgress = Callable[[float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeSearch:
    """Searches for the usual private things and for a machine's own words."""

    contents: ContentSearch
    names: Engine  # looks for words, and for secrets that are part of a name
    packages: PackageFiles

    def whole(
        self, root: Path, *, on_progress: OnProgress, memory: Recall | None = None
    ) -> tuple[Finding, ...]:
        """Search everything below `root`, or recall what is in a file from `memory`.

        Raises StepError for what cannot be read.
        """
        if memory is not None:
            memory.begin(public=self.contents.public)
        top = os.fsencode(root)
        listed = listing(root, owned=self.packages.paths)
        starts = range(0, len(listed.files), _BATCH)
        found: list[Finding] = []

        def search(start: int) -> list[Finding]:
            batch = listed.files[start : start + _BATCH]
            kinds = ((path, self._look(top, path, memory)) for path in batch)
            return [each for path, found in kinds for each in _findings(path, found, SYSTEM)]

        with ThreadPoolExecutor(_WORKERS, thread_name_prefix="search") as pool:
            for done, each in enumerate(pool.map(search, starts), start=1):
                found += each
                on_progress(done / len(starts))
        return _sorted((*found, *self._in_names(listed.names, SYSTEM)))

    def initramfs(self, image: Path, *, version: str) -> tuple[Finding, ...]:
        """Search every member of an initramfs. Raises StepError if it cannot be unpacked."""
        where = f"initramfs {version}"
        found: list[Finding] = []
        names: list[bytes] = []
        try:
            with open_regular(image) as stream:
                for member in archive_members(stream, limit=UnpackedLimit()):
                    path = b"/" + os.fsencode(member.name).removeprefix(b"./").lstrip(b"/")
                    names.append(path)
                    if not is_made(path, self.packages.paths):
                        kinds = self.contents.in_stream(member.stream, path=path, size=member.size)
                        found += _findings(path, kinds, where)
        except DAMAGED as error:
            raise StepError(
                "The initramfs for kernel {kernel} cannot be searched: {reason}",
                kernel=version,
                reason=str(error) or "it is truncated",
            ) from error
        return _sorted((*found, *self._in_names(names, where)))

    def _look(self, top: bytes, path: bytes, memory: Recall | None) -> Set[Found]:
        try:
            status = os.lstat(top + path)
            found = memory.recall(path, status) if memory is not None else None
            if found is not None:
                return found
            with open_regular(Path(os.fsdecode(top + path))) as file:
                looked = self.contents.look(file, path=path, size=status.st_size)
        except OSError as error:
            raise StepError(
                "{path} cannot be searched: {reason}",
                hint="The file may be damaged: check the disk.",
                path=clean(os.fsdecode(path)),
                reason=error.strerror,
            ) from error
        if memory is not None:
            memory.tell(path, status, looked)
        return looked.found

    def _in_names(self, names: Sequence[bytes], where: str) -> Iterator[Finding]:
        """Look for words in paths, each with the target of its link behind it."""
        text = b"\n".join(names)
        starts = list(accumulate((len(name) + 1 for name in names), initial=0))
        for kind, seen in self.names.occurrences_in(text, path=b""):
            name = names[bisect_right(starts, seen.start) - 1]
            yield from _findings(name.partition(b"\n")[0].partition(ARROW)[0], {Found(kind=kind)},
                                 where)  # fmt: skip


def tree_search(root: Path, words: Words) -> TreeSearch:
    """Return the search for the tree at `root`, whose packages are public, and for `words`."""
    packages = read_package_files(Tree(root))
    about = word_rules(words)
    return TreeSearch(
        contents=ContentSearch(engine=compiled((*RULES, *about)), public=packages.contents),
        names=compiled((*KEY_RULES, *TOKEN_RULES, *LINK_RULES, *about)),
        packages=packages,
    )


def _findings(path: bytes, kinds: Iterable[Found], where: str) -> list[Finding]:
    return [
        Finding(
            path=clean(os.fsdecode(path)),
            rule=each.kind,
            where=where,
            member=clean(each.member),
        )
        for each in kinds
    ]


def _sorted(found: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(
        sorted(set(found), key=lambda each: (each.where, each.path, each.rule, each.member))
    )
