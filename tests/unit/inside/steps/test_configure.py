"""After configure the copy is nobody's."""

import json
import os
import stat
from contextlib import suppress
from pathlib import Path

import pytest

from builder.basics.errors import StepError
from builder.formats.recipe import LiveSettings
from builder.inside.steps.configure import ConfigureStep
from tests.support.machines import (
    CLOCK,
    MARK,
    RecordingSystem,
    make_live,
    make_machine,
    marked,
    original_of,
    snapshot,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_machine(tmp_path / "root")


def configure(root: Path) -> tuple[RecordingSystem, list[dict[str, str]]]:
    system = RecordingSystem()
    journal = root.parent / "journal.json"
    ConfigureStep(
        root=root,
        source=original_of(root),
        source_date_epoch=CLOCK,
        journal=journal,
    ).run(system)
    return system, json.loads(journal.read_text())


def test_nothing_private_is_left(root: Path) -> None:
    assert len(marked(root)) > 50
    configure(root)
    assert marked(root) == []


@pytest.mark.parametrize(
    "path",
    [
        "boot/initrd.img-6.1.0-9-amd64.bak",
        "boot/initramfs-linux.img",
        "boot/loader/entries/0123-6.12.conf",
        "etc/.git/objects/ab/cdef",
        "etc/cloud/cloud.cfg.d/99-installer.cfg",
        "etc/fstab.bak",
        "etc/hostapd/hostapd.conf",
        "etc/libvirt/qemu/desktop.xml",
        "etc/openvpn/login.txt",
        "etc/swanctl/conf.d/office.conf",
        "var/lib/cloud/instance/user-data.txt",
        "var/lib/dkms/mok.key",
        "var/lib/libvirt/.ssh/id_rsa",  # the home of libvirt-qemu
        "var/lib/libvirt/.bash_history",
        "var/lib/shim-signed/mok/MOK.priv",
        "var/lib/tor/service/hs_ed25519_secret_key",
        ".bash_history",  # nobody's home is /
    ],
)
def test_secrets_in_unusual_places_go_too(root: Path, path: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(MARK)
    configure(root)
    assert marked(root) == []


def test_the_names_of_people_are_gone_from_etc(root: Path) -> None:
    configure(root)
    texts = [p for p in (root / "etc").rglob("*") if p.is_file() and not p.is_symlink()]
    assert [str(p) for p in texts if "alice" in p.read_text() or "alice" in p.name] == []


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("etc/lightdm/lightdm.conf", "\nautologin-user="),
        ("etc/gdm3/daemon.conf", "AutomaticLogin ="),
        ("etc/sddm.conf.d/kde_settings.conf", "User="),
        ("etc/greetd/config.toml", "initial_session"),
        ("etc/systemd/system/getty@tty1.service.d/autologin.conf", "--autologin"),
    ],
)
def test_no_automatic_login_of_a_person_is_left(root: Path, path: str, word: str) -> None:
    assert word in (root / path).read_text()
    configure(root)
    assert word not in (root / path).read_text()


def test_the_rest_of_their_settings_stays(root: Path) -> None:
    configure(root)
    console = root / "etc/systemd/system/getty@tty1.service.d/autologin.conf"
    assert "ExecStart=-/sbin/agetty --noclear %I $TERM" in console.read_text().splitlines()
    assert 'user = "daemon"' in (root / "etc/greetd/config.toml").read_text()


def test_what_is_not_private_stays(root: Path) -> None:
    configure(root)
    assert (root / "etc/ssh/sshd_config").read_text() == "Port 22\n"
    assert "%sudo ALL=(ALL:ALL) ALL" in (root / "etc/sudoers").read_text()
    assert "NOPASSWD" not in (root / "etc/sudoers").read_text()
    assert (root / "etc/apt/apt.conf.d/02mine").read_text() == 'APT::Keep "1";\n'
    own = (root / "etc/apt/sources.list.d/own.list").read_text()
    assert own == "deb https://packages.example.org stable main\n"
    assert (root / "etc/default/grub").read_text() == 'GRUB_CMDLINE_LINUX="quiet splash"\n'
    mdadm = (root / "etc/mdadm/mdadm.conf").read_text()
    assert mdadm == "HOMEHOST <system>\nMAILADDR root\n# end\n"
    assert (root / "root/.bashrc").read_text() == "# root's\n"


def test_debconf_still_knows_its_questions(root: Path) -> None:
    configure(root)
    answers = (root / "var/cache/debconf/passwords.dat").read_text()
    assert answers == (
        "Name: passwd/user-password-crypted\nTemplate: passwd/user-password-crypted\n"
        "Owners: user-setup\n\n"
    )


