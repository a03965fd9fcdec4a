"""The images: the pinned base (pulled, else bootstrapped), and what is built on it.

An image is known by the content it was built from, so it is rebuilt exactly when that changes.
"""

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import IO, Final

from builder.errors import BuilderError, HostError
from builder.events import Event, Note, StepFinished, StepProgress, StepStarted, ToolOutput
from builder.host.engine import Engine
from builder.host.resources import BasePin, BuildContext, base_pin, builder_context
from builder.names import LABEL_BASE, LABEL_LOCKED
from builder.plan import ImageIdentity

_REPOSITORY: Final = "distroclone-builder"
_BASE_REPOSITORY: Final = "distroclone-builder-base"
_PULL_ATTEMPTS: Final = 3
_STAGE: Final = re.compile(r"Step (?P<number>[0-9]{1,3})/(?P<count>[0-9]{1,3}) :")
_GONE: Final = re.compile(r"locked-version-(?:gone|differs): (?P<what>.*)")

OnEvent = Callable[[Event], None]


class LockOutdatedError(HostError):
    """The archive no longer has a version that the lock file names."""


class BaseOrigin(StrEnum):
    """How the base image came here."""

    REGISTRY = "registry"
    BOOTSTRAPPED = "bootstrapped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A base image that the engine has."""

    id: str
    origin: BaseOrigin


def builder_tag(*, locked: bool) -> str:
    """Return the tag under which the engine keeps today's builder image."""
    suffix = "" if locked else "-unlocked"
    return f"{_REPOSITORY}:{builder_context().digest[:16]}{suffix}"


def find_builder(engine: Engine) -> ImageIdentity | None:
    """Return the builder image that fits this code, the locked one first; None without one."""
    for locked in (True, False):
        facts = engine.images.find(builder_tag(locked=locked))
        if facts is not None:
            return ImageIdentity(id=facts.id, locked=facts.labels.get(LABEL_LOCKED) == "yes")
    return None


def ensure_builder(engine: Engine, *, on_event: OnEvent) -> ImageIdentity:
    """Return the builder image, built first when the engine has none that fits this code."""
    return find_builder(engine) or build_builder(engine, locked=True, on_event=on_event)


def build_builder(
    engine: Engine, *, locked: bool, on_event: OnEvent, fresh: bool = False
) -> ImageIdentity:
    """Build the builder image; `locked` insists on the versions of the lock file.

    `fresh` asks the archive again, whatever the engine remembers of earlier builds.
    """
    labels = {LABEL_LOCKED: "yes" if locked else "no"}
    try:
        image = build_on_base(
            engine,
            builder_context(),
            tag=builder_tag(locked=locked),
            arguments={"LOCKED": labels[LABEL_LOCKED]},
            labels=labels,
            on_event=on_event,
            fresh=fresh,
        )
    except HostError as error:
        raise _explained(error) from error
    return ImageIdentity(id=image, locked=locked)


def build_on_base(
    engine: Engine,
    context: BuildContext,
    *,
    tag: str,
    dockerfile: str = "Dockerfile",
    arguments: dict[str, str] | None = None,
    labels: dict[str, str] | None = None,
    fresh: bool = False,
    on_event: OnEvent,
) -> str:
    """Build an image of ours on the base image, which is fetched first, and return its id."""
    base = ensure_base(engine, on_event=on_event)

    def tell(line: str) -> None:
        if stage := _STAGE.match(line):
            fraction = (int(stage["number"]) - 1) / max(int(stage["count"]), 1)
            on_event(StepProgress(step="image", fraction=fraction))
        on_event(ToolOutput(step="image", text=line))

    with _step("image", on_event):
        return engine.images.build(
            context.archive(),
            dockerfile=dockerfile,
            tag=tag,
            arguments={"BASE": base.id, **(arguments or {})},
            labels={LABEL_BASE: base.origin.value, **(labels or {})},
            fresh=fresh,
            on_line=tell,
        )


