"""What to type for an engine on this machine: pure functions from facts to lines.

Commands are those of each distribution's own pages; packages and services have had these names in
every release that is supported today. Podman where it is the distribution's own choice, otherwise
Docker.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Final

from builder.basics.texts import say
from builder.host.engine import Product
from builder.host.engine.troubles import Trouble
from builder.host.upkeep.machine_facts import MachineFacts


class Family(StrEnum):
    """Distributions that install alike; the value is the ID that their derivatives are like."""

    DEBIAN = "debian"
    AMAZON = "amzn"
    FEDORA = "fedora"
    SUSE = "suse"
    ARCH = "arch"
    ALPINE = "alpine"
    NIXOS = "nixos"
    GENTOO = "gentoo"
    VOID = "void"
    UNKNOWN = ""


_IDS: Final[Mapping[str, Family]] = {
    "debian": Family.DEBIAN, "ubuntu": Family.DEBIAN, "amzn": Family.AMAZON,
    "fedora": Family.FEDORA, "rhel": Family.FEDORA, "centos": Family.FEDORA,
    "suse": Family.SUSE, "opensuse": Family.SUSE, "sles": Family.SUSE,
    "opensuse-leap": Family.SUSE, "opensuse-tumbleweed": Family.SUSE,
    "arch": Family.ARCH, "archlinux": Family.ARCH, "manjaro": Family.ARCH,
    "alpine": Family.ALPINE, "nixos": Family.NIXOS, "gentoo": Family.GENTOO,
    "void": Family.VOID,
}  # fmt: skip
# For root; the first product is what to take where nobody asked for another.
_INSTALLING: Final[Mapping[Family, Mapping[Product, str]]] = {
    Family.DEBIAN: {
        Product.DOCKER: "apt-get install docker.io", Product.PODMAN: "apt-get install podman",
    },
    Family.AMAZON: {Product.DOCKER: "dnf install docker"},
    Family.FEDORA: {
        Product.PODMAN: "dnf install podman", Product.DOCKER: "dnf install moby-engine",
    },
    Family.SUSE: {
        Product.PODMAN: "zypper install podman", Product.DOCKER: "zypper install docker",
    },
    Family.ARCH: {Product.DOCKER: "pacman -S docker", Product.PODMAN: "pacman -S podman"},
    Family.ALPINE: {Product.DOCKER: "apk add docker", Product.PODMAN: "apk add podman"},
    Family.GENTOO: {
        Product.DOCKER: "emerge --ask app-containers/docker",
        Product.PODMAN: "emerge --ask app-containers/podman",
    },
    Family.VOID: {
        Product.DOCKER: "xbps-install -S docker", Product.PODMAN: "xbps-install -S podman",
    },
}  # fmt: skip
_SERVICES: Final[Mapping[Product, str]] = {
    Product.DOCKER: "docker", Product.PODMAN: "podman.socket",
}  # fmt: skip
_ENGINES: Final[Mapping[Product, str]] = {Product.DOCKER: "dockerd", Product.PODMAN: "podman"}
# The last versions whose own packages are older than Docker 20.10 or Podman 4.
_TOO_OLD: Final[Mapping[str, int]] = {
    "debian": 10, "ubuntu": 18, "rhel": 7, "centos": 7, "rocky": 7, "almalinux": 7, "ol": 7,
}  # fmt: skip


def family(facts: MachineFacts) -> Family:
    """Return the family of a distribution: its own, or the first that it is like."""
    known = (_IDS[each] for each in facts.kinds if each in _IDS)
    return next(known, Family.UNKNOWN)


def advice(
    facts: MachineFacts,
    trouble: Trouble,
    *,
    wanted: Product | None = None,
    group: str | None = None,
) -> str:
    """Return what to do about a missing engine here: sentences, and commands on their own lines.

    `wanted` is the product that was asked for; None for either. `group` may use its socket; "" if
    only its owner may, None where that is not known.
    """
    if group is None:
        group = "docker" if "dockerd" in facts.programs else ""
    return "\n".join(_lines(facts, trouble, wanted, group))


def _lines(
    facts: MachineFacts, trouble: Trouble, wanted: Product | None, group: str
) -> Iterator[str]:
    here = _installed(facts, wanted)
    if facts.system != "Linux":
        yield from _on_another_system(facts)
    elif facts.in_container and here is None:
        yield say(
            "This is a container. Start it with the socket of its own engine, "
            "`-v /var/run/docker.sock:/var/run/docker.sock`; caches are then named by their paths "
            "on the engine's machine."
        )
    elif _is_wsl1(facts):
        yield say("WSL 1 has no Linux kernel, so it runs no containers. In PowerShell:")
        yield f"wsl --set-version {facts.wsl_name or '<NAME>'} 2"
    elif trouble is Trouble.NOT_ALLOWED:
        yield from _access(facts, group)
    elif here is not None:
        yield say("{engine} is installed, but does not run:", engine=here.value)
        yield from _start_commands(facts, here)
        yield from _afterwards(facts, here)
    else:
        yield from _installing(facts, wanted)
        yield say("Or name an engine elsewhere: `--engine ssh://USER@HOST`.")


def _installed(facts: MachineFacts, wanted: Product | None) -> Product | None:
    """Return the engine that is here, Docker rather than Podman as everywhere."""
    found = (each for each in _ENGINES if _ENGINES[each] in facts.programs)
    return next((each for each in found if wanted in (None, each)), None)


def _on_another_system(facts: MachineFacts) -> Iterator[str]:
    if facts.system != "Darwin":
        yield say("This program runs on Linux; {system} is not supported.", system=facts.system)
        return
    yield say(
        "This program runs on Linux: on macOS, in a virtual machine. Docker Desktop alone is not "
        "enough, as the program itself has to be in the machine, too."
    )
    yield "brew install colima"
    yield "colima start --disk 60"
    yield "colima ssh"
    yield say(
        "Install it in there. macOS cannot read btrfs, so give the machine the cache as an image "
        "(`--cache-image`), or the system as a plain tree (`--tree`)."
    )


def _is_wsl1(facts: MachineFacts) -> bool:
    """Whether this is Microsoft's first one: its kernel says so with a capital, and no number."""
    return facts.kernel.endswith("-Microsoft")


