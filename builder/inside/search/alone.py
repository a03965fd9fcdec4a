"""Searches in a process that sees what is searched and nothing else: `alone.py ANSWER`.

What reads a stranger's files here are engines in C: YARA, and those that unpack archives. A fault
in one of them must not reach the build. The request is on standard input, since the words in it
are private; lines on standard output are fractions of what is done.

This file is run by its path.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[3]))

from builder.basics.codec import from_data, to_data
from builder.basics.errors import BuilderError, StepError, error_from_data
from builder.border.privacy import Finding
from builder.inside.search.tree_search import tree_search
from builder.inside.search.words import Word
from builder.inside.system.system import Sight, System

_PROGRAM: Final = (sys.executable, "-I", __file__)
_LARGEST: Final = 256 << 20  # bytes of an answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An initramfs."""

    version: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to search for: `words`, and all that is always private; in `images`, or in the tree."""

    root: str
    words: tuple[Word, ...]
    images: tuple[Image, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    found: tuple[Finding, ...]


def searched(request: Request, system: System, *, answer: Path) -> tuple[Finding, ...]:
    """Search in a process of its own, and return what it found; `answer` is a file for it alone.

    Raises StepError for what cannot be read.
    """
    answer.write_bytes(b"")
    answer.chmod(0o600)
    read = (Path(request.root), *(Path(image.path) for image in request.images or ()))
    try:
        system.run(
            (*_PROGRAM, str(answer)),
            sight=Sight(reads=read, writes=(answer,)),
            stdin=json.dumps(to_data(request)).encode("ascii"),
            progress=_fraction,
        )
        return _understood(answer)
    finally:
        answer.unlink()


def _understood(answer: Path) -> tuple[Finding, ...]:
    with answer.open("rb") as stream:
        text = stream.read(_LARGEST + 1)
    try:
        if len(text) > _LARGEST:
            raise ValueError("it is too long")
        data: dict[str, Any] = json.loads(text)
        if "error" in data:
            raise error_from_data(data["error"])
        return from_data(_Answer, data).found
    except (ValueError, AttributeError, TypeError, RecursionError) as error:
        raise StepError(
            "The search for private things gave no answer: {reason}",
            hint="Please report this with the log.",
            reason=error,
        ) from error


def _fraction(line: str) -> float | None:
    try:
        return float(line)
    except ValueError:
        return None


def main(arguments: Sequence[str]) -> None:
    """Answer the request."""
    (answer,) = map(Path, arguments)
    try:
        found = _search(from_data(Request, json.load(sys.stdin)))
    except BuilderError as error:
        data: dict[str, Any] = {"error": error.to_data()}
    else:
        data = dict(to_data(_Answer(found=found)))
    answer.write_text(json.dumps(data), encoding="ascii")


def _search(request: Request) -> tuple[Finding, ...]:
    search = tree_search(Path(request.root), request.words)
    if request.images is None:
        return search.whole(Path(request.root), on_progress=_tell)
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
