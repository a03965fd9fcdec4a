"""Searches a whole tree: every content that no package brought, every name, every initramfs."""

import contextlib
import os
import re
import stat
import struct
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import BinaryIO, Final

from builder.basics.errors import StepError
from builder.basics.printable import clean
from builder.basics.regular import open_regular
from builder.border.privacy import Finding
from builder.inside.archives.members import DAMAGED, archive_members
from builder.inside.archives.unpacking import UnpackedLimit
from builder.inside.debian.package_files import PackageFiles, read_package_files
from builder.inside.search.contents import ContentSearch, Found, Looked
from builder.inside.search.derived import is_derived
from builder.inside.search.engine import Engine, compiled
from builder.inside.search.hardware_addresses import ADDRESS_RULES
from builder.inside.search.recall import Recall
from builder.inside.search.words import Words, word_rules
from builder.inside.search_rules.credentials import CREDENTIAL_RULES, LINK_RULES
from builder.inside.search_rules.hashes import HASH_RULES
from builder.inside.search_rules.keys import KEY_RULES
from builder.inside.search_rules.several_lines import SEVERAL_LINES_RULES
from builder.inside.search_rules.tokens import TOKEN_RULES
from builder.inside.tree.tree import Tree

SYSTEM: Final = "system"
_BYTECODE: Final = struct.Struct("<4sIII")  # PEP 552: magic, flags, date and size of the source
_WORD: Final = 0xFFFFFFFF
_WORKERS: Final = 4
_BATCH: Final = 64
_COMPILED: Final = re.compile(
    rb"(.*/)__pycache__/([^/]+?)\.cpython-\d+(?:\.opt-\d)?\.pyc", re.DOTALL
)
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
        return self._of(root, _walk(root), on_progress=on_progress, memory=memory)

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
                    if not _is_made(path, self.packages.paths):
                        kinds = self.contents.in_stream(member.stream, path=path, size=member.size)
                        found += _findings(path, kinds, where)
        except DAMAGED as error:
            raise StepError(
                "The initramfs for kernel {kernel} cannot be searched: {reason}",
                kernel=version,
                reason=str(error) or "it is truncated",
            ) from error
        return _sorted((*found, *self._in_names(names, where)))

    def _of(
        self,
        root: Path,
        entries: Iterable["_Entry"],
        *,
        on_progress: OnProgress,
        memory: Recall | None,
    ) -> tuple[Finding, ...]:
        top = os.fsencode(root)
        listed = list(entries)
        present = {each.path for each in listed} | self.packages.paths
        sources = {each.path: each.status for each in listed if each.path.endswith(b".py")}
        old = {each.path for each in listed if self._is_outdated(top, each, sources)}
        files = [
            each for each in _firsts(listed) if each.path in old or not _is_made(each.path, present)
        ]
        batches = [files[at : at + _BATCH] for at in range(0, len(files), _BATCH)]
        found: list[Finding] = []

        def search(batch: Sequence[_Entry]) -> list[Finding]:
            return [finding for each in batch for finding in self._in_file(top, each, memory)]

        with ThreadPoolExecutor(_WORKERS, thread_name_prefix="search") as pool:
            for done, each in enumerate(pool.map(search, batches), start=1):
                found += each
                on_progress(done / len(batches))
        names = [
            entry.path + _target(top, entry)
            for entry in listed
            if entry.path not in self.packages.paths and not _is_made(entry.path, present)
        ]
        return _sorted((*found, *self._in_names(names, SYSTEM)))

    def _is_outdated(
        self, top: bytes, entry: "_Entry", sources: Mapping[bytes, os.stat_result]
    ) -> bool:
        """Whether compiled Python is of an older state of its source than the one beside it."""
        source = _source_of(entry.path)
        if source is None or source not in sources or source in self.packages.paths:
            return False
        with contextlib.suppress(OSError), _opened(top + entry.path) as file:
            _magic, flags, changed, size = _BYTECODE.unpack(file.read(_BYTECODE.size).ljust(16))
            status = sources[source]
            dated = (int(status.st_mtime) & _WORD, status.st_size & _WORD)
            return flags != 0 or (changed, size) != dated
        return True

    def _in_file(self, top: bytes, entry: "_Entry", memory: Recall | None) -> Iterator[Finding]:
        path, status = entry.path, entry.status
        found = memory.recall(path, status) if memory is not None else None
        if found is None:
            looked = self._look(top, entry)
            found = looked.found
            if memory is not None:
                memory.tell(path, status, looked)
        yield from _findings(path, found, SYSTEM)

    def _look(self, top: bytes, entry: "_Entry") -> Looked:
        try:
            with _opened(top + entry.path) as file:
                return self.contents.look(file, path=entry.path, size=entry.status.st_size)
        except OSError as error:
            raise StepError(
                "{path} cannot be searched: {reason}",
                hint="The file may be damaged: check the disk.",
                path=clean(os.fsdecode(entry.path)),
                reason=error.strerror,
            ) from error

    def _in_names(self, names: Sequence[bytes], where: str) -> Iterator[Finding]:
        """Look for words in paths, each with the target of its link behind it."""
        text = b"\n".join(names)
        starts = list(accumulate((len(name) + 1 for name in names), initial=0))
        for kind, seen in self.names.occurrences_in(text, path=b""):
            name = names[bisect_right(starts, seen.start) - 1]
            yield from _findings(name.partition(b"\n")[0].partition(_ARROW)[0], {Found(kind=kind)},
                                 where)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    path: bytes
    status: os.stat_result


