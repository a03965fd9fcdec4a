"""What engines say when they refuse is understood, in the words of each of them."""

import docker.errors
import pytest
import requests

from builder.basics.errors import HostError
from builder.host.engine.faults import (
    BindMissingError,
    DeviceMissingError,
    EngineRefusedError,
    NameTakenError,
    NoSpaceError,
    NotAllowedError,
    classified,
    translated,
)

ODD = "/srv/my cache: of 2026-06-17 14:30"
_RUNC_OLD = (
    "OCI runtime create failed: container_linux.go:367: starting container process caused: "
    "process_linux.go:495: container init caused: rootfs_linux.go:60: "
)
_RUNC = (
    "failed to create task for container: failed to create shim task: OCI runtime create failed: "
    "runc create failed: unable to start container process: error during container init: "
)

BINDS = {
    "Docker 20.10 to 28": 'invalid mount config for type "bind": bind source path does not exist: '
    "{path}",
    "runc 1.0 in Docker 20.10": _RUNC_OLD
    + 'mounting "{path}" to rootfs at "/cache" caused: stat {path}: no such file or directory: '
    "unknown",
    "runc 1.1 in Docker 24": _RUNC + 'error mounting "{path}" to rootfs at "/cache": mount '
    "{path}:/cache (via /proc/self/fd/6), flags: 0x5001: no such file or directory: unknown",
    "runc 1.2 in Docker 28": _RUNC + 'error mounting "{path}" to rootfs at "/cache": mount '
    "src={path}, dst=/cache, dstFd=/proc/thread-self/fd/11, flags=MS_RDONLY|MS_BIND|MS_REC: "
    "no such file or directory: unknown",
    "Podman 4": "container create: statfs {path}: no such file or directory",
    "Podman 5": "statfs {path}: no such file or directory",
    "crun": "crun: cannot stat `{path}`: No such file or directory: OCI runtime attempted to "
    "invoke a command that was not found",
}
DEVICES = {
    "Docker 20.10": "error gathering device information while adding custom device "
    '"{path}": no such file or directory',
    "Docker 28": "failed to create task for container: error gathering device information while "
    'adding custom device "{path}": no such file or directory',
    "Podman 4": "container create: stat {path}: no such file or directory",
    "Podman 5": "stat {path}: no such file or directory",
    "crun": "crun: cannot stat `{path}`: No such file or directory: OCI runtime attempted to "
    "invoke a command that was not found",
}
FULL = {
    "Docker 20.10": "mkdir /var/lib/docker/overlay2/0a1b: no space left on device",
    "Docker 24": "failed to register layer: write /usr/lib/libx.so: no space left on device",
    "Docker 28": "failed to copy: failed to send write: write "
    "/var/lib/containerd/io.containerd.content.v1.content/ingest/1/data: no space left on device: "
    "unknown",
    "Podman 4": 'writing blob: adding layer with blob "sha256:0a": processing tar file(write '
    "/usr/x: no space left on device): exit status 1",
    "Podman 5": "creating container storage: mkdir /var/lib/containers/storage/overlay/0a: disk "
    "quota exceeded",
    "runc": _RUNC + "mkdir /run/x: no space left on device: unknown",
    "crun": "crun: write to `/run/crun/0a/status`: No space left on device: OCI runtime error",
}
TAKEN = {
    "Docker 20.10 to 28": 'Conflict. The container name "/x-follower" is already in use by '
    'container "0a". You have to remove (or rename) that container to be able to reuse that name.',
    "Podman 4 and 5": 'creating container storage: the container name "x-follower" is already in '
    "use by 0a. You have to remove that container to be able to reuse that name: that name is "
    "already in use",
}
CLOSED = {
    "Docker 20.10": _RUNC_OLD + 'mounting "proc" to rootfs at "/proc" caused: mount through '
    "procfd: operation not permitted: unknown",
    "Docker 24": "privileged mode is incompatible with user namespaces.  You must run the "
    "container in the host namespace when running privileged mode",
    "Docker 28": 'invalid CapAdd: unknown capability: "CAP_SOMETHING"',
    "Docker Desktop": "Mounts denied: \nThe path /srv/x is not shared from the host and is not "
    "known to Docker.",
    "Podman 4": "container create: statfs /root/cache: permission denied",
    "Podman 5": "crun: mount `/root/cache` to `cache`: Permission denied: OCI permission denied",
    "runc": _RUNC + "unable to apply caps: operation not permitted: unknown",
    "crun": "crun: mknod `/dev/loop-control`: Operation not permitted: OCI permission denied",
}


