"""What to type on this machine so that it gets an engine, or may use the one that it has."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from builder.basics.texts import say
from builder.host.engine.machine import Machine


class Trouble(StrEnum):
    """Why no engine answers, as far as this machine can tell."""

    NONE_THERE = "none-there"  # no socket
    SILENT = "silent"  # a socket that nobody answers
    FORBIDDEN = "forbidden"
    ELSEWHERE = "elsewhere"  # at a place that the user named


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Systems with one package manager, by their names in os-release(5); commands for root."""

    names: tuple[str, ...]
    install: str
    docker: str  # the package; "" where the system has none, or recommends Podman
    start_without_systemd: str = "service docker start"


_FAMILIES: Final = (
    Family(names=("debian", "ubuntu"), install="apt-get install", docker="docker.io"),
    Family(names=("fedora", "rhel", "centos"), install="dnf install", docker=""),
    Family(names=("opensuse", "suse"), install="zypper install", docker=""),
    Family(names=("arch",), install="pacman -S", docker="docker"),
    Family(
        names=("alpine",), install="apk add", docker="docker",
        start_without_systemd="rc-update add docker && service docker start",
    ),
    Family(
        names=("gentoo",), install="emerge", docker="app-containers/docker",
        start_without_systemd="rc-update add docker && rc-service docker start",
    ),
    Family(
        names=("void",), install="xbps-install -S", docker="docker",
        start_without_systemd="ln -s /etc/sv/docker /var/service/",
    ),
)  # fmt: skip


def advice(machine: Machine, trouble: Trouble, *, wanted: str = "") -> str:
    """Return what to do: whole sentences, with the commands of this machine.

    `wanted` is "docker" or "podman" where the user wants that one.
    """
    if trouble is Trouble.ELSEWHERE:
        return say(
            "Check that an engine runs there and lets you in, or name another one with --engine "
            "or --context."
        )
    special = _without_engine_of_its_own(machine)
    if special:
        return special
    if trouble is Trouble.FORBIDDEN:
        return _permission(machine)
    return _presence(machine, wanted)


def _without_engine_of_its_own(machine: Machine) -> str:
    """Return the advice for machines where containers run in a virtual machine, or not at all."""
    if machine.kernel == "Darwin":
        return say(
            "This program and its containers need Linux. On macOS, run it in a virtual machine, "
            "such as the one of colima (`brew install colima docker && colima start`, then "
            "`colima ssh`)."
        )
    if machine.kernel != "Linux":
        return say(
            "This program and its containers need Linux. Run it in a virtual machine with it."
        )
    if machine.is_wsl_one:
        return say(
            "WSL 1 has no containers. In PowerShell, change to WSL 2: `wsl --set-version "
            "<distribution> 2`; then install Docker in it, or Docker Desktop in Windows."
        )
    return ""


def _permission(machine: Machine) -> str:
    if machine.user_in_group and not machine.session_in_group:
        return say(
            "You joined the group docker after this session began: log in again, or type "
            "`newgrp docker`."
        )
    if "docker" in machine.engines:
        return say(
            "You may not use the engine. Join its group, `sudo usermod -aG docker $USER`, and log "
            "in again (whoever is in it is as good as root here), or run this command with sudo."
        )
    return say(
        "You may not use the engine: its socket belongs to root. Run this command with sudo."
    )


def _presence(machine: Machine, wanted: str) -> str:
    family = _family(machine)
    installed = [name for name in ("docker", "podman") if name in machine.engines]
    there = [name for name in installed if wanted in ("", name)]
    if there:
        return say(
            "{engine} is installed, but does not run. Start it: `{command}`.",
            engine=there[0].capitalize(),
            command=_typed(machine, _start(machine, family, there[0])),
        )
    if machine.system == "nixos":
        return say(
            "This machine has no container engine. Add `virtualisation.docker.enable = true;` to "
            "/etc/nixos/configuration.nix, then `{command}`.",
            command=_typed(machine, "nixos-rebuild switch"),
        )
    if family is None:
        return say(
            "Install Docker 20.10 or later, or Podman, with the package manager of this machine, "
            "and start it. Or name an engine elsewhere with --engine ssh://user@host."
        )
    name = wanted or ("docker" if family.docker else "podman")
    package = family.docker if name == "docker" else "podman"
    return say(
        "Install it: `{install}`, then start it: `{start}`. Or name an engine elsewhere with "
        "--engine ssh://user@host.",
        install=_typed(machine, f"{family.install} {package or 'docker'}"),
        start=_typed(machine, _start(machine, family, name)),
    )


def _family(machine: Machine) -> Family | None:
    """Return the family of the machine's system, or of those that it says it is like."""
    for name in (machine.system, *machine.like):
        for family in _FAMILIES:
            if name in family.names or name.partition("-")[0] in family.names:
                return family
    return None


def _start(machine: Machine, family: Family | None, engine: str) -> str:
    if machine.systemd:
        return f"systemctl enable --now {'podman.socket' if engine == 'podman' else engine}"
    if engine == "podman":
        return "podman system service --time=0 &"
    return family.start_without_systemd if family else "service docker start"


def _typed(machine: Machine, command: str) -> str:
    """Return a command of root's as this user types it."""
    if machine.root:
        return command
    return " && ".join(f"sudo {each}" for each in command.split(" && "))