_ARROW: Final = b" -> "


def tree_search(root: Path, words: Words) -> TreeSearch:
    """Return the search for the tree at `root`, whose packages are public, and for `words`."""
    packages = read_package_files(Tree(root))
    about = word_rules(words)
    return TreeSearch(
        contents=ContentSearch(engine=compiled((*RULES, *about)), public=packages.contents),
        names=compiled((*KEY_RULES, *TOKEN_RULES, *LINK_RULES, *about)),
        packages=packages,
    )


def _is_made(path: bytes, present: Collection[bytes]) -> bool:
    """Whether a file was made from others that are `present`, or from packages alone."""
    return _source_of(path) in present or is_derived(path)


def _source_of(path: bytes) -> bytes | None:
    """Return where the source of compiled Python is; None for anything else."""
    made = _COMPILED.fullmatch(path)
    return made[1] + made[2] + b".py" if made else None


def _walk(root: Path) -> Iterator[_Entry]:
    top = os.fsencode(root)
    waiting = [b""]
    while waiting:
        above = waiting.pop()
        with os.scandir(top + (above or b"/")) as listed:
            for entry in sorted(listed, key=lambda each: each.name):
                status = entry.stat(follow_symlinks=False)
                yield _Entry(path=above + b"/" + entry.name, status=status)
                if stat.S_ISDIR(status.st_mode):
                    waiting.append(above + b"/" + entry.name)


def _firsts(entries: Iterable[_Entry]) -> Iterator[_Entry]:
    """Yield the regular files that are not empty, each under one name."""
    seen: set[tuple[int, int]] = set()
    for entry in entries:
        status = entry.status
        if not stat.S_ISREG(status.st_mode) or not status.st_size:
            continue
        if status.st_nlink > 1:
            inode = (status.st_dev, status.st_ino)
            if inode in seen:
                continue
            seen.add(inode)
        yield entry


def _target(top: bytes, entry: _Entry) -> bytes:
    if not stat.S_ISLNK(entry.status.st_mode):
        return b""
    return _ARROW + os.readlink(top + entry.path)  # noqa: PTH115 - a Path has no bytes


def _opened(path: bytes) -> BinaryIO:
    return open_regular(Path(os.fsdecode(path)))


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
