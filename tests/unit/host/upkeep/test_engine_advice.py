"""What is said where no engine answers: for each kind of machine, the very lines to type."""

from dataclasses import replace

import pytest

from builder.host.engine import Product
from builder.host.engine.troubles import Trouble
from builder.host.upkeep.engine_advice import Family, advice, family
from builder.host.upkeep.machine_facts import MachineFacts, os_release

# What os-release says on real systems; only the lines that decide.
MACHINES = {
    "Debian 12": "ID=debian\nVERSION_ID=\"12\"",
    "Debian sid": "ID=debian",
    "Ubuntu 24.04": "ID=ubuntu\nID_LIKE=debian\nVERSION_ID=\"24.04\"",
    "Linux Mint 22": "ID=linuxmint\nID_LIKE=\"ubuntu debian\"\nVERSION_ID=\"22\"",
    "SysLinuxOS": "ID=syslinuxos\nID_LIKE=debian\nVERSION_ID=\"12\"",
    "Raspbian": "ID=raspbian\nID_LIKE=debian\nVERSION_ID=\"12\"",
    "Fedora 41": "ID=fedora\nVERSION_ID=41",
    "RHEL 9": "ID=\"rhel\"\nID_LIKE=\"fedora\"\nVERSION_ID=\"9.4\"",
    "CentOS Stream 9": "ID=\"centos\"\nID_LIKE=\"rhel fedora\"\nVERSION_ID=\"9\"",
    "Rocky 9": "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\nVERSION_ID=\"9.3\"",
    "AlmaLinux 8": "ID=\"almalinux\"\nID_LIKE=\"rhel centos fedora\"\nVERSION_ID=\"8.10\"",
    "Nobara": "ID=nobara\nID_LIKE=\"rhel centos fedora\"\nVERSION_ID=40",
    "Amazon Linux 2023": "ID=\"amzn\"\nID_LIKE=\"fedora\"\nVERSION_ID=\"2023\"",
    "openSUSE Tumbleweed": "ID=\"opensuse-tumbleweed\"\nID_LIKE=\"opensuse suse\"",
    "openSUSE Leap": "ID=\"opensuse-leap\"\nID_LIKE=\"suse opensuse\"\nVERSION_ID=\"15.6\"",
    "SLES": "ID=\"sles\"\nID_LIKE=\"suse\"\nVERSION_ID=\"15.6\"",
    "Arch": "ID=arch",
    "Manjaro": "ID=manjaro\nID_LIKE=arch",
    "EndeavourOS": "ID=endeavouros\nID_LIKE=arch",
    "Alpine 3.20": "ID=alpine\nVERSION_ID=3.20.3",
    "NixOS": "ID=nixos\nVERSION_ID=\"24.05\"",
    "Gentoo": "ID=gentoo",
    "Gentoo with OpenRC": "ID=gentoo",
    "Void": "ID=\"void\"",
    "Devuan": "ID=devuan\nID_LIKE=debian\nVERSION_ID=\"5\"",
    "an unknown one": "ID=guix\nPRETTY_NAME=\"Guix System\"",
    "one without os-release": "",
}  # fmt: skip
APT = ["apt-get install docker.io", "systemctl enable --now docker"]
DNF = ["dnf install podman", "systemctl enable --now podman.socket"]
ZYPPER = ["zypper install podman", "systemctl enable --now podman.socket"]
PACMAN = ["pacman -S docker", "systemctl enable --now docker"]
TYPED = {
    **dict.fromkeys(
        ["Debian 12", "Debian sid", "Ubuntu 24.04", "Linux Mint 22", "SysLinuxOS", "Raspbian"], APT
    ),
    **dict.fromkeys(
        ["Fedora 41", "RHEL 9", "CentOS Stream 9", "Rocky 9", "AlmaLinux 8", "Nobara"], DNF
    ),
    "Amazon Linux 2023": ["dnf install docker", "systemctl enable --now docker"],
    **dict.fromkeys(["openSUSE Tumbleweed", "openSUSE Leap", "SLES"], ZYPPER),
    **dict.fromkeys(["Arch", "Manjaro", "EndeavourOS"], PACMAN),
    "Alpine 3.20": ["apk add docker", "rc-update add docker default", "rc-service docker start"],
    "NixOS": ["virtualisation.docker.enable = true;", "nixos-rebuild switch"],
    "Gentoo": ["emerge --ask app-containers/docker", "systemctl enable --now docker"],
    "Gentoo with OpenRC": [
        "emerge --ask app-containers/docker",
        "rc-update add docker default",
        "rc-service docker start",
    ],
    "Void": ["xbps-install -S docker", "ln -s /etc/sv/docker /var/service/"],
    "Devuan": ["apt-get install docker.io", "service docker start"],
    "an unknown one": [],
    "one without os-release": [],
}


