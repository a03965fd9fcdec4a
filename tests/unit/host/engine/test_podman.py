"""Podman gets the same container as Docker, in its own terms; and images have its names."""

from dataclasses import replace
from typing import Any

import pytest

from builder.border.jobs import BUILD, JOBS, SCAN, Job
from builder.border.plan import Isolation
from builder.host.engine import Product
from builder.host.engine.container import container_options
from builder.host.engine.podman import local_name, product_of, specification, without_registry
from tests.support.specs import spec_for, title

_ID = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize("job", JOBS, ids=title)
def test_a_container_asks_for_what_its_row_says_and_nothing_else(job: Job[Any, Any]) -> None:
    spec = spec_for(job)
    options = container_options(spec, security_options=["apparmor=unconfined", "unmask=ALL"])
    made = specification("image", [job.name], **options)
    mounts, volumes = made.pop("mounts"), made.pop("volumes")
    loops = ["/dev/loop-control:/dev/loop-control:rwm"] if job.loop_devices else []
    devices = [*(f"{each}:{each}:rwm" for each in spec.devices), *loops]
    rule = {"allow": True, "type": "b", "major": 7, "access": "rmw"}
    assert made == {
        "image": "image",
        "command": [job.name],
        "env": {},
        "labels": options["labels"],
        "hostname": "distroclone-builder",
        "systemd": "false",
        "devices": [{"path": each} for each in devices],
        "device_cgroup_rule": [rule] if job.loop_devices else [],
        "privileged": False,
        "userns": {"nsmode": "host"},
        "cap_drop": ["ALL"],
        "cap_add": [*job.capabilities],
        "no_new_privileges": True,
        "apparmor_profile": "unconfined",
        "selinux_opts": ["disable"],
        "unmask": ["ALL"],
        "netns": {"nsmode": "bridge" if job.network else "none"},
        "resource_limits": {
            "memory": {"limit": job.limits.memory, "swap": job.limits.memory},
            "pids": {"limit": job.limits.processes},
            "cpu": {"shares": job.limits.processor},
        },
        "log_configuration": {"driver": "k8s-file"},
    }
    access = {each["destination"]: each["options"] for each in mounts}
    access |= {each["Dest"]: each["Options"] for each in volumes}
    assert {place: "rw" in options for place, options in access.items()} == {
        str(each.target): each.writable for each in job.sees if str(each.target) not in spec.devices
    }
    assert all(each["options"][:2] == ["rbind", "rprivate"] for each in mounts)


def test_podman_has_its_own_word_for_a_folder_that_is_bound_alone() -> None:
    spec = spec_for(SCAN)
    spec = replace(spec, binds=tuple(replace(each, alone=True) for each in spec.binds))
    made = specification("image", [], **container_options(spec, security_options=[]))
    assert [each["options"] for each in made["mounts"]] == [["bind", "rprivate", "ro"]]


def test_a_privileged_container_keeps_its_limits_and_has_no_network_either() -> None:
    spec = replace(spec_for(BUILD), isolation=Isolation.PRIVILEGED)
    made = specification("image", [], **container_options(spec, security_options=[]))
    assert made["privileged"]
    assert made["netns"] == {"nsmode": "none"}
    assert made["resource_limits"]["memory"]["limit"] == BUILD.limits.memory


def test_an_option_that_has_no_translation_is_refused() -> None:
    options = container_options(spec_for(BUILD), security_options=[])
    with pytest.raises(TypeError, match="init"):
        specification("image", [], **options | {"init": True})


@pytest.mark.parametrize(
    ("version", "product"),
    [
        ({"Components": [{"Name": "Podman Engine", "Version": "4.3.1"}]}, Product.PODMAN),
        ({"Components": [{"Name": "Engine", "Version": "20.10.24"}]}, Product.DOCKER),
        ({"Components": None}, Product.DOCKER),
        ({}, Product.DOCKER),
        ({"Components": {"Name": "Podman Engine"}}, Product.DOCKER),
        ({"Components": ["Podman Engine", None]}, Product.DOCKER),
    ],
)
def test_an_engine_says_whose_it_is(version: dict[str, Any], product: Product) -> None:
    assert product_of(version) is product


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("distroclone-builder:abc", "localhost/distroclone-builder:abc"),
        ("distroclone-builder", "localhost/distroclone-builder"),
        ("some/where:abc", "localhost/some/where:abc"),
        ("localhost/distroclone-builder:abc", "localhost/distroclone-builder:abc"),
        ("localhost:5000/debian:13", "localhost:5000/debian:13"),
        ("registry.example/debian:13", "registry.example/debian:13"),
        (f"debian@{_ID}", f"debian@{_ID}"),
        (_ID, _ID),
        (_ID.removeprefix("sha256:"), _ID.removeprefix("sha256:")),
    ],
)
def test_only_an_image_without_a_registry_is_local(reference: str, name: str) -> None:
    assert local_name(reference) == name


def test_a_local_image_gets_its_own_name_back() -> None:
    assert without_registry("localhost/distroclone-builder:abc") == "distroclone-builder:abc"
    assert without_registry("registry.example/debian:13") == "registry.example/debian:13"
