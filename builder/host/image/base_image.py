"""The base image: pulled by its digest, else bootstrapped; and what is built on it."""

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import IO, Final

from builder.basics.errors import LAST_LINES, BuilderError, HostError
from builder.basics.signals import undoing
from builder.border.events import (
    Note,
    OnEvent,
    StepProgress,
    ToolOutput,
    announced,
)
from builder.border.labels import LABEL_BASE, new_run
from builder.host.engine import Engine
from builder.host.image.resources import BasePin, BuildContext, base_pin

REPOSITORY: Final = "distroclone-builder-base"
_PULL_ATTEMPTS: Final = 3
_STAGE: Final = re.compile(r"Step (?P<number>[0-9]{1,3})/(?P<count>[0-9]{1,3}) :")


class BaseOrigin(StrEnum):
    """How the base image came here."""

    REGISTRY = "registry"
    BOOTSTRAPPED = "bootstrapped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A base image that the engine has."""

    id: str
    origin: BaseOrigin


def ensure_base(engine: Engine, *, on_event: OnEvent, pin: BasePin | None = None) -> Base:
    """Return the base image: the pinned one, or one bootstrapped where no registry has it."""
    pin = pin or base_pin()
    tag = bootstrapped_tag(pin)
    if engine.images.find(_pinned(pin)) is None and (kept := engine.images.find(tag)) is not None:
        return Base(id=kept.id, origin=BaseOrigin.BOOTSTRAPPED)
    return _from_registry(engine, pin, on_event) or _bootstrapped(engine, pin, tag, on_event)


@contextlib.contextmanager
def fresh_base(engine: Engine, *, on_event: OnEvent) -> Iterator[Base]:
    """Give a base image that owes nothing to earlier runs; one bootstrapped for this is removed."""
    pin = base_pin()
    if (base := _from_registry(engine, pin, on_event)) is not None:
        yield base
        return
    tag = f"{REPOSITORY}:{new_run()}"
    with undoing(lambda: engine.images.remove(tag)):
        yield _bootstrapped(engine, pin, tag, on_event)


def build_on_base(
    engine: Engine,
    context: BuildContext,
    *,
    tag: str,
    dockerfile: str = "Dockerfile",
    base: Base | None = None,
    target: str = "",
    arguments: Mapping[str, str] | None = None,
    fresh: bool = False,
    on_event: OnEvent,
) -> str:
    """Build an image of ours on the base image, which is fetched first, and return its id.

    `target` names the stage of the recipe to end with, if not the last one.
    """
    base = base or ensure_base(engine, on_event=on_event)

    def tell(line: str) -> None:
        if stage := _STAGE.match(line):
            fraction = (int(stage["number"]) - 1) / max(int(stage["count"]), 1)
            on_event(StepProgress(step="image", fraction=fraction))
        on_event(ToolOutput(step="image", text=line))

    with announced("image", on_event):
        return engine.images.build(
            context.archive(),
            dockerfile=dockerfile,
            target=target,
            tag=tag,
            arguments={"BASE": base.id, **(arguments or {})},
            labels={LABEL_BASE: base.origin.value},
            fresh=fresh,
            on_line=tell,
        )


def _pinned(pin: BasePin) -> str:
    return f"{pin.repository}@{pin.digest}"


def _from_registry(engine: Engine, pin: BasePin, on_event: OnEvent) -> Base | None:
    """Return the pinned image, pulled if the engine lacks it; None where no registry has it."""
    present = engine.images.find(_pinned(pin))
    if present is not None:
        return Base(id=present.id, origin=BaseOrigin.REGISTRY)
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
        return None
    on_event(Note(level="info", message="Pulled {pin}", values={"pin": pin.reference}))
    return Base(id=image, origin=BaseOrigin.REGISTRY)


def _bootstrapped(engine: Engine, pin: BasePin, tag: str, on_event: OnEvent) -> Base:
    with announced("base", on_event):
        return Base(id=_bootstrap(engine, pin, tag), origin=BaseOrigin.BOOTSTRAPPED)


def _retry_note(error: BuilderError, wait: float) -> Note:
    return Note(
        level="info",
        message="{reason}; trying again in {seconds} s",
        values={"reason": str(error), "seconds": f"{wait:.0f}"},
    )


def bootstrapped_tag(pin: BasePin) -> str:
    """Return the tag under which the engine keeps what was bootstrapped in the pin's place."""
    return f"{REPOSITORY}:{pin.suite}-{pin.digest.removeprefix('sha256:')[:12]}"


def _bootstrap(engine: Engine, pin: BasePin, tag: str) -> str:
    """Make a minimal Debian with mmdebstrap on this machine and import it."""
    if shutil.which("mmdebstrap") is None:
        raise HostError(
            "No registry answers, and mmdebstrap, which could make the base image, is not "
            "installed",
            hint="Install mmdebstrap (Debian and Ubuntu: `apt-get install mmdebstrap`; few other "
            "systems have it), or copy the image from another machine: `docker pull {reference}` "
            "and `docker save` there, `docker load` here; for Podman, `podman load`.",
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
                hint="Check that this machine can reach Debian's archive.",
                command=command,
                output=errors.decode("utf-8", "replace").splitlines()[-LAST_LINES:],
            )
        rootfs.seek(0)
        return engine.images.import_rootfs(
            rootfs,
            tag=tag,
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
