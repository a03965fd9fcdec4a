"""What people are told to type, on the machines that they have."""

import pytest

from builder.host.engine.advice import Trouble, advice
from builder.host.engine.machine import Machine, os_release

NOTHING = Trouble.NONE_THERE


def machine(system: str, *like: str, systemd: bool = True, **more: object) -> Machine:
    return Machine(kernel="Linux", system=system, like=like, systemd=systemd, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("where", "install", "start"),
    [
        (machine("debian"), "apt-get install docker.io", "systemctl enable --now docker"),
        (machine("ubuntu", "debian"), "apt-get install docker.io", "systemctl enable --now docker"),
        (
            machine("linuxmint", "ubuntu", "debian"),
            "apt-get install docker.io",
            "systemctl enable --now docker",
        ),
        (machine("devuan", "debian", systemd=False), "apt-get install docker.io",
         "service docker start"),
        (machine("fedora"), "dnf install podman", "systemctl enable --now podman.socket"),
        (machine("rocky", "rhel", "centos", "fedora"), "dnf install podman",
         "systemctl enable --now podman.socket"),
        (machine("opensuse-tumbleweed", "opensuse", "suse"), "zypper install podman",
         "systemctl enable --now podman.socket"),
        (machine("sles"), "", ""),
        (machine("sles", "suse"), "zypper install podman", "systemctl enable --now podman.socket"),
        (machine("arch"), "pacman -S docker", "systemctl enable --now docker"),
        (machine("manjaro", "arch"), "pacman -S docker", "systemctl enable --now docker"),
        (machine("alpine", systemd=False), "apk add docker",
         "rc-update add docker && sudo service docker start"),
        (machine("gentoo", systemd=False), "emerge app-containers/docker",
         "rc-update add docker && sudo rc-service docker start"),
        (machine("void", systemd=False), "xbps-install -S docker",
         "ln -s /etc/sv/docker /var/service/"),
    ],
)  # fmt: skip
def test_a_machine_without_an_engine_gets_its_own_commands(
    where: Machine, install: str, start: str
) -> None:
    told = advice(where, NOTHING)
    if install:
        assert f"`sudo {install}`" in told
        assert f"`sudo {start}`" in told
    else:
        assert "package manager" in told
    assert "ssh://user@host" in told
    assert "sudo" not in advice(machine(where.system, *where.like, root=True), NOTHING)


def test_nixos_gets_its_lines() -> None:
    told = advice(machine("nixos"), NOTHING)
    assert "virtualisation.docker.enable = true;" in told
    assert "`sudo nixos-rebuild switch`" in told


@pytest.mark.parametrize("trouble", [Trouble.NONE_THERE, Trouble.SILENT])
def test_an_engine_that_is_installed_is_started(trouble: Trouble) -> None:
    both = machine("debian", engines=frozenset({"docker", "podman"}))
    assert "Docker is installed" in advice(both, trouble)
    assert "`sudo systemctl enable --now docker`" in advice(both, trouble)
    podman = machine("debian", engines=frozenset({"podman"}))
    assert "Podman is installed" in advice(podman, trouble)
    assert "`sudo systemctl enable --now podman.socket`" in advice(podman, trouble)
    plain = machine("debian", systemd=False, root=True, engines=frozenset({"podman"}))
    assert "`podman system service --time=0 &`" in advice(plain, trouble)


def test_who_wants_podman_is_not_sent_to_docker() -> None:
    docker = machine("debian", engines=frozenset({"docker"}))
    told = advice(docker, NOTHING, wanted="podman")
    assert "`sudo apt-get install podman`" in told
    assert "`sudo systemctl enable --now podman.socket`" in told
    assert "ocker" not in told
    fedora = advice(machine("fedora"), NOTHING, wanted="docker")
    assert "`sudo dnf install docker`" in fedora


def test_who_may_not_use_an_engine_is_told_how_to() -> None:
    docker = frozenset({"docker"})
    told = advice(machine("debian", engines=docker), Trouble.FORBIDDEN)
    assert "usermod -aG docker $USER" in told
    assert "root" in told
    joined = machine("debian", engines=docker, user_in_group=True)
    assert "log in again" in advice(joined, Trouble.FORBIDDEN)
    assert "usermod" not in advice(joined, Trouble.FORBIDDEN)
    podman = machine("fedora", engines=frozenset({"podman"}))
    assert "with sudo" in advice(podman, Trouble.FORBIDDEN)


def test_other_kernels_are_told_where_containers_run() -> None:
    assert "colima" in advice(Machine(kernel="Darwin"), NOTHING)
    assert "virtual machine" in advice(Machine(kernel="FreeBSD"), NOTHING)
    old = machine("debian", kernel_release="4.4.0-19041-Microsoft")
    assert "--set-version" in advice(old, NOTHING)
    new = machine("debian", systemd=False, kernel_release="5.15.90.1-microsoft-standard-WSL2")
    assert "`sudo service docker start`" in advice(new, NOTHING)


def test_an_engine_elsewhere_is_not_installed_here() -> None:
    assert "install" not in advice(machine("debian"), Trouble.ELSEWHERE)


def test_os_release_is_read_as_a_shell_would() -> None:
    text = 'NAME="A \\"B\\""\nID=fedora\n# ID=x\nID_LIKE=\'rhel centos\'\nBROKEN="x\n 1=2\n'
    assert os_release(text) == {"NAME": 'A "B"', "ID": "fedora", "ID_LIKE": "rhel centos"}