def _is_wsl2(facts: MachineFacts) -> bool:
    return "microsoft-standard" in facts.kernel.lower()


def _access(facts: MachineFacts, group: str) -> Iterator[str]:
    if facts.uid == 0:
        yield say("Even root may not use it here: look for SELinux, AppArmor or a user namespace.")
    elif group in facts.account_groups - facts.groups:
        yield say(
            "You are in the group `{group}`, but this session began before: log in again, or",
            group=group,
        )
        yield f"newgrp {group}"
    elif group not in ("", "root"):
        yield say(
            "Join the group `{group}`, whose members are as mighty as root; then log in again:",
            group=group,
        )
        yield _as_root(facts, f"usermod -aG {group} {facts.user}")
    else:
        yield say("Only root may use it. Run this program as root.")


def _start_commands(facts: MachineFacts, product: Product) -> Iterator[str]:
    if facts.has_systemd:
        yield _as_root(facts, f"systemctl enable --now {_SERVICES[product]}")
    elif "rc-service" in facts.programs:
        name = product.value.lower()
        yield _as_root(facts, f"rc-update add {name} default")
        yield _as_root(facts, f"rc-service {name} start")
    elif product is Product.DOCKER:
        yield _as_root(facts, _start_of_docker(facts))
    else:
        yield _as_root(facts, "mkdir -p /run/podman")
        yield _as_root(facts, "podman system service --time=0 unix:///run/podman/podman.sock &")
    if _is_wsl2(facts) and not facts.has_systemd:
        yield say(
            "In WSL 2 that lasts until the next start. With `[boot]` and `systemd=true` in "
            "/etc/wsl.conf, and after `wsl --shutdown`, services start by themselves."
        )


