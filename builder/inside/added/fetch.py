"""Gets the files of packages into a folder, each named after its SHA-256.

A file that has another name is found by its size and SHA-256, so that the folder may also be what
`apt-get download` or a mirror left. Nothing is believed but the SHA-256: no certificate is checked.
"""

import hashlib
import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from builder.basics.errors import BuilderError, HostError
from builder.basics.regular import open_regular
from builder.border.added_packages import Fetched, FetchRequest
from builder.formats.added_packages import AddedPackage
from builder.inside.system.system import System

_CHUNK: Final = 1 << 20
_TIMEOUT: Final = 60.0  # seconds without an answer
_ATTEMPTS: Final = 3
_MOST_NAMED: Final = 6


def fetch(request: FetchRequest, folder: Path, *, system: System) -> Fetched:
    """Have all files in the folder. Raises HostError that names those that cannot be had."""
    store = Store(folder)
    missing = [each for each in request.packages if store.find(each) is None]
    failed: list[str] = []
    for done, package in enumerate(missing, start=1):
        system.log(f"{package} from {package.url}")
        try:
            store.add(package)
        except (OSError, ValueError) as error:
            failed.append(f"{package} ({_told(error)})")
        system.progress(done / len(missing))
    if failed:
        raise _unavailable(failed)
    kept = len(request.packages) - len(missing)
    return Fetched(kept=kept, fetched=len(missing))


class Store:
    """A folder of packages."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._by_size: dict[int, list[Path]] | None = None

    def find(self, package: AddedPackage) -> Path | None:
        """Return the file of a package, of which size and SHA-256 are right."""
        named = self._folder / package.key
        for path in (named, *self._others(package.size)):
            if _is_of(package, path):
                return path
        return None

    def add(self, package: AddedPackage) -> None:
        """Get a file. Raises OSError or ValueError where it cannot be had as the lock names it."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                self._get(package)
            except urllib.error.HTTPError as error:
                if error.code < 500 or attempt == _ATTEMPTS:
                    raise
            except OSError:
                if attempt == _ATTEMPTS:
                    raise
            else:
                return

    def _get(self, package: AddedPackage) -> None:
        partial = self._folder / f".{package.key}.partial"
        digest, size = hashlib.sha256(), 0
        context = ssl._create_unverified_context()  # noqa: S323 - the lock has the SHA-256
        request = urllib.request.Request(package.url, headers={"User-Agent": "distroclone-builder"})  # noqa: S310 - a lock has only http and https
        try:
            with (
                urllib.request.urlopen(request, timeout=_TIMEOUT, context=context) as answer,  # noqa: S310
                partial.open("wb") as file,
            ):
                while (chunk := answer.read(_CHUNK)) and size <= package.size:
                    digest.update(chunk)
                    size += len(chunk)
                    file.write(chunk)
            if (size, digest.hexdigest()) != (package.size, package.sha256):
                raise ValueError("it is another file than the lock names")
            owner = self._folder.stat()
            os.chown(partial, owner.st_uid, owner.st_gid)
            partial.chmod(0o644)
            partial.rename(self._folder / package.key)
        finally:
            partial.unlink(missing_ok=True)

    def _others(self, size: int) -> Sequence[Path]:
        if self._by_size is None:
            self._by_size = {}
            for path in sorted(self._folder.rglob("*.deb")):
                if not path.is_symlink() and path.is_file():
                    self._by_size.setdefault(path.stat().st_size, []).append(path)
        return self._by_size.get(size, ())


def _is_of(package: AddedPackage, path: Path) -> bool:
    try:
        with open_regular(path) as file:
            if os.fstat(file.fileno()).st_size != package.size:
                return False
            digest = hashlib.sha256()
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
            return digest.hexdigest() == package.sha256
    except OSError:
        return False


def _told(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"the server says {error.code}"
    if isinstance(error, urllib.error.URLError):
        return str(error.reason)
    return str(error)


def _unavailable(failed: Sequence[str]) -> BuilderError:
    names = ", ".join(failed[:_MOST_NAMED])
    return HostError(
        "Packages cannot be had: {names}",
        hint="The archive may have newer ones: make the lock again with `distroclone-builder "
        "packages lock`. Or give a folder that has these files with --packages-from.",
        names=names if len(failed) <= _MOST_NAMED else f"{names} …",
    )
