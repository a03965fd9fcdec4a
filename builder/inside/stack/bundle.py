"""The packages of the live stack, as the builder image has them: unpacked, installed nowhere.

`containers/workshop/assemble` makes the folder, from the section `live` of the lock.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from builder.border import paths
from builder.formats.package import Package

_SECTION: Final = "live"
_NOT_USED: Final = ("usr/share/doc", "etc/kernel")


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file of a package: where it belongs, its content, and whether it may be run."""

    path: str
    data: bytes
    mode: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """The folder `packages`, which `lock` describes, and the C library in `libraries`."""

    packages: Path
    lock: Path
    libraries: Path

    def package(self, name: str) -> Package:
        """Return what the lock says of a package. Raises KeyError for one that it lacks."""
        for line in self.lock.read_text("utf-8").split("\n"):
            words = line.split(" ")
            if words[:3] == ["package", _SECTION, name]:
                return Package(name=name, version=words[3], architecture=words[4])
        raise KeyError(name)

    def files(self, name: str, below: str = "") -> Iterator[File]:
        """Yield the files of a package at and below a path of it, sorted, without documentation.

        Its symbolic links are read as the files that they lead to.
        """
        top = self.packages / name
        for directory, _names, files in os.walk(top / below.strip("/")):
            inside = Path(directory).relative_to(top)
            if inside.as_posix().startswith(_NOT_USED):
                continue
            for each in sorted(files):
                yield _file(Path(directory) / each, f"/{(inside / each).as_posix()}")

    def root_of(self, name: str) -> Path:
        """Return where a package is unpacked: by itself, or as a part of the builder image."""
        by_itself = self.packages / name
        return by_itself if by_itself.is_dir() else Path("/")

    def file(self, name: str, path: str) -> File:
        """Return one file of a package."""
        return _file(self.packages / name / path.lstrip("/"), path)

    def library(self, name: str) -> bytes:
        """Return a shared library, or its loader."""
        return (self.libraries / name).read_bytes()


def _file(real: Path, path: str) -> File:
    return File(path=path, data=real.read_bytes(), mode=stat.S_IMODE(real.stat().st_mode))


BUNDLE: Final = Bundle(
    packages=paths.LOCK.parent / "live",
    lock=paths.LOCK,
    libraries=Path("/usr/lib/x86_64-linux-gnu"),
)
