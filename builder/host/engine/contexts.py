"""Docker's contexts: names for engines, kept in the folder of Docker's client.

The layout is that of docker/cli, cli/context/store: `contexts/meta/ID/meta.json` and
`contexts/tls/ID/docker/*.pem`, where ID is the SHA-256 of the name.
"""

import contextlib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from builder.basics.errors import HostError
from builder.basics.regular import open_regular
from builder.host.engine.endpoints import Endpoint, TlsFiles, Why, parse_address

DEFAULT: Final = "default"  # Docker's name for its default socket
_MISSING: Final = (FileNotFoundError, NotADirectoryError)
_LIMIT: Final = 1 << 20  # bytes of a file; they have a few hundred


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerFolder:
    """The folder of Docker's client, `~/.docker`."""

    path: Path

    def current(self) -> str:
        """Return the name of the current context; DEFAULT where none was chosen.

        That is so for settings that cannot be read, too: Docker's client goes on without them.
        """
        try:
            settings = _object(self.path / "config.json")
        except (HostError, *_MISSING):
            return DEFAULT
        name = settings.get("currentContext")
        return name if isinstance(name, str) and name else DEFAULT

    def names(self) -> tuple[str, ...]:
        """Return the name of every context, DEFAULT first; what cannot be read is left out."""
        found = set[str]()
        with contextlib.suppress(OSError):  # somebody else's folder, as `sudo` may leave it
            for file in self.path.glob("contexts/meta/*/meta.json"):
                with contextlib.suppress(HostError, *_MISSING):
                    name = _object(file).get("Name")
                    if isinstance(name, str):
                        found.add(name)
        return (DEFAULT, *sorted(found - {DEFAULT}))

    def endpoint(self, name: str, *, why: Why) -> Endpoint:
        """Return the engine that a context names.

        Raises UsageError or HostError, as `why` has it, for a context that does not exist, and
        HostError for one that is broken.
        """
        file = self.path / "contexts/meta" / _id(name) / "meta.json"
        try:
            said = _object(file)
        except _MISSING as error:
            raise why.error(
                "There is no Docker context {name}, which {source} names",
                hint="There are: {names}. `docker context create` makes one.",
                name=name,
                source=why.value,
                names=", ".join(self.names()),
            ) from error
        docker = _part(_part(said, "Endpoints"), "docker")
        host = docker.get("Host")
        if not isinstance(host, str) or not host:
            raise HostError(
                "The Docker context {name} does not name an engine of Docker's kind",
                hint="Choose another one with --context; `docker context ls` lists them.",
                name=name,
            )
        tls = self._tls(name, verify=docker.get("SkipTLSVerify") is not True)
        address = parse_address(host, why=why, with_tls=tls is not None, source=f"context {name}")
        return Endpoint(address=address, why=why, context=name, tls=tls)

    def _tls(self, name: str, *, verify: bool) -> TlsFiles | None:
        folder = self.path / "contexts/tls" / _id(name) / "docker"
        paths = {each: folder / f"{each}.pem" for each in ("ca", "cert", "key")}
        there = {each: path for each, path in paths.items() if _is_there(path)}
        if not there:
            return None
        return TlsFiles(
            authority=there.get("ca"),
            certificate=there.get("cert"),
            key=there.get("key"),
            verify=verify,
        )


def _id(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # in a folder that cannot be entered
        return False


def _part(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = data.get(key)
    return found if isinstance(found, dict) else {}


def _object(file: Path) -> Mapping[str, Any]:
    """Return the JSON object in a file. Raises one of _MISSING where there is no file."""
    try:
        with open_regular(file, follow=True) as stream:
            found = json.loads(stream.read(_LIMIT))
    except _MISSING:
        raise
    except (OSError, ValueError, RecursionError) as error:
        raise HostError(
            "Docker's settings in {file} cannot be read: {reason}",
            hint="Repair the file, or name the engine with --engine.",
            file=file,
            reason=error,
        ) from error
    if not isinstance(found, dict):
        raise HostError(
            "Docker's settings in {file} are not a JSON object",
            hint="Repair the file, or name the engine with --engine.",
            file=file,
        )
    return found
