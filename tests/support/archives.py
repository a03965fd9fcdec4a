"""Archives of packages, made here and served to the engine's containers."""

import functools
import hashlib
import ipaddress
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import docker

from builder.host.engine import Product
from builder.host.engine.podman import product_of
from tests.support.keys import gpg


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""


@contextmanager
def served(folder: Path, client: docker.DockerClient) -> Iterator[str]:
    """Serve a folder over HTTP at an address that containers reach; yield the address."""
    address = _address(client)
    handler = functools.partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://{address}:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def _address(client: docker.DockerClient) -> str:
    """Return this machine's address for the engine's containers, and for its builds of images.

    On Docker, that on the engine's network: the first one, unless configured. An engine that was
    started for the first time does not name it (moby issue 26799). On Podman, that network is only
    there while a container is on it, and builds of images are on the machine's own.
    """
    if product_of(client.version()) is Product.PODMAN:
        return _own_address()
    network = client.networks.get("bridge").attrs["IPAM"]["Config"][0]
    first = next(ipaddress.ip_network(network["Subnet"]).hosts())
    return str(network.get("Gateway", first))


def _own_address() -> str:
    """Return the address that this machine has where its default route leads; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        asked.connect(("192.0.2.1", 9))  # RFC 5737: nobody's
        return str(asked.getsockname()[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A package to make: fields of its control file, its files, and its script after installing."""

    name: str
    version: str = "1.0"
    depends: str = ""
    conflicts: str = ""
    files: Mapping[str, str]
    postinst: str = ""


def make_archive(folder: Path, packages: Sequence[Made]) -> None:
    """Make a flat archive in `folder`, signed by the key of gpg's keyring.

    Its public key is then in the file `key.gpg`.
    """
    stanzas = [_made(folder, each) for each in packages]
    index = folder / "Packages"
    index.write_text("\n".join(stanzas))
    content = index.read_bytes()
    (folder / "Release").write_text(
        "Suite: test\nCodename: test\nArchitectures: all amd64\n"
        # Past its date, as a frozen archive is.
        "Date: Fri, 18 Sep 2020 00:00:00 UTC\nValid-Until: Fri, 25 Sep 2020 00:00:00 UTC\n"
        f"SHA256:\n {hashlib.sha256(content).hexdigest()} {len(content)} Packages\n"
    )
    signed = gpg("--clearsign", "--output", "-", str(folder / "Release"))
    (folder / "InRelease").write_bytes(signed)
    (folder / "key.gpg").write_bytes(gpg("--export"))


def _made(folder: Path, package: Made) -> str:
    tree = folder / "making" / package.name
    control = tree / "DEBIAN"
    control.mkdir(parents=True)
    fields = {"Depends": package.depends, "Conflicts": package.conflicts}
    relations = "".join(f"{name}: {value}\n" for name, value in fields.items() if value)
    (control / "control").write_text(
        f"Package: {package.name}\nVersion: {package.version}\nArchitecture: all\n"
        f"Maintainer: Nobody <nobody@example.org>\n{relations}Description: for a test\n"
    )
    if package.postinst:
        (control / "postinst").write_text(package.postinst)
        (control / "postinst").chmod(0o755)
    for name, text in package.files.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755 if text.startswith("#!") else 0o644)
    name = f"{package.name}_{package.version}_all.deb"
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "--build", tree, folder / name],
        check=True, capture_output=True,
    )  # fmt: skip
    content = (folder / name).read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    stated = (control / "control").read_text()
    return f"{stated}Filename: ./{name}\nSize: {len(content)}\nSHA256: {digest}\n"
