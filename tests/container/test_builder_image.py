"""The builder image is the same wherever it was made, and whatever its packages came from."""

import functools
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import docker
import pytest

from builder.errors import HostError
from builder.host.base_image import Base, BaseOrigin
from builder.host.engine import Engine
from builder.host.image import build_builder, tools_tag
from builder.host.lock import Package
from builder.host.package_archive import Archives
from builder.host.resources import BuildContext, builder_lock
from builder.host.workshop import workshop
from builder.plan import ImageIdentity
from tests.conftest import ignore, report
from tests.support.registries import forget

pytestmark = pytest.mark.container

PROJECT = Path(__file__).parents[2]
# Prints files that are younger than the image, or where only folders may be.
_TRACES = """
find / -xdev -newermt '{date} 00:00:01' -type f
find /var/log /var/cache /tmp -type f
dpkg --audit
"""
_NO_SOURCES = "distroclone-builder-no-sources:test"


@pytest.fixture(scope="module")
def locked(builder_image: ImageIdentity) -> bool:
    """Whether Debian's archive still has what the lock names; else the archive itself is tried."""
    return builder_image.locked


@pytest.fixture(scope="module")
def isolated_base(engine: Engine, client: docker.DockerClient, base_image: str) -> Iterator[Base]:
    """A base image that knows no archive."""
    recipe = f"FROM {base_image}\nRUN rm -r /etc/apt/sources.list*\n"
    image = engine.images.build(
        BuildContext(files={"Dockerfile": recipe.encode()}).archive(),
        dockerfile="Dockerfile",
        tag=_NO_SOURCES,
        arguments={},
        labels={},
        fresh=True,
        on_line=lambda _line: None,
    )
    yield Base(id=image, origin=BaseOrigin.BOOTSTRAPPED)
    forget(client, _NO_SOURCES)


