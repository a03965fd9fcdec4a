"""The recipes of our images, wherever this package was installed from."""

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from builder.basics.errors import HostError
from builder.host.image.lock import Lock, parse_lock

TOOLS_PIN: Final = "tools-layer.json"
_PACKAGE: Final = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class BasePin:
    """The base image that every image of ours starts from."""

    repository: str
    tag: str  # for people
    digest: str
    suite: str  # what to bootstrap where no registry answers

    @property
    def reference(self) -> str:
        """The pin as people write it."""
        return f"{self.repository}:{self.tag}@{self.digest}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildContext:
    """What an image is built from: paths in the context and their content, and a name for it."""

    files: Mapping[str, bytes]

    @property
    def digest(self) -> str:
        """A sha256 over every path and its content."""
        whole = hashlib.sha256()
        for path, content in sorted(self.files.items()):
            whole.update(f"{path}\0{len(content)}\0".encode())
            whole.update(content)
        return whole.hexdigest()

    def archive(self) -> io.BytesIO:
        """Return the context as a tar that depends on the files alone."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for path, content in sorted(self.files.items()):
                member = tarfile.TarInfo(path)
                member.size, member.mode = len(content), 0o644
                archive.addfile(member, io.BytesIO(content))
        buffer.seek(0)
        return buffer


def containers_folder() -> Path:
    """Return the folder of image recipes: inside an installed package, beside it in a checkout."""
    for folder in (_PACKAGE / "containers", _PACKAGE.parent / "containers"):
        if (folder / "Dockerfile").is_file():
            return folder
    raise HostError(
        "The image recipes that belong to {package} are missing",
        hint="Install distroclone-builder again.",
        package=_PACKAGE,
    )


def base_pin() -> BasePin:
    """Read the pinned base image."""
    return BasePin(**json.loads((containers_folder() / "base-image.json").read_bytes()))


def lock_path() -> Path:
    """Return where the lock file is."""
    return containers_folder() / "packages.lock"


def builder_lock() -> Lock:
    """Read the lock file. Raises LockFormatError when it is not one."""
    return parse_lock(lock_path().read_text("utf-8"))


def pinned_tools() -> str | None:
    """Return the digest of the layer that the locked tools are, wherever they are made.

    It ships with the code. None where the recipes were changed since it was written.
    """
    pin = json.loads((containers_folder() / TOOLS_PIN).read_bytes())
    return str(pin["layer"]) if pin["recipes"] == tools_context().digest else None


def tools_context() -> BuildContext:
    """Return the context of the workshop, which makes the builder image but for our code.

    What writes the layers is in it for its digest: it decides their bytes as well.
    """
    files = _recipes(
        "Dockerfile",
        "packages.lock",
        "workshop/choose",
        "workshop/fetch",
        "workshop/assemble",
        "block-cache/block_cache.c",
        "block-cache/blake2b.h",
        "block-cache/fill_ahead.c",
        "steady-stat/steady_stat.c",
    )
    for name in ("layers.py", "image_archive.py"):
        files[f"written-by/{name}"] = (_PACKAGE / "host/image" / name).read_bytes()
    return BuildContext(files=files)


def builder_context() -> BuildContext:
    """Return all that the builder image is made from."""
    return BuildContext(files={**tools_context().files, **code_files()})


def boot_test_context() -> BuildContext:
    """Return the context of the boot-test image."""
    return BuildContext(files={**_recipes("boot-test/Dockerfile"), **code_files()})


def code_files() -> dict[str, bytes]:
    """Return our own code for containers: paths that begin with `builder/`, and their content."""
    packages = (_PACKAGE / name for name in ("basics", "formats", "border", "inside"))
    files = (path for each in packages for path in each.rglob("*") if path.is_file())
    return {
        f"builder/{path.relative_to(_PACKAGE).as_posix()}": path.read_bytes()
        for path in (*_PACKAGE.glob("*.py"), *files)
        if path.suffix != ".pyc"
    }


def _recipes(*names: str) -> dict[str, bytes]:
    folder = containers_folder()
    return {name: (folder / name).read_bytes() for name in names}