def test_the_machine_id_is_there_and_empty(root: Path) -> None:
    configure(root)
    machine_id = root / "etc/machine-id"
    assert machine_id.read_bytes() == b""
    assert stat.S_IMODE(machine_id.stat().st_mode) == 0o444
    assert str((root / "var/lib/dbus/machine-id").readlink()) == "/etc/machine-id"


def test_the_host_name_replaces_the_former_one_everywhere(root: Path) -> None:
    configure(root)
    assert (root / "etc/hostname").read_text() == "live\n"
    assert (root / "etc/mailname").read_text() == "live\n"
    hosts = (root / "etc/hosts").read_text()
    assert hosts == ("127.0.0.1\tlocalhost\n127.0.1.1\tlive\n::1\tlocalhost\n")


def test_a_link_to_a_resolver_below_run_stays(root: Path) -> None:
    (root / "etc/resolv.conf").unlink()
    (root / "etc/resolv.conf").symlink_to("../run/systemd/resolve/stub-resolv.conf")
    configure(root)
    assert (root / "etc/resolv.conf").is_symlink()


def test_a_link_that_only_looks_like_a_resolver_goes(root: Path) -> None:
    (root / "etc/resolv.conf").unlink()
    (root / "etc/resolv.conf").symlink_to("/run/systemd/resolve/../../../etc/own")
    configure(root)
    assert not (root / "etc/resolv.conf").is_symlink()


def test_the_files_of_netplan_and_networkd_make_room_for_any_wired_network(root: Path) -> None:
    configure(root)
    (netplan,) = (root / "etc/netplan").iterdir()
    assert "dhcp4: true" in netplan.read_text()
    assert stat.S_IMODE(netplan.stat().st_mode) == 0o600
    (networkd,) = (root / "etc/systemd/network").iterdir()
    assert "DHCP=yes" in networkd.read_text()


def test_netplan_leaves_the_network_to_network_manager_where_there_is_one(root: Path) -> None:
    (root / "usr/sbin").mkdir()
    (root / "usr/sbin/NetworkManager").write_text("")
    configure(root)
    (netplan,) = (root / "etc/netplan").iterdir()
    assert "renderer: NetworkManager" in netplan.read_text()
    assert "dhcp4" not in netplan.read_text()


def test_no_network_files_are_made_where_there_were_none(root: Path) -> None:
    (root / "etc/netplan/50-cloud-init.yaml").unlink()
    (root / "etc/systemd/network/10-home.network").unlink()
    configure(root)
    assert list((root / "etc/netplan").iterdir()) == []
    assert list((root / "etc/systemd/network").iterdir()) == []


@pytest.mark.parametrize(
    "what", ["/dev/disk/by-uuid/1-2", "UUID=1-2", "//nas/films", "nas.lan:/films"]
)
def test_units_that_mount_the_sources_disks_and_shares_go(root: Path, what: str) -> None:
    units = root / "etc/systemd/system"
    (units / "local-fs.target.requires").mkdir()
    for name in ("srv-films.mount", "srv-films.automount"):
        (units / name).write_text(f"[Mount]\nWhat = {what}\nWhere=/srv/films\n")
        (units / "local-fs.target.requires" / name).symlink_to(f"/etc/systemd/system/{name}")
    configure(root)
    assert list(units.rglob("srv-films*")) == []


def test_a_unit_that_mounts_no_disk_stays(root: Path) -> None:
    unit = root / "etc/systemd/system/tmp.mount"
    unit.write_text("[Mount]\nWhat=tmpfs\nWhere=/tmp\n")
    configure(root)
    assert unit.exists()


def test_snapper_forgets_the_configs_that_are_gone(root: Path) -> None:
    configure(root)
    text = (root / "etc/default/snapper").read_text()
    assert text == '# list\nSNAPPER_CONFIGS="" # mine\nDISABLE_APT_SNAPSHOT="no"\n'


def test_every_change_is_in_the_journal_with_its_rule(root: Path) -> None:
    before = snapshot(root)
    _, journal = configure(root)
    after = snapshot(root)
    touched = {entry["path"] for entry in journal}
    different = {
        name
        for name in before.keys() | after.keys()
        if before.get(name, (0, 0, b""))[2] != after.get(name, (0, 0, b""))[2]
    }
    untold = [
        name
        for name in sorted(different)
        if not any(f"/{name}" == path or f"/{name}".startswith(f"{path}/") for path in touched)
    ]
    assert untold == []
    assert {entry["rule"] for entry in journal} >= {"machine-id", "people", "fstab"}
    assert {entry["change"] for entry in journal} == {"added", "changed", "removed"}


def test_what_is_written_is_dated_by_the_source(root: Path) -> None:
    configure(root)
    for name in ("etc/hostname", "etc/passwd", "etc/fstab"):
        assert (root / name).stat().st_mtime == CLOCK
    assert (root / "etc/localtime").lstat().st_mtime != CLOCK


