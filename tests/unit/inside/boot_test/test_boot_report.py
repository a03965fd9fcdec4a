"""What a live system says of its network: the program that lists it, and how a report is read."""

import subprocess
from pathlib import Path

import pytest

from builder.border.boot_test import ListeningSocket
from builder.inside.boot_test.boot_report import (
    failed_units_in,
    listening_in,
    lockdown_in,
    network_in,
    remote_passwords_in,
    rights_in,
    secure_boot_in,
    session_in,
    state_in,
)
from builder.inside.session import boot_report

PROGRAM = Path(boot_report.__file__).parents[1] / "files/listening"
HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  inode\n"
ANY6, LOOP6 = "0" * 32, "0" * 24 + "01000000"
MAPPED = "0000000000000000FFFF00000100007F"


def row(local: str, state: str, inode: int, remote: str = "00000000:0000") -> str:
    return (
        f"   0: {local} {remote} {state} 00000000:00000000 00:00000000 00000000  0  0 {inode} 1\n"
    )


def listed(root: Path, **tables: str) -> str:
    net = root / "proc/net"
    net.mkdir(parents=True)
    for name, rows in tables.items():
        (net / name).write_text(HEAD + rows)
    return subprocess.run(["sh", PROGRAM, root], capture_output=True, check=True, text=True).stdout


def test_what_other_machines_reach_is_listed_with_its_program(tmp_path: Path) -> None:
    for number, name, inode in ((1, "systemd", 11), (70, "my daemon,=/\n", 12)):
        (tmp_path / f"proc/{number}/fd").mkdir(parents=True)
        (tmp_path / f"proc/{number}/comm").write_text(f"{name}\n")
        (tmp_path / f"proc/{number}/fd/3").symlink_to(f"socket:[{inode}]")
    text = listed(
        tmp_path,
        tcp=row("00000000:0016", "0A", 12) + row("0100007F:0277", "0A", 12)
        + row("00000000:0016", "01", 12, "0200000A:1234"),
        tcp6=row(f"{ANY6}:0016", "0A", 12) + row(f"{ANY6}:2382", "0A", 11)
        + row(f"{LOOP6}:0019", "0A", 11) + row(f"{MAPPED}:0019", "0A", 11),
        udp=row("00000000:0044", "07", 99) + row("0F02000A:0045", "01", 99, "0200000A:0043"),
    )  # fmt: skip
    assert text == "tcp/22/mydaemon,tcp/9090/systemd,udp/68/unknown"


def test_nothing_is_listed_where_nothing_listens(tmp_path: Path) -> None:
    assert listed(tmp_path, tcp=row("0100007F:0277", "0A", 12)) == ""


def test_a_report_is_read() -> None:
    report = "boot-report: ok user=user remote-passwords=none listening=tcp/22/sshd,udp/68/x,tcp//,"
    assert listening_in(report) == (
        ListeningSocket(protocol="tcp", port=22, program="sshd"),
        ListeningSocket(protocol="udp", port=68, program="x"),
    )
    assert remote_passwords_in(report) is False
    assert remote_passwords_in("ok remote-passwords=accepted listening=") is True
    assert failed_units_in(
        "ok failed-units=mdadm.service,dev-disk-by\\x2duuid-1.swap listening="
    ) == (
        "mdadm.service",
        "dev-disk-by\\x2duuid-1.swap",
    )
    assert failed_units_in("ok failed-units=a;b,\x1b[2J listening=") == ()
    assert failed_units_in("ok failed-units= listening=") == ()
    assert listening_in("ok remote-passwords=accepted listening=") == ()


@pytest.mark.parametrize("report", ["ok user=user", "ok listenin=tcp/22/sshd remote-passwords=no"])
def test_a_report_of_before_says_nothing(report: str) -> None:
    assert listening_in(report) is None
    assert failed_units_in(report) is None
    assert remote_passwords_in(report) is None
    assert session_in(report) is None
    assert rights_in(report) is None
    assert state_in(report) is None
    assert network_in(report) is None
    assert secure_boot_in(report) is None
    assert lockdown_in(report) is None


def test_a_session_is_one_of_those_there_are() -> None:
    assert session_in("ok user=user session=wayland kernel=6") == "wayland"
    assert session_in("ok user=user session=\x1b[2J kernel=6") is None


@pytest.mark.parametrize("way", ["sudo", "doas", "su", "none"])
def test_what_makes_somebody_root_is_one_of_those_there_are(way: str) -> None:
    assert rights_in(f"ok session=tty rights={way} kernel=6") == way
    assert rights_in(f"ok session=tty rights={way}x kernel=6") is None


def test_what_systemd_says_of_the_whole_is_a_word() -> None:
    assert state_in("ok rights=su state=degraded network=none kernel=6") == "degraded"
    assert state_in("ok rights=su state=\x1b[2J network=none kernel=6") is None


@pytest.mark.parametrize(("word", "known"), [("up", True), ("none", False), ("upx", None)])
def test_a_network_is_there_or_not(word: str, *, known: bool | None) -> None:
    assert network_in(f"ok state=running network={word} kernel=6") is known


def test_secure_boot_and_lockdown_are_one_of_the_words_there_are() -> None:
    assert secure_boot_in("ok secure-boot=on lockdown=integrity listening=") is True
    assert secure_boot_in("ok secure-boot=none") is secure_boot_in("ok secure-boot=off x") is False
    assert secure_boot_in("ok secure-boot=once") is None
    assert lockdown_in("ok secure-boot=on lockdown=integrity listening=") == "integrity"
    assert lockdown_in("ok lockdown=integrityx") is None
