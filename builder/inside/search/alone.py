"""Searches in a process that sees what is searched and nothing else: `alone.py FOLDER`.

What reads a stranger's files here are engines in C: YARA, and those that unpack archives. A fault
in one of them must not reach the build. The request is on standard input, since the words in it
are private; lines on standard output are fractions of what is done. The answer, and what was learnt
of files, go to the folder; what is known of them before is in it.

This file is run by its path.
"""

import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[3]))

from builder.basics.codec import from_data, to_data
from builder.basics.errors import BuilderError, StepError, error_from_data
from builder.basics.regular import read_whole
from builder.border.privacy import Finding
from builder.inside.blocks.kept_files import SeenFiles
from builder.inside.search.memory import FileMemory
from builder.inside.search.recall import Learnt, Recall, file_digests
from builder.inside.search.tree_search import tree_search
from builder.inside.search.words import Word
from builder.inside.system.system import Sight, System

_PROGRAM: Final = (sys.executable, "-I", __file__)
_LARGEST: Final = 256 << 20  # bytes of an answer
_ANSWER: Final = "answer"
_LEARNT: Final = "learnt"
_BEFORE: Final = "before"


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An initramfs."""

    version: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The `source` of the tree, of which something is to be learnt.

    If something is known of it, `records` is the file of its records.
    """

    source: str
    records: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to search for: `words`, and all that is always private; in `images`, or in the tree."""

    root: str
    words: tuple[Word, ...]
    images: tuple[Image, ...] | None
    memory: Known | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    found: tuple[Finding, ...]


def searched(
    request: Request, system: System, *, scratch: Path, memory: FileMemory | None = None
) -> tuple[Finding, ...]:
    """Search in a process of its own, and return what it found; `memory` learns of it.

    `scratch` is a folder for files that are there meanwhile. Raises StepError for what cannot be
    read.
    """
    read = (Path(request.root), *(Path(image.path) for image in request.images or ()))
    with tempfile.TemporaryDirectory(dir=scratch, prefix="search-") as name:
        folder = Path(name)
        if memory is not None:
            known = _known(memory, folder)
            request = replace(request, memory=known)
            read = (*read, memory.source, *([memory.records] if known.records else []))
        system.run(
            (*_PROGRAM, name),
            sight=Sight(reads=read, writes=(folder,)),
            stdin=json.dumps(to_data(request)).encode("ascii"),
            progress=_fraction,
        )
        with _understanding():
            found = _answered(folder)
            if memory is not None:
                learnt = Learnt.decode(_read(folder / _LEARNT))
                system.log(f"{learnt.reused} files were searched by an earlier build")
                memory.offer(learnt)
    return found


def _known(memory: FileMemory, folder: Path) -> Known:
    before = memory.recalled()
    if before is not None:
        (folder / _BEFORE).write_bytes(before)
    records = os.fspath(memory.records) if before is not None else None
    return Known(source=os.fspath(memory.source), records=records)


@contextlib.contextmanager
def _understanding() -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, AttributeError, TypeError, RecursionError) as error:
        raise StepError(
            "The search for private things gave no answer: {reason}",
            hint="Please report this with the log.",
            reason=error,
        ) from error


def _answered(folder: Path) -> tuple[Finding, ...]:
    data: dict[str, Any] = json.loads(_read(folder / _ANSWER))
    if "error" in data:
        raise error_from_data(data["error"])
    return from_data(_Answer, data).found


def _read(path: Path) -> bytes:
    return read_whole(path, limit=_LARGEST)


def _fraction(line: str) -> float | None:
    try:
        return float(line)
    except ValueError:
        return None


def main(arguments: Sequence[str]) -> None:
    """Answer the request."""
    (folder,) = map(Path, arguments)
    request = from_data(Request, json.load(sys.stdin))
    recall = _recall(request.memory, folder) if request.memory is not None else None
    try:
        found = _search(request, recall)
    except BuilderError as error:
        data: dict[str, Any] = {"error": error.to_data()}
    else:
        data = dict(to_data(_Answer(found=found)))
    (folder / _ANSWER).write_text(json.dumps(data), encoding="ascii")
    if recall is not None:
        (folder / _LEARNT).write_bytes(recall.learnt().encode())


def _recall(known: Known, folder: Path) -> Recall:
    source = Path(known.source)
    if known.records is None:
        return Recall(source=source)
    try:
        seen = SeenFiles.decode((folder / _BEFORE).read_bytes())
    except ValueError:
        return Recall(source=source)
    return Recall(source=source, seen=seen, digests=file_digests(Path(known.records)))


def _search(request: Request, recall: Recall | None) -> tuple[Finding, ...]:
    search = tree_search(Path(request.root), request.words)
    if request.images is None:
        return search.whole(Path(request.root), on_progress=_tell, memory=recall)
    return tuple(
        found
        for image in request.images
        for found in search.initramfs(Path(image.path), version=image.version)
    )


def _tell(fraction: float) -> None:
    sys.stdout.write(f"{fraction:.3f}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
