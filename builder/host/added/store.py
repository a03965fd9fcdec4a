"""The files of added packages as the engine sees them: a volume that stays, or a folder."""

import shlex
from dataclasses import dataclass

from builder.basics.errors import HostError
from builder.border import paths
from builder.border.added_packages import Fetched, FetchRequest
from builder.border.events import Note, OnEvent
from builder.border.jobs import FETCH
from builder.border.labels import LABEL_ROLE, PACKAGES, new_run
from builder.formats.added_packages import PackagesLock
from builder.host.config.build_config import PackagesSetting
from builder.host.engine import Bind, ContainerSpec, Engine, NamedVolume
from builder.host.engine.faults import BindMissingError


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """How a container sees the files."""

    binds: tuple[Bind, ...] = ()
    volumes: tuple[NamedVolume, ...] = ()


def seen(setting: PackagesSetting | None, *, read_only: bool = True) -> Seen:
    """Return how a container sees the files; nothing at all without a setting."""
    if setting is None:
        return Seen()
    if setting.folder is None:
        volume = NamedVolume(name=PACKAGES, target=paths.PACKAGES, read_only=read_only)
        return Seen(volumes=(volume,))
    bind = Bind(source=str(setting.folder), target=paths.PACKAGES, read_only=read_only)
    return Seen(binds=(bind,))


def fetch(
    engine: Engine,
    image: str,
    lock: PackagesLock,
    setting: PackagesSetting,
    *,
    on_event: OnEvent,
) -> Fetched:
    """Have all files of a lock in the folder or volume. Raises HostError where that cannot be."""
    if setting.folder is None:
        # No run's label: it belongs to no run, and no sweep takes it.
        engine.keep_volume(PACKAGES, labels={LABEL_ROLE: "added-packages"})
    place = seen(setting, read_only=False)
    spec = ContainerSpec(
        image=image,
        job=FETCH,
        request=FetchRequest(packages=lock.packages),
        run=new_run(),
        binds=place.binds,
        volumes=place.volumes,
    )
    try:
        found = engine.run(spec, on_event)
    except BindMissingError as error:
        if error.path != str(setting.folder):
            raise
        raise HostError(
            "The folder of packages {path} does not exist",
            hint="Create it on the engine's machine: `mkdir -p {word}`.",
            path=setting.folder,
            word=shlex.quote(str(setting.folder)),
        ) from error
    on_event(
        Note(
            level="info",
            message="{fetched} files of packages were fetched, {kept} were there",
            values={"fetched": str(found.fetched), "kept": str(found.kept)},
        )
    )
    return found