def machine(name: str) -> MachineFacts:
    """Return a machine as its people have it: root, systemd where it has that."""
    return MachineFacts(
        os_release=os_release(MACHINES[name]),
        kernel="6.8.0",
        programs=frozenset({"sudo", "dnf", *(["service"] if name == "Devuan" else [])}),
        has_systemd=name not in ("Alpine 3.20", "Gentoo with OpenRC", "Void", "Devuan"),
    )


def typed(text: str) -> list[str]:
    """Return the lines that are commands or settings, not sentences."""
    return [line for line in text.splitlines() if not line.endswith((".", ":", ", or"))]


def me(facts: MachineFacts, *groups: str, programs: str = "sudo") -> MachineFacts:
    """Return the same machine, used by somebody who is not root."""
    return replace(
        facts,
        user="me",
        uid=1000,
        groups=frozenset(groups),
        account_groups=frozenset(groups),
        programs=frozenset(programs.split()),
    )


@pytest.mark.parametrize("name", MACHINES)
def test_where_there_is_none_the_commands_are_those_of_the_distribution(name: str) -> None:
    assert typed(advice(machine(name), Trouble.NOT_THERE)) == TYPED[name]


@pytest.mark.parametrize("name", [name for name, lines in TYPED.items() if lines])
def test_who_is_not_root_gets_them_with_sudo_and_learns_who_may_use_the_engine(name: str) -> None:
    said = advice(me(machine(name)), Trouble.NOT_THERE)
    settings = [line for line in typed(said) if not line.startswith("sudo ")]
    if name == "NixOS":
        assert settings == [
            "virtualisation.docker.enable = true;",
            'users.users.me.extraGroups = [ "docker" ];',
        ]
        return
    assert settings == []
    if "podman" in said:
        assert "Then run this program as root, as only root may use that socket." in said
    else:
        assert "sudo usermod -aG docker me" in typed(said)
        assert "log in again" in said


def test_a_member_of_the_group_need_not_join_it() -> None:
    assert "usermod" not in advice(me(machine("Debian 12"), "docker"), Trouble.NOT_THERE)


def test_alpine_s_people_have_doas() -> None:
    said = typed(advice(me(machine("Alpine 3.20"), programs="doas rc-service"), Trouble.NOT_THERE))
    assert said[0] == "doas apk add docker"
    assert {line.split()[0] for line in said} == {"doas"}


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("ID=debian\nVERSION_ID=10", Family.DEBIAN),
        ("ID=ubuntu\nID_LIKE=debian\nVERSION_ID=18.04", Family.DEBIAN),
        ("ID=centos\nID_LIKE=\"rhel fedora\"\nVERSION_ID=7", Family.FEDORA),
    ],
)  # fmt: skip
def test_a_release_whose_engines_are_too_old_is_sent_to_docker_s_own(
    text: str, known: Family
) -> None:
    facts = replace(machine("Debian 12"), os_release=os_release(text))
    assert family(facts) is known
    said = advice(facts, Trouble.NOT_THERE)
    assert (typed(said), "docs.docker.com" in said) == ([], True)


def test_image_based_and_older_fedoras_have_another_installer() -> None:
    fedora = machine("Fedora 41")
    ostree = replace(fedora, programs=frozenset({"rpm-ostree", "dnf"}))
    assert typed(advice(ostree, Trouble.NOT_THERE))[0].startswith("rpm-ostree install")
    micro = replace(
        machine("openSUSE Tumbleweed"),
        os_release=os_release('ID="opensuse-microos"\nID_LIKE="suse opensuse"'),
        programs=frozenset({"transactional-update", "zypper"}),
    )
    assert typed(advice(micro, Trouble.NOT_THERE)) == [
        "transactional-update pkg install podman",
        "reboot",
        "systemctl enable --now podman.socket",
    ]
    assert typed(advice(replace(micro, programs=frozenset({"podman"})), Trouble.NOT_THERE)) == [
        "systemctl enable --now podman.socket"
    ]
    old = replace(machine("RHEL 9"), programs=frozenset({"yum"}))
    assert typed(advice(old, Trouble.NOT_THERE))[0] == "yum install podman"


