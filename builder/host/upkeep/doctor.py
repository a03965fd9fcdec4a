"""Checks by trying whether this engine can build; each problem has a remedy."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Final

from builder.basics.errors import BuilderError, Interrupted
from builder.basics.sizes import readable_size
from builder.basics.texts import say
from builder.border import paths
from builder.border.jobs import PROBE
from builder.border.labels import new_run, volume_name
from builder.border.plan import Isolation
from builder.border.requests import Abilities, Nothing
from builder.formats.identities import ImageIdentity
from builder.host.engine import ContainerSpec, Engine, NamedVolume
from builder.host.engine.owner import labels
from builder.host.image.builder_image import find_builder
from builder.host.upkeep.sweep import orphans

_ROOMY: Final = 6 * 1024**3  # bytes; the guide asks for 4 to 6 GB


class DoctorVerdict(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"  # builds work, something else does not
    FAILED = "failed"  # builds cannot work


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorCheck:
    """One thing that was looked at."""

    name: str
    verdict: DoctorVerdict
    finding: str
    remedy: str = ""


def examine(engine: Engine) -> Iterator[DoctorCheck]:
    """Yield each check as soon as it is done."""
    facts = engine.facts()
    yield DoctorCheck(
        name=say("engine"),
        verdict=DoctorVerdict.OK,
        finding=say(
            "{product} {version}, API {api}, {storage}, {cpus} CPUs, {memory} of memory",
            product=facts.product.value,
            version=facts.version,
            api=facts.api,
            storage=facts.storage,
            cpus=facts.cpus,
            memory=readable_size(facts.memory),
        ),
    )
    if facts.where:
        yield DoctorCheck(name=say("which engine"), verdict=DoctorVerdict.OK, finding=facts.where)
    image = find_builder(engine)
    yield _image(image)
    if image is not None:
        confined = _try(engine, image, Isolation.CONFINED)
        yield _isolation(confined, needed=True)
        yield _isolation(_try(engine, image, Isolation.PRIVILEGED), needed=False)
        if confined.found is not None and not confined.reason:
            yield _no_loops() if facts.rootless else _loops(confined.found)
            yield _staging(confined.found)
            yield _space(confined.found, where=facts.root)
    yield from examine_here()
    yield _leftovers(engine)


def examine_here() -> Iterator[DoctorCheck]:
    """Yield the checks that need no engine."""
    yield _output_space()
    yield _kvm()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trial:
    isolation: Isolation
    reason: str  # why it could not be started or work; "" when it did
    found: Abilities | None  # None: the container did not even start


def _try(engine: Engine, image: ImageIdentity, isolation: Isolation) -> _Trial:
    run = new_run()
    has_loops = Path("/dev/loop-control").exists() and not engine.facts().rootless
    try:
        with engine.volume(volume_name(run), labels=labels(run, "doctor")) as volume:
            spec = ContainerSpec(
                image=image.id,
                job=replace(PROBE, loop_devices=has_loops),
                request=Nothing(),
                run=run,
                volumes=(NamedVolume(name=volume, target=paths.WORK),),
                isolation=isolation,
            )
            found = engine.run(spec, lambda _event: None)
    except Interrupted:
        raise
    except BuilderError as error:
        return _Trial(isolation=isolation, reason=str(error), found=None)
    needed = {"mount": found.mount, "chroot": found.chroot}
    failed = [f"{name}: {reason}" for name, reason in needed.items() if reason]
    return _Trial(isolation=isolation, reason="; ".join(failed), found=found)


def _image(image: ImageIdentity | None) -> DoctorCheck:
    name = say("builder image")
    if image is None:
        return DoctorCheck(
            name=name,
            verdict=DoctorVerdict.WARNING,
            finding=say("not built yet"),
            remedy=say(
                "None needed: the first build makes it. To make it now: `distroclone-builder "
                "image build`."
            ),
        )
    if not image.locked:
        return DoctorCheck(
            name=name,
            verdict=DoctorVerdict.WARNING,
            finding=say("{id}, unlocked", id=image.id),
            remedy=say("In a checkout: `distroclone-builder image lock`, then `image build`."),
        )
    return DoctorCheck(name=name, verdict=DoctorVerdict.OK, finding=image.id)


def _isolation(trial: _Trial, *, needed: bool) -> DoctorCheck:
    name = say("isolation {kind}", kind=trial.isolation.value)
    if not trial.reason:
        return DoctorCheck(
            name=name, verdict=DoctorVerdict.OK, finding=say("containers start and can mount")
        )
    return DoctorCheck(
        name=name,
        verdict=DoctorVerdict.FAILED if needed else DoctorVerdict.WARNING,
        finding=trial.reason,
        remedy=say("Let the engine grant CAP_SYS_ADMIN to containers (rootless engines cannot).")
        if needed
        else say("None needed: builds use `confined` by default."),
    )


def _no_loops() -> DoctorCheck:
    return DoctorCheck(
        name=say("cache images"),
        verdict=DoctorVerdict.WARNING,
        finding=say("an engine that runs without root attaches no loop devices"),
        remedy=say(
            "Use an engine that runs as root for them. Here: {left}.",
            left=sources_left(btrfs=False, loop=False),
        ),
    )


def _loops(found: Abilities) -> DoctorCheck:
    name = say("cache images")
    if not found.loop and found.btrfs:
        return DoctorCheck(
            name=name, verdict=DoctorVerdict.OK, finding=say("loop devices and btrfs work")
        )
    return DoctorCheck(
        name=name,
        verdict=DoctorVerdict.WARNING,
        finding=found.loop or say("this kernel does not support btrfs"),
        remedy=say(
            "On the engine's host: `modprobe loop` and `modprobe btrfs`. Without them: {left}.",
            left=sources_left(btrfs=found.btrfs, loop=not found.loop),
        ),
    )


def sources_left(*, btrfs: bool, loop: bool) -> str:
    """Return the kinds of source that a machine with these abilities can build from."""
    if btrfs and loop:
        return say("every kind of source can be built from")
    if btrfs:
        return say(
            "a cache on a mounted drive (`--cache`) and a plain tree (`--tree`) can be built from, "
            "a cache image cannot"
        )
    return say(
        "only a plain tree (`--tree`) can be built from: a folder with a root filesystem, of any "
        "filesystem that keeps owners, links and extended attributes"
    )


def _staging(found: Abilities) -> DoctorCheck:
    name = say("staging")
    if not found.overlay:
        return DoctorCheck(
            name=name,
            verdict=DoctorVerdict.OK,
            finding=say("overlays work: the system is not copied"),
        )
    return DoctorCheck(
        name=name,
        verdict=DoctorVerdict.WARNING,
        finding=found.overlay,
        remedy=say("None needed: builds copy the system, which takes time and space."),
    )


def _space(found: Abilities, *, where: str) -> DoctorCheck:
    return _enough(say("space for work"), free=found.free, where=where)


def _output_space() -> DoctorCheck:
    here = Path.cwd()
    return _enough(say("space here"), free=shutil.disk_usage(here).free, where=str(here))


def _enough(name: str, *, free: int, where: str) -> DoctorCheck:
    enough = free >= _ROOMY
    return DoctorCheck(
        name=name,
        verdict=DoctorVerdict.OK if enough else DoctorVerdict.WARNING,
        finding=say("{free} free in {where}", free=readable_size(free), where=where),
        remedy="" if enough else say("A desktop system needs about 6 GiB; free some space there."),
    )


def _kvm() -> DoctorCheck:
    usable = os.access("/dev/kvm", os.R_OK | os.W_OK)
    return DoctorCheck(
        name=say("boot test"),
        verdict=DoctorVerdict.OK if usable else DoctorVerdict.WARNING,
        finding=say("/dev/kvm is usable") if usable else say("no usable /dev/kvm"),
        remedy="" if usable else say("None needed: boot tests then take minutes, not seconds."),
    )


def _leftovers(engine: Engine) -> DoctorCheck:
    count = len(orphans(engine))
    return DoctorCheck(
        name=say("leftovers"),
        verdict=DoctorVerdict.WARNING if count else DoctorVerdict.OK,
        finding=say("{count} containers, volumes or images from crashed runs", count=count),
        remedy=say("`distroclone-builder sweep` removes them.") if count else "",
    )
