"""Runs a program in a container that may do all that a build may."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

import docker

from builder.border.jobs import Job
from builder.border.labels import new_run
from builder.border.requests import Nothing
from builder.formats.identities import ImageIdentity
from builder.host.engine.container import container_options
from builder.host.engine.spec import ContainerSpec
from tests.support.containers import ended, known_as, made

# Like a job, the driver is not the first process: some of what it tries spares that one.
_AS_JOB = """
import sys
from builder.inside.system.container_init import as_job
driver = sys.argv.pop(1)
sys.exit(as_job(lambda: exec(driver, {"__name__": "__main__"}) or 0))
"""


_PODMANS = {  # containers.conf(5), default_capabilities; with what older versions have
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE",
    "NET_RAW", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
}  # fmt: skip


def capabilities(container: Mapping[str, Any]) -> set[str]:
    """Return what a container may do, as the engine says in its attributes.

    Podman answers in differences from its defaults.
    """
    config = container["HostConfig"]
    added = {name.removeprefix("CAP_") for name in config["CapAdd"] or ()}
    dropped = {name.removeprefix("CAP_") for name in config["CapDrop"] or ()}
    return added if dropped == {"ALL"} else added | (_PODMANS - dropped)


def output_of(
    client: docker.DockerClient,
    image: ImageIdentity,
    driver: str,
    *arguments: str,
    row: Job[Any, Any],
    volumes: Sequence[str] = ("/work",),
    machine: Mapping[str, Any] | None = None,
) -> str:
    """Return what the Python program `driver` prints, with the rights of the job `row`.

    `machine` are more options of the engine.
    """
    job = Job(
        name="trial",
        request=Nothing,
        result=Nothing,
        sees=(),
        capabilities=row.capabilities,
        why="to try all that a build may do",
        limits=row.limits,
        loop_devices=row.loop_devices,
    )
    spec = ContainerSpec(image=known_as(client, image), job=job, request=Nothing(), run=new_run())
    options = container_options(spec, security_options=["apparmor=unconfined"])
    container = made(
        client,
        spec.image,
        list(arguments),
        entrypoint=["python3", "-c", _AS_JOB, driver],
        volumes=list(volumes),
        **{**options, **(machine or {})},
    )
    try:
        # Read as it is written: a busy engine may have ended a container before its log is whole.
        printed: Any = container.attach(stream=True)
        with closing(printed._response):  # the SDK's own `close` leaves it open
            container.start()
            output = b"".join(printed).decode()
        code = ended(container)
    finally:
        container.remove(force=True, v=True)
    assert code == 0, output
    return output