@pytest.mark.parametrize(
    ("programs", "systemd", "wanted", "lines"),
    [
        ("dockerd", True, None, ["systemctl enable --now docker"]),
        ("dockerd podman", True, None, ["systemctl enable --now docker"]),
        ("podman", True, None, ["systemctl enable --now podman.socket"]),
        ("dockerd podman", True, Product.PODMAN, ["systemctl enable --now podman.socket"]),
        ("dockerd rc-service", False, None,
         ["rc-update add docker default", "rc-service docker start"]),
        ("podman rc-service", False, None,
         ["rc-update add podman default", "rc-service podman start"]),
        ("dockerd", False, None, ["dockerd &"]),
        ("podman", False, None,
         ["mkdir -p /run/podman",
          "podman system service --time=0 unix:///run/podman/podman.sock &"]),
        ("dockerd", True, Product.PODMAN,
         ["apt-get install podman", "systemctl enable --now podman.socket"]),
    ],
)  # fmt: skip
def test_an_engine_that_is_here_is_only_started(
    programs: str, wanted: Product | None, lines: list[str], *, systemd: bool
) -> None:
    facts = replace(machine("Debian 12"), programs=frozenset(programs.split()), has_systemd=systemd)
    for trouble in (Trouble.NOT_THERE, Trouble.NOT_RUNNING):
        assert typed(advice(facts, trouble, wanted=wanted)) == lines


def test_the_product_that_was_asked_for_is_installed_where_the_distribution_has_it() -> None:
    docker = {name: typed(advice(machine(name), Trouble.NOT_THERE, wanted=Product.DOCKER))[:1]
              for name in ("Fedora 41", "openSUSE Leap", "Rocky 9")}  # fmt: skip
    assert docker == {
        "Fedora 41": ["dnf install moby-engine"],
        "openSUSE Leap": ["zypper install docker"],
        "Rocky 9": [],
    }
    said = advice(machine("Amazon Linux 2023"), Trouble.NOT_THERE, wanted=Product.PODMAN)
    assert typed(said) == []


def test_who_may_not_use_a_socket_joins_its_group_or_logs_in_again() -> None:
    outsider = me(machine("Debian 12"), programs="sudo dockerd")
    assert typed(advice(outsider, Trouble.NOT_ALLOWED)) == ["sudo usermod -aG docker me"]
    joined = replace(outsider, account_groups=frozenset({"docker"}))
    assert typed(advice(joined, Trouble.NOT_ALLOWED)) == ["newgrp docker"]
    podman = replace(outsider, programs=frozenset({"sudo", "podman"}))
    assert "as root" in advice(podman, Trouble.NOT_ALLOWED)
    assert "SELinux" in advice(machine("Fedora 41"), Trouble.NOT_ALLOWED)


def test_the_group_of_the_socket_decides_who_may_use_it() -> None:
    outsider = me(machine("Debian 12"), programs="sudo dockerd podman")
    own = advice(outsider, Trouble.NOT_ALLOWED, group="engineers")
    assert typed(own) == ["sudo usermod -aG engineers me"]
    for group in ("", "root"):
        assert typed(advice(outsider, Trouble.NOT_ALLOWED, group=group)) == []
        assert "as root" in advice(outsider, Trouble.NOT_ALLOWED, group=group)


def test_a_container_has_no_engine_of_its_own_unless_one_is_installed() -> None:
    inside = replace(machine("Debian 12"), in_container=True)
    assert "/var/run/docker.sock" in advice(inside, Trouble.NOT_THERE)
    nested = replace(inside, programs=frozenset({"dockerd"}), has_systemd=False)
    assert typed(advice(nested, Trouble.NOT_THERE)) == ["dockerd &"]


def test_wsl_needs_its_second_version_and_keeps_no_service_without_systemd() -> None:
    ubuntu = replace(machine("Ubuntu 24.04"), has_systemd=False, wsl_name="Ubuntu")
    first = replace(ubuntu, kernel="4.4.0-19041-Microsoft")
    assert typed(advice(first, Trouble.NOT_THERE)) == ["wsl --set-version Ubuntu 2"]
    second = replace(ubuntu, kernel="5.15.153.1-microsoft-standard-WSL2")
    said = advice(second, Trouble.NOT_THERE)
    assert typed(said) == ["apt-get install docker.io", "dockerd &"]
    assert "/etc/wsl.conf" in said
    assert "wsl.conf" not in advice(replace(second, has_systemd=True), Trouble.NOT_THERE)


def test_macos_is_told_that_the_program_itself_has_to_be_in_the_machine() -> None:
    mac = MachineFacts(system="Darwin", kernel="24.1.0", uid=501, user="me")
    for trouble in (Trouble.NOT_THERE, Trouble.NOT_ALLOWED):
        said = advice(mac, trouble)
        assert typed(said) == ["brew install colima", "colima start --disk 60", "colima ssh"]
        assert "--tree" in said
        assert "--cache-image" in said
    other = advice(replace(mac, system="FreeBSD"), Trouble.NOT_THERE)
    assert (typed(other), "FreeBSD" in other) == ([], True)