@pytest.fixture(scope="module")
def packages(
    engine: Engine, base_image: str, locked: bool, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder with every package of the lock, under the name that archives give it."""
    folder = tmp_path_factory.mktemp("packages")
    with (
        workshop(engine, locked=locked, target="fetch", on_event=ignore) as shop,
        engine.images.taken_out(shop.image, "/workshop/root/.packages", labels={}) as pieces,
        (folder / "all.tar").open("w+b") as file,
    ):
        file.writelines(pieces)
        file.seek(0)
        with tarfile.open(fileobj=file) as archive:
            archive.extractall(folder, filter="data")
    for package in builder_lock().packages:
        made = folder / ".packages" / package.section / f"{package.name}.deb"
        made.rename(folder / package.file_names[0])
    return folder


def test_made_from_nothing_it_is_the_same_image(
    engine: Engine, builder_image: ImageIdentity
) -> None:
    tools = engine.images.find(tools_tag(locked=builder_image.locked))
    again = build_builder(engine, locked=builder_image.locked, fresh=True, on_event=ignore)
    assert again == builder_image
    made = engine.images.find(tools_tag(locked=builder_image.locked))
    assert made is not None
    assert tools is not None
    assert made.layers == tools.layers
    report(f"builder image: {again.id}")


def test_it_holds_no_trace_of_the_engine_that_made_it(
    client: docker.DockerClient, builder_image: ImageIdentity
) -> None:
    image = client.images.get(builder_image.id)
    date = builder_lock().date.isoformat()
    assert image.attrs["Created"].startswith(date)
    found = client.containers.run(
        builder_image.id,
        ["-c", _TRACES.format(date=date)],
        entrypoint="sh", network_mode="none", remove=True,
    )  # fmt: skip
    assert set(found.decode().split()) <= {
        "/.dockerenv", "/etc/hostname", "/etc/hosts", "/etc/resolv.conf",
    }  # fmt: skip


def test_a_folder_of_packages_is_enough_where_no_archive_is(
    engine: Engine, isolated_base: Base, packages: Path
) -> None:
    with workshop(
        engine,
        locked=True,
        archives=Archives(folders=(packages,)),
        base=isolated_base,
        target="fetch",
        on_event=ignore,
    ):
        pass


def test_a_folder_that_lacks_a_package_is_not_enough_there(
    engine: Engine, isolated_base: Base, packages: Path, tmp_path: Path
) -> None:
    for package in builder_lock().packages:
        if package.name != "xorriso":
            name = package.file_names[0]
            (tmp_path / name).hardlink_to(packages / name)
    with (
        pytest.raises(HostError, match="No package archive answers") as caught,
        workshop(
            engine,
            locked=True,
            archives=Archives(folders=(tmp_path,)),
            base=isolated_base,
            target="fetch",
            on_event=ignore,
        ),
    ):
        pass
    assert "--archive" in caught.value.advice


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""


@pytest.fixture
def archive_url(client: docker.DockerClient, packages: Path, tmp_path: Path) -> Iterator[str]:
    """An unsigned archive of old versions, with the packages but for xorriso, served over HTTP."""
    index = tmp_path / "dists/trixie/main/binary-amd64/Packages"
    index.parent.mkdir(parents=True)
    (tmp_path / "pool").mkdir()
    index.write_text(
        "\n".join(
            _published(packages, tmp_path / "pool", package)
            for package in builder_lock().packages
            if package.name != "xorriso"
        )
    )
    content = index.read_bytes()
    (tmp_path / "dists/trixie/Release").write_text(
        "Suite: trixie\nCodename: trixie\nArchitectures: amd64\nComponents: main\n"
        "Date: Fri, 18 Sep 2020 00:00:00 UTC\nValid-Until: Fri, 25 Sep 2020 00:00:00 UTC\n"
        f"SHA256:\n {hashlib.sha256(content).hexdigest()} {len(content)} "
        "main/binary-amd64/Packages\n"
    )
    gateway = client.networks.get("bridge").attrs["IPAM"]["Config"][0]["Gateway"]
    handler = functools.partial(_Quiet, directory=str(tmp_path))
    with ThreadingHTTPServer((gateway, 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://{gateway}:{server.server_port}"
        server.shutdown()
        thread.join()


def _published(packages: Path, pool: Path, package: Package) -> str:
    """Put a package into an archive's pool, and return its stanza for the index."""
    name = package.file_names[1]
    shutil.copy(packages / package.file_names[0], pool / name)
    control = subprocess.run(
        ["dpkg-deb", "--field", pool / name], stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    size = (pool / name).stat().st_size
    return f"{control}Filename: pool/{name}\nSize: {size}\nSHA256: {package.sha256}\n"


def test_what_a_folder_lacks_comes_from_an_archive_of_old_versions(
    engine: Engine, isolated_base: Base, packages: Path, archive_url: str, tmp_path: Path
) -> None:
    (xorriso,) = (each for each in builder_lock().packages if each.name == "xorriso")
    folder = tmp_path / "one"
    folder.mkdir()
    shutil.copy(packages / xorriso.file_names[0], folder)
    with workshop(
        engine,
        locked=True,
        archives=Archives(folders=(folder,), urls=(archive_url,)),
        base=isolated_base,
        target="fetch",
        on_event=ignore,
    ):
        pass


def test_a_change_of_our_code_takes_seconds_and_no_other_tools(
    client: docker.DockerClient, builder_image: ImageIdentity, tmp_path: Path
) -> None:
    for name in ("builder", "containers"):
        shutil.copytree(PROJECT / name, tmp_path / name)
    with (tmp_path / "builder/plan.py").open("a") as code:
        code.write("# changed\n")
    command = ["image", "build", "--json", *([] if builder_image.locked else ["--unlocked"])]
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", "from builder.host.main import main; main()", *command],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        stdout=subprocess.PIPE,
        check=True,
    )
    report(f"builder image after a change of code: {time.monotonic() - began:.1f} s")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    made = events[-1]["data"]["id"]
    try:
        assert [each["event"] for each in events] == ["result"], "nothing was installed"
        assert made != builder_image.id
        one, other = client.images.get(made), client.images.get(builder_image.id)
        assert one.attrs["RootFS"]["Layers"][0] == other.attrs["RootFS"]["Layers"][0]
    finally:
        forget(client, made)