@pytest.mark.parametrize("path", ["/srv/cache", ODD, "/home/o'brien/cache", "/srv/ends in space "])
@pytest.mark.parametrize("words", BINDS.values(), ids=BINDS)
def test_a_path_that_is_not_there_is_named(words: str, path: str) -> None:
    assert classified(words.format(path=path)) == (BindMissingError, path)


@pytest.mark.parametrize("path", ["/dev/kvm", "/dev/loop-control", "/dev/mapper/a-b:c"])
@pytest.mark.parametrize("words", DEVICES.values(), ids=DEVICES)
def test_a_device_that_is_not_there_is_named(words: str, path: str) -> None:
    assert classified(words.format(path=path)) == (DeviceMissingError, path)


@pytest.mark.parametrize("words", FULL.values(), ids=FULL)
def test_a_full_disk_is_one(words: str) -> None:
    assert classified(words) == (NoSpaceError, "")


@pytest.mark.parametrize("words", CLOSED.values(), ids=CLOSED)
def test_what_the_engine_may_not_do_is_one(words: str) -> None:
    assert classified(words) == (NotAllowedError, "")


@pytest.mark.parametrize("words", TAKEN.values(), ids=TAKEN)
def test_a_name_that_is_taken_is_one(words: str) -> None:
    assert classified(words) == (NameTakenError, "")


@pytest.mark.parametrize(
    "words",
    [
        "",
        "something new",
        "port is already in use",
        "No such image: distroclone-builder:0a",
        "No such container: 0a",
        "device or resource busy",
        'exec: "python3": executable file not found in $PATH: unknown',
        "pull access denied for x: requested access to the resource is denied",
        "open /var/lib/docker/image: no such file or directory",
        "toomanyrequests: You have reached your pull rate limit.",
    ],
)
def test_a_sentence_that_nobody_knows_is_a_refusal_and_no_more(words: str) -> None:
    assert classified(words) == (EngineRefusedError, "")


@pytest.mark.parametrize(
    ("words", "kind", "path", "advice"),
    [
        (BINDS["Podman 5"].format(path=ODD), BindMissingError, ODD, "check that it is there"),
        (DEVICES["Docker 28"].format(path="/dev/kvm"), DeviceMissingError, "/dev/kvm", "lacks"),
        (FULL["Docker 24"], NoSpaceError, "", "Free space"),
        (CLOSED["Docker 28"], NotAllowedError, "", "--isolation confined"),
        ("something new {with} braces", EngineRefusedError, "", "journalctl -u docker"),
        (TAKEN["Podman 4 and 5"], NameTakenError, "", "try again"),
    ],
)
def test_a_refusal_is_raised_as_what_it_is(
    words: str, kind: type[EngineRefusedError], path: str, advice: str
) -> None:
    response = requests.Response()
    response.status_code = 400
    refusal = docker.errors.APIError("outer words", response=response, explanation=words)
    with pytest.raises(HostError) as caught, translated("creating the scan container"):
        raise refusal
    error = caught.value
    assert isinstance(error, EngineRefusedError)
    assert (type(error), error.path) == (kind, path)
    assert str(error) == f"The container engine failed while creating the scan container: {words}"
    assert advice in error.advice
