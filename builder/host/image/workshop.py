"""The workshop: a container image in which the builder's root file system is made, and thrown away.

Its recipe is containers/Dockerfile. Only the lock decides what is taken out of it.
"""

import contextlib
import re
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, Final

from builder.basics.errors import HostError
from builder.basics.signals import undoing
from builder.border.events import Event, OnEvent, ToolOutput
from builder.border.labels import LABEL_RUN, new_run
from builder.host.engine import Engine
from builder.host.engine.owner import labels, ourselves
from builder.host.image.base_image import Base, build_on_base, ensure_base, fresh_base
from builder.host.image.package_archive import Archives, PackageHashError
from builder.host.image.resources import BuildContext, tools_context
from builder.host.image.spool import spool

_REPOSITORY: Final = "distroclone-builder-workshop"
_LOCK: Final = "/workshop/packages.lock"
_ROOT: Final = "/workshop/root.tar"
ROOT_TOP: Final = "root"  # the one folder in the tar of the root
# What containers/workshop/ prints when it cannot go on; the classic builder ends the red of errors
# at the beginning of the line that comes next.
_TROUBLE: Final = re.compile(
    r"(?:\x1b\[0m)?"
    r"(?P<kind>locked-version-gone|locked-hash-differs|archive-unreachable): (?P<what>.*)"
)


class LockOutdatedError(HostError):
    """No archive has a version that the lock file names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """A workshop that has finished."""

    engine: Engine
    image: str

    @contextlib.contextmanager
    def root(self) -> Iterator[IO[bytes]]:
        """Give the root file system as a tar, everything below the folder `ROOT_TOP`."""
        with (
            self.engine.images.taken_out(self.image, _ROOT, labels=_labels()) as pieces,
            spool(pieces) as file,
            _inner(file) as root,
        ):
            yield root

    def lock_text(self) -> str:
        """Return the list of packages that was used, in the lock's format."""
        return self.engine.images.read_file(self.image, _LOCK, labels=_labels()).decode()


@contextlib.contextmanager
def workshop(
    engine: Engine,
    *,
    locked: bool,
    archives: Archives | None = None,
    base: Base | None = None,
    target: str = "",
    on_event: OnEvent,
) -> Iterator[Workshop]:
    """Run the workshop up to the stage `target`, else to its end; it is removed afterwards.

    Raises LockOutdatedError when no archive has a locked version, PackageHashError when one has
    something else under its name.
    """
    archives = archives or Archives()
    found = archives.packages(on_event=on_event) if locked else {}
    context = BuildContext(files={**tools_context().files, **found})
    trouble = _Trouble()

    def listen(event: Event) -> None:
        trouble.notice(event)
        on_event(event)

    run = new_run()
    tag = f"{_REPOSITORY}:{run}"
    with undoing(lambda: _remove(engine, run, tag)):
        try:
            image = build_on_base(
                engine,
                context,
                tag=tag,
                base=base,
                target=target,
                arguments={
                    "LOCKED": "yes" if locked else "no",
                    "ARCHIVES": " ".join(archives.urls),
                    "RUN": run,
                    "OWNER": str(ourselves()),
                },
                fresh=True,
                on_event=listen,
            )
        except HostError as error:
            raise trouble.explained(error) from error
        yield Workshop(engine=engine, image=image)


@contextlib.contextmanager
def chosen_base(engine: Engine, *, fresh: bool, on_event: OnEvent) -> Iterator[Base]:
    """Give the base image that a workshop starts from."""
    if fresh:
        with fresh_base(engine, on_event=on_event) as base:
            yield base
    else:
        yield ensure_base(engine, on_event=on_event)


@contextlib.contextmanager
def _inner(archive: IO[bytes]) -> Iterator[IO[bytes]]:
    """Give the one file in a tar that the engine sent. Raises HostError when it is not there."""
    try:
        with tarfile.open(fileobj=archive) as outer:
            content = outer.extractfile(outer.getmembers()[0])
            if content is None:
                raise tarfile.TarError(_ROOT)
            yield content
    except (tarfile.TarError, IndexError) as error:
        raise HostError(
            "The engine sent an incomplete file system: {reason}",
            hint="Make sure that the engine's disk is not full (`distroclone-builder doctor`), "
            "then try again.",
            temporary=True,
            reason=error,
        ) from error


def _remove(engine: Engine, run: str, tag: str) -> None:
    """Remove the workshop, and the remains of an unfinished one."""
    engine.images.remove(tag)
    for image in engine.images.labelled(f"{LABEL_RUN}={run}"):
        engine.images.remove_unused(image.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trouble:
    """What the workshop reported about unavailable packages."""

    said: list[tuple[str, str]] = field(default_factory=list)

    def notice(self, event: Event) -> None:
        if isinstance(event, ToolOutput) and (match := _TROUBLE.match(event.text)):
            self.said.append((match["kind"], match["what"]))

    def _of(self, kind: str) -> Sequence[str]:
        return [what for each, what in self.said if each == kind]

    def explained(self, error: HostError) -> HostError:
        """Return the error that says what a failure of the workshop means."""
        if differs := self._of("locked-hash-differs"):
            return PackageHashError(
                "Downloaded packages do not match packages.lock: {packages}",
                hint="Do not use that archive until you know why. Nothing from it was installed.",
                output=error.output,
                packages="; ".join(differs),
            )
        if gone := self._of("locked-version-gone"):
            return LockOutdatedError(
                "Debian's archive no longer has the locked packages: {packages}",
                hint="Get them from an archive of old versions: `distroclone-builder image build "
                "--archive SOURCE`. Or renew the lock and review what changed: "
                "`distroclone-builder image lock`. Or use today's versions: `distroclone-builder "
                "image build --unlocked`; the image and its manifests then say so.",
                output=error.output,
                packages="; ".join(gone),
            )
        if unreachable := self._of("archive-unreachable"):
            return HostError(
                "No package archive answers: {archives}",
                hint="Check the engine's network, or use a folder that has every locked package: "
                "`distroclone-builder image build --archive FOLDER`.",
                temporary=True,
                output=error.output,
                archives="; ".join(unreachable),
            )
        return error


def _labels() -> dict[str, str]:
    return labels(new_run(), "workshop")