def test_two_copies_become_the_same(tmp_path: Path) -> None:
    first, second = make_machine(tmp_path / "a/root"), make_machine(tmp_path / "b/root")
    _, one = configure(first)
    _, two = configure(second)
    assert one == two
    content = [{k: (v[0], v[2]) for k, v in snapshot(root).items()} for root in (first, second)]
    assert content[0] == content[1]


def test_configuring_twice_changes_nothing_more(root: Path) -> None:
    configure(root)
    once = {k: (v[0], v[2]) for k, v in snapshot(root).items()}
    configure(root)
    assert {k: (v[0], v[2]) for k, v in snapshot(root).items()} == once


@pytest.mark.parametrize(
    ("place", "target"),
    [
        ("etc/machine-id", "{outside}/precious"),
        ("etc/machine-id", "../../outside/precious"),
        ("etc/hostname", "{outside}/precious"),
        ("etc/hosts", "{outside}/precious"),
        ("etc/shadow", "{outside}/precious"),
        ("etc/fstab", "{outside}/new"),
        ("etc/ssh", "{outside}"),
        ("home", "{outside}"),
        ("root", "../outside"),
        ("home", "/"),
        ("boot", ".."),
        ("var/log", "{outside}"),
        ("etc/localtime", "{outside}/precious"),
        ("usr/lib/systemd/system/distroclone-builder-boot-report.service", "{outside}/new"),
        ("var/lib/NetworkManager", "../../../outside"),
    ],
)
def test_links_never_lead_out_of_the_copy(root: Path, place: str, target: str) -> None:
    outside = root.parent / "outside"
    outside.mkdir()
    (outside / "precious").write_text("precious")
    (outside / "ssh_host_rsa_key").write_text("precious")
    before = snapshot(outside)
    link = root / place
    if os.path.lexists(link):
        link.rename(root.parent / "moved-away")
    link.symlink_to(target.format(outside=outside))
    with suppress(StepError):  # refusing such a tree is as good as changing it safely
        configure(root)
        make_live(root, LiveSettings(timezone="Europe/Rome"))
    assert snapshot(outside) == before
    assert (root / "etc").is_dir()


def test_something_odd_in_the_way_is_told_with_the_rule(root: Path) -> None:
    (root / "etc/hosts").unlink()
    (root / "etc/network/interfaces.d/wlan").unlink()
    (root / "etc/network/interfaces.d").rmdir()
    configure(root)
    (root / "etc/sudoers.d").rename(root / "etc/sudoers.away")
    (root / "etc/sudoers.d").write_text("a file")
    (root / "usr/bin").mkdir(parents=True, exist_ok=True)
    (root / "usr/bin/sudo").write_text("")
    with pytest.raises(StepError, match="live-rights"):
        make_live(root, LiveSettings())


@pytest.mark.parametrize("name", ["Bob\u2028Smith", "Bob\x0bSmith", "Bob\x85Smith", "Bob\x1cSmith"])
def test_only_a_newline_ends_a_line(root: Path, name: str) -> None:
    row = f"bob:x:1001:1001:{name}:/home/bob:/bin/sh\n"
    with (root / "etc/passwd").open("a", encoding="utf-8", newline="\n") as stream:
        stream.write(row)
    configure(root)
    assert "Smith" not in (root / "etc/passwd").read_text(encoding="utf-8")


def test_what_may_surprise_is_told(root: Path) -> None:
    (root / "etc/ld.so.preload").write_text("/usr/lib/libx.so\n")
    status = root / "var/lib/dpkg/status"
    status.write_text(status.read_text() + "Package: half\nStatus: install ok half-configured\n\n")
    system, _ = configure(root)
    assert [note for note in system.notes if "incomplete packages: 1" in note]
    assert [note for note in system.notes if "ld.so.preload" in note]
    assert [note for note in system.notes if "outside /home" in note] == []


def test_a_home_elsewhere_is_told(root: Path) -> None:
    (root / "data/carol").mkdir(parents=True)
    (root / "data/carol/x").write_text("x")
    with (root / "etc/passwd").open("a") as stream:
        stream.write("carol:x:1001:1001::/data/carol:/bin/sh\n")
    system, _ = configure(root)
    assert any("/data/carol" in note for note in system.notes)
    assert (root / "data/carol/x").exists()


def test_a_file_too_large_to_look_into_is_told_as_an_error_of_ours(root: Path) -> None:
    with (root / "etc/ld.so.preload").open("wb") as file:
        file.truncate(2 << 20)
    with pytest.raises(StepError, match="concerns"):
        configure(root)
