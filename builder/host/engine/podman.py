"""Podman: known by what it says of itself, and asked for containers in its own terms.

Its Docker API passes over rules for devices, without which no loop device can be used, and sets
limits that take CAP_SYS_RESOURCE. So containers are created over its native API (libpod, the same
from Podman 4 on; specgen.SpecGenerator in pkg/specgen has the fields); the rest goes over Docker's.
"""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import docker.errors
import requests.exceptions

from builder.host.engine.protocol import Product

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

_CREATE: Final = "/v4.0.0/libpod/containers/create"
_COMPONENT: Final = "Podman Engine"
_LOCAL: Final = "localhost/"
_ID: Final = re.compile(r"(sha256:)?[0-9a-f]{64}")
_RULE: Final = re.compile(r"(?P<type>[abc]) (?P<major>[0-9]+):\* (?P<access>[rwm]+)")


def product_of(version: Mapping[str, Any]) -> Product:
    """Return whose engine answered /version like that."""
    components = version.get("Components")
    listed = components if isinstance(components, list) else []
    names = {str(each.get("Name", "")) for each in listed if isinstance(each, dict)}
    return Product.PODMAN if _COMPONENT in names else Product.DOCKER


def local_name(reference: str) -> str:
    """Return what Podman calls an image that no registry has: a name without one is nobody's.

    Ids stay, and so do digests: what was pulled has the registry's name.
    """
    first, slash, _rest = reference.partition("/")
    has_registry = slash and (set(".:") & set(first) or first == "localhost")
    if has_registry or "@" in reference or _ID.fullmatch(reference):
        return reference
    return _LOCAL + reference


def without_registry(name: str) -> str:
    """Return our own name for an image that Podman calls `localhost/NAME`."""
    return name.removeprefix(_LOCAL)


def create(
    client: "DockerClient", image: str, command: Sequence[str], **options: Any
) -> "Container":
    """Create a container from the options that the Docker SDK's `containers.create` takes."""
    return created(client, specification(image, command, **options))


def created(client: "DockerClient", asked: Mapping[str, Any]) -> "Container":
    """Create a container from a SpecGenerator."""
    response = client.api.post(
        f"{client.api.base_url}{_CREATE}", json=asked, timeout=client.api.timeout
    )
    try:
        response.raise_for_status()
    except requests.exceptions.HTTPError as error:
        raise docker.errors.create_api_error_from_http_exception(error) from error
    return client.containers.get(response.json()["Id"])


def specification(
    image: str,
    command: Sequence[str],
    *,
    mounts: Sequence[Mapping[str, Any]],
    labels: Mapping[str, str],
    devices: Sequence[str],
    hostname: str = "",
    privileged: bool = False,
    userns_mode: str = "host",
    network_disabled: bool = False,
    network_mode: str = "bridge",
    mem_limit: int | None = None,
    memswap_limit: int | None = None,
    pids_limit: int | None = None,
    cpu_shares: int | None = None,
    cap_drop: Sequence[str] = (),
    cap_add: Sequence[str] = (),
    security_opt: Sequence[str] = (),
    device_cgroup_rules: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    log_config: object = None,  # noqa: ARG001 - of drivers that Podman does not have
) -> dict[str, Any]:
    """Return the same container as Podman's SpecGenerator."""
    security = dict(each.partition("=")[::2] for each in security_opt)
    return {
        "image": image,
        "command": list(command),
        "env": dict(environment or {}),
        "labels": dict(labels),
        "hostname": hostname,
        "systemd": "false",
        "mounts": [_bind(each) for each in mounts if each["Type"] == "bind"],
        "volumes": [_volume(each) for each in mounts if each["Type"] == "volume"],
        "devices": [{"path": each} for each in devices],
        "device_cgroup_rule": [_device_rule(each) for each in device_cgroup_rules],
        "privileged": privileged,
        "userns": {"nsmode": userns_mode},
        "cap_drop": list(cap_drop),
        "cap_add": list(cap_add),
        "no_new_privileges": "no-new-privileges" in security,
        "apparmor_profile": security.get("apparmor", ""),
        "selinux_opts": [security["label"]] if "label" in security else [],
        "unmask": [security["unmask"]] if "unmask" in security else [],
        "netns": {"nsmode": "none" if network_disabled else network_mode},
        "resource_limits": {
            "memory": {"limit": mem_limit, "swap": memswap_limit},
            "pids": {"limit": pids_limit},
            "cpu": {"shares": cpu_shares},
        },
        # Always a file: the journal may not be there, and output is followed from the beginning.
        "log_configuration": {"driver": "k8s-file"},
    }


def _bind(mount: Mapping[str, Any]) -> dict[str, Any]:
    asked = mount.get("BindOptions", {})
    kind = "bind" if asked.get("NonRecursive") else "rbind"
    options = [kind, asked.get("Propagation", "rprivate")]
    return {
        "type": "bind",
        "source": mount["Source"],
        "destination": mount["Target"],
        "options": [*options, _access(mount)],
    }


def _volume(mount: Mapping[str, Any]) -> dict[str, Any]:
    return {"Name": mount["Source"], "Dest": mount["Target"], "Options": [_access(mount)]}


def _access(mount: Mapping[str, Any]) -> str:
    return "ro" if mount.get("ReadOnly") else "rw"


def _device_rule(text: str) -> dict[str, Any]:
    rule = _RULE.fullmatch(text)
    if rule is None:
        raise ValueError(text)
    return {
        "allow": True, "type": rule["type"], "major": int(rule["major"]), "access": rule["access"],
    }  # fmt: skip