def _start_of_docker(facts: MachineFacts) -> str:
    """Return the command of machines with neither systemd nor OpenRC."""
    if family(facts) is Family.VOID:  # runit watches that folder
        return "ln -s /etc/sv/docker /var/service/"
    return "service docker start" if "service" in facts.programs else "dockerd &"


def _afterwards(facts: MachineFacts, product: Product) -> Iterator[str]:
    if facts.uid == 0:
        return
    if product is Product.PODMAN:
        yield say("Then run this program as root, as only root may use that socket.")
    elif "docker" not in facts.groups | facts.account_groups:
        yield _as_root(facts, f"usermod -aG docker {facts.user}")
        yield say("Then log in again. Members of the group `docker` are as mighty as root.")


def _installing(facts: MachineFacts, wanted: Product | None) -> Iterator[str]:
    found = family(facts)
    if found is Family.NIXOS:
        yield from _on_nixos(facts, wanted or Product.DOCKER)
        return
    commands = _INSTALLING.get(found, {})
    product = wanted or next(iter(commands), None)
    if _is_too_old(facts):
        yield say(
            "The engines that {system} brings are too old. Install Docker 20.10 or later from "
            "Docker's own packages (https://docs.docker.com/engine/install/).",
            system=facts.name,
        )
    elif product is None or product not in commands or _lacks(facts, product):
        yield say(
            "Install Docker 20.10 or later, or Podman 4 or later, with the package manager of "
            "{system} or from the engine's own pages, and start its service (`docker`, or "
            "`podman.socket`).",
            system=facts.name,
        )
    else:
        yield say("Install an engine and start it:")
        yield _as_root(facts, _fitting(facts, commands[product]))
        if _is_in_the_next_snapshot(facts, found):
            yield _as_root(facts, "reboot")
        yield from _start_commands(_with_init_of(facts, found), product)
        yield from _afterwards(facts, product)


def _on_nixos(facts: MachineFacts, product: Product) -> Iterator[str]:
    yield say("In /etc/nixos/configuration.nix:")
    yield f"virtualisation.{product.value.lower()}.enable = true;"
    if facts.uid != 0 and product is Product.DOCKER:
        yield f'users.users.{facts.user}.extraGroups = [ "docker" ];'
    yield say("Then:")
    yield _as_root(facts, "nixos-rebuild switch")


def _lacks(facts: MachineFacts, product: Product) -> bool:
    """Whether it is one of the Fedora family that has only Podman: all but Fedora itself."""
    others = family(facts) is Family.FEDORA and facts.kinds[0] != "fedora"
    return others and product is Product.DOCKER


def _is_too_old(facts: MachineFacts) -> bool:
    last = _TOO_OLD.get(facts.kinds[0])
    return last is not None and facts.major is not None and facts.major <= last


def _fitting(facts: MachineFacts, command: str) -> str:
    """Return the command with what this variant of the family has in place of the usual."""
    if "rpm-ostree" in facts.programs:
        return command.replace("dnf install", "rpm-ostree install --apply-live")
    if _is_in_the_next_snapshot(facts, family(facts)):
        return command.replace("zypper", "transactional-update pkg")
    if command.startswith("dnf") and "dnf" not in facts.programs and "yum" in facts.programs:
        return command.replace("dnf", "yum")
    return command


def _is_in_the_next_snapshot(facts: MachineFacts, found: Family) -> bool:
    """Whether the system is read-only, and changed in a snapshot that it starts next (MicroOS)."""
    return found is Family.SUSE and "transactional-update" in facts.programs


def _with_init_of(facts: MachineFacts, found: Family) -> MachineFacts:
    """Return the facts with OpenRC where it is usual: it is not installed in every image."""
    if found in (Family.ALPINE, Family.GENTOO):
        return replace(facts, programs=facts.programs | {"rc-service"})
    return facts


def _as_root(facts: MachineFacts, command: str) -> str:
    if facts.uid == 0:
        return command
    if "sudo" not in facts.programs and "doas" in facts.programs:
        return f"doas {command}"
    return f"sudo {command}"