def ensure_base(engine: Engine, *, on_event: OnEvent, pin: BasePin | None = None) -> Base:
    """Return the base image: the pinned one, or one bootstrapped where no registry has it."""
    pin = pin or base_pin()
    pinned = f"{pin.repository}@{pin.digest}"
    present = engine.images.find(pinned)
    if present is not None:
        return Base(id=present.id, origin=BaseOrigin.REGISTRY)
    bootstrapped = engine.images.find(_bootstrapped_tag(pin))
    if bootstrapped is not None:
        return Base(id=bootstrapped.id, origin=BaseOrigin.BOOTSTRAPPED)
    try:
        image = engine.images.pull(
            pin.repository,
            digest=pin.digest,
            attempts=_PULL_ATTEMPTS,
            on_retry=lambda error, wait: on_event(_retry_note(error, wait)),
        )
    except HostError as error:
        on_event(
            Note(
                level="warning",
                message="No registry has the base image {pin} ({reason}); bootstrapping Debian "
                "{suite} from its packages instead",
                values={"pin": pin.reference, "reason": str(error), "suite": pin.suite},
            )
        )
        with _step("base", on_event):
            return Base(id=_bootstrap(engine, pin), origin=BaseOrigin.BOOTSTRAPPED)
    on_event(Note(level="info", message="Pulled {pin}", values={"pin": pin.reference}))
    return Base(id=image, origin=BaseOrigin.REGISTRY)


@contextlib.contextmanager
def _step(name: str, on_event: OnEvent) -> Iterator[None]:
    """Announce what takes minutes on a fresh machine, and its end when it ends well."""
    started = time.monotonic()
    on_event(StepStarted(step=name, position=1, total=1))
    yield
    on_event(StepFinished(step=name, seconds=round(time.monotonic() - started, 3)))


def _retry_note(error: BuilderError, wait: float) -> Note:
    return Note(
        level="info",
        message="{reason}; trying again in {seconds} s",
        values={"reason": str(error), "seconds": f"{wait:.0f}"},
    )


def _bootstrapped_tag(pin: BasePin) -> str:
    return f"{_BASE_REPOSITORY}:{pin.suite}-{pin.digest.removeprefix('sha256:')[:12]}"


def _bootstrap(engine: Engine, pin: BasePin) -> str:
    """Make a minimal Debian with mmdebstrap on this machine and import it."""
    if shutil.which("mmdebstrap") is None:
        raise HostError(
            "No registry answers, and mmdebstrap, which could make the base image, is not here",
            hint="Install mmdebstrap (Debian and Ubuntu: `apt-get install mmdebstrap`), or load "
            "the image on this machine: `docker pull {reference}` elsewhere, `docker save`, then "
            "`docker load` here.",
            reference=pin.reference,
        )
    date = pin.tag.split("-")[1]
    epoch = int(datetime.strptime(date, "%Y%m%d").replace(tzinfo=UTC).timestamp())
    command = ["mmdebstrap", "--quiet", "--variant=minbase", "--include=ca-certificates",
               pin.suite, "-"]  # fmt: skip
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch), "LC_ALL": "C.UTF-8"}
    with tempfile.TemporaryFile() as rootfs:  # never import what a failing command began
        code, errors = _run_to_end(command, rootfs, environment)
        if code != 0:
            raise HostError(
                "The base image could not be bootstrapped from Debian's packages",
                hint="Check that this machine reaches Debian's archive.",
                command=command,
                output=errors.decode("utf-8", "replace").splitlines()[-25:],
            )
        rootfs.seek(0)
        return engine.images.import_rootfs(
            rootfs,
            tag=_bootstrapped_tag(pin),
            labels={LABEL_BASE: BaseOrigin.BOOTSTRAPPED.value},
        )


def _run_to_end(
    command: Sequence[str], output: IO[bytes], environment: Mapping[str, str]
) -> tuple[int, bytes]:
    """Return a tool's exit code and what it said; end it gently when we are interrupted."""
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.PIPE,
        env=environment,
    ) as process:
        try:
            _nothing, errors = process.communicate()
        except BaseException:
            process.terminate()  # then it removes its own folder, which SIGKILL would leave
            raise
    return process.returncode, errors


def _explained(error: HostError) -> HostError:
    """Say what a lock that the archive has left behind means, when that is what failed."""
    gone = [match["what"] for line in error.output if (match := _GONE.search(line))]
    if not gone:
        return error
    return LockOutdatedError(
        "Debian's archive no longer has the locked tools: {tools}",
        hint="Refresh the lock with `distroclone-builder image lock` and review what it changes, "
        "or build with today's versions by `distroclone-builder image build --unlocked` (the "
        "image and every manifest it makes then say so).",
        output=error.output,
        tools="; ".join(gone),
    )
