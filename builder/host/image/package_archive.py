"""Where the lock's packages may come from besides Debian's archive: folders, and other archives.

Neither is trusted: each package is checked against the lock's sha256.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from builder.basics.errors import HostError, UsageError
from builder.basics.regular import open_regular
from builder.border.events import Event, Note
from builder.host.image.lock import Package
from builder.host.image.resources import builder_lock

# Of these, no character means anything to a shell or to a line of apt's sources.
_URL: Final = re.compile(r"https?://[A-Za-z0-9][A-Za-z0-9._~:/@%+,=-]*")


class PackageHashError(HostError):
    """A package is not the one that the lock names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Archives:
    """What `--archive` names."""

    folders: tuple[Path, ...] = ()
    urls: tuple[str, ...] = ()

    def packages(self, *, on_event: Callable[[Event], None]) -> Mapping[str, bytes]:
        """Return the lock's packages that the folders have, by their path in the build context.

        Raises PackageHashError when a file has the name of one but not its content.
        """
        files: dict[str, bytes] = {}
        packages = builder_lock().packages
        for folder in self.folders:
            here = _found_in(folder, packages)
            files.update(here)
            on_event(
                Note(
                    level="info",
                    message="{folder} has {count} of {total} packages",
                    values={
                        "folder": str(folder),
                        "count": str(len(here)),
                        "total": str(len(packages)),
                    },
                )
            )
        return files


def archives_of(sources: Sequence[str]) -> Archives:
    """Sort what the command line names into folders and URLs.

    Raises UsageError for what is neither.
    """
    folders, urls = [], []
    for source in sources:
        if _URL.fullmatch(source):
            urls.append(source)
        elif source and "://" not in source and Path(source).is_dir():
            folders.append(Path(source))
        else:
            raise UsageError(
                "There is no package archive at {source}",
                hint="Give a folder with .deb files, or the http:// or https:// URL of an archive.",
                source=source,
            )
    return Archives(folders=tuple(folders), urls=tuple(urls))


def _found_in(folder: Path, packages: Sequence[Package]) -> dict[str, bytes]:
    there = {path.name: path for path in sorted(folder.rglob("*.deb")) if path.is_file()}
    found = {}
    for package in packages:
        path = next((there[name] for name in package.file_names if name in there), None)
        if path is not None:
            found[f"archive/{package.sha256}.deb"] = _checked(path, package)
    return found


def _checked(path: Path, package: Package) -> bytes:
    try:
        with open_regular(path, follow=True) as file:
            content = file.read()
    except OSError as error:
        raise HostError(
            "The package {path} cannot be read: {reason}",
            hint="Check the file and its permissions, or take it out of that folder.",
            path=path,
            reason=error.strerror or error,
        ) from error
    came = hashlib.sha256(content).hexdigest()
    if came != package.sha256:
        raise PackageHashError(
            "{path} does not match {package} in packages.lock: its sha256 is {came}, not {wanted}",
            hint="Do not use that file until you know why. Take it out of the folder.",
            path=path,
            package=package,
            came=came,
            wanted=package.sha256,
        )
    return content
