"""Where packages come from: folders, archives of old versions; and only what the lock names.

The lock is one of today, so that these tests hold when the project's own is outdated.
"""

import hashlib
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from builder.basics.errors import HostError
from builder.border.labels import LABEL_RUN
from builder.host.engine import Engine
from builder.host.image import resources
from builder.host.image.base_image import Base, BaseOrigin
from builder.host.image.builder_image import build_builder, find_builder
from builder.host.image.lock import Package, parse_lock, renewed
from builder.host.image.package_archive import Archives, PackageHashError
from builder.host.image.resources import BuildContext, builder_lock
from builder.host.image.workshop import Workshop, workshop
from tests.conftest import ignore
from tests.support.archives import served
from tests.support.registries import forget

pytestmark = pytest.mark.container

_NO_SOURCES = "distroclone-builder-no-sources:test"


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
    engine: Engine, base_image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """A folder with every package of today's lock, under the name that apt gives it."""
    folder = tmp_path_factory.mktemp("packages")
    with workshop(engine, locked=False, target="fetch", on_event=ignore) as shop:
        _take_packages(shop, folder)
        lock = parse_lock(shop.lock_text())
    for package in lock.packages:
        made = folder / ".packages" / package.section / f"{package.name}.deb"
        made.rename(folder / package.file_names[0])
    recipes = tmp_path_factory.mktemp("checkout") / "containers"
    shutil.copytree(resources.containers_folder(), recipes)
    text, _changes = renewed((recipes / "packages.lock").read_text(), lock, today=lock.date)
    (recipes / "packages.lock").write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resources, "containers_folder", lambda: recipes)
        yield folder


def _take_packages(shop: Workshop, folder: Path) -> None:
    with (
        shop.engine.images.taken_out(shop.image, "/workshop/root/.packages", labels={}) as pieces,
        (folder / "all.tar").open("w+b") as file,
    ):
        file.writelines(pieces)
        file.seek(0)
        with tarfile.open(fileobj=file) as archive:
            archive.extractall(folder, filter="data")


@pytest.fixture(autouse=True)
def no_workshop_left(engine: Engine) -> Iterator[None]:
    """After each test no part of a workshop is there that was not before."""
    before = {each.id for each in engine.images.labelled(LABEL_RUN)}
    yield
    assert {each.id for each in engine.images.labelled(LABEL_RUN)} == before


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
    with served(tmp_path, client) as url:
        yield url


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


def test_a_package_with_another_hash_is_never_installed(engine: Engine, packages: Path) -> None:
    path = resources.lock_path()
    text = path.read_text()
    row = re.search(r"^package base tzdata \S+ all (\S+)$", text, re.MULTILINE)
    assert row is not None
    path.write_text(text.replace(row[1], "0" * 64))
    try:
        with pytest.raises(PackageHashError, match=rf"tzdata=\S+ has {row[1]}, not 0000"):
            build_builder(engine, locked=True, on_event=ignore)
        assert find_builder(engine) is None
    finally:
        path.write_text(text)
