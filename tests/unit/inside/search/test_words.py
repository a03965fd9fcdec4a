"""The machine's own words: gathered from its settings, found in any spelling, never by chance."""

import unicodedata
from collections.abc import Mapping
from pathlib import Path

import pytest

from builder.inside.search.contents import ContentSearch
from builder.inside.search.engine import compiled
from builder.inside.search.gather import gather
from builder.inside.search.words import Word, word_rules
from builder.inside.tree.tree import Tree

UUID = "5f1c0a7e-93d2-4b8a-8e11-3a9d7c2b6f40"
MACHINE = "3b9f1d7a5c2e48f6a0b4c8d2e6f1a3b5"
MACHINE_FILES: Mapping[str, str] = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n"
    "zoltan:x:1000:1000:Zoltan Quux,,,:/home/zoltan:/x\n"
    "max:x:1001:1001::/home/max:/bin/sh\n"
    "juergen:x:1002:1002:Jürgen Özgül:/home/juergen:/x\nnobody:x:65534:65534:nobody:/:/x\n"
    "virt-qemu:x:64055:991:Virt Qemu:/:/x\nfar:x:1000200300:513:Ilse Fernab:/home/far:/x\n",
    "etc/hostname": "kestrel9\n",
    "etc/hosts": "127.0.0.1 localhost\n"
    "127.0.1.1 kestrel9.quux-family.net kestrel9\n10.1.1.9 debian\n",
    "etc/machine-id": f"{MACHINE}\n",
    "etc/fstab": f"UUID={UUID} / ext4 defaults 0 1\nUUID=7A3B-91CF /boot/efi vfat x 0 1\n",
    "etc/crypttab": "c /dev/disk/by-id/nvme-Samsung_SSD_980_S64DNX0R123456-part3 none luks\n",
    "etc/netplan/1.yaml": "  wifis:\n    wlan0:\n      access-points:\n        \"Quuxnetz 5G\":\n"
    "          password: x\n      match: {macaddress: \"a4:bb:6d:12:34:5e\"}\n",
    "etc/NetworkManager/system-connections/Cafe.nmconnection": "[wifi]\nssid=72;117;103;111;55;\n",
    "etc/wpa_supplicant/wpa_supplicant.conf": "network={\n  ssid=\"Oma Erna\"\n}\n",
    "etc/network/interfaces": "iface x inet static\n address 198.51.100.7\n address 93.184.7.9\n",
    "etc/ssh/ssh_host_ed25519_key.pub": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIF4y3QkmZcVvYxJ0uE8Ls"
    "9k7Wq2RtP1oN5bM6hG8dX3 root@kestrel9\n",
    "etc/aliases": "root: zoltan.quux@mail.example-isp.hu\n",
    "home/zoltan/.gitconfig": "[user]\n  name = Z. Quux-Varga\n  email = z@varga.dev\n",
    "var/lib/dpkg/status": "Package: x\nDescription: tool by Max, max of all\n",
}  # fmt: skip


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    for path, text in MACHINE_FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def found(machine: Path, text: bytes, *, path: bytes = b"/opt/x/notes") -> set[str]:
    words = gather(Tree(machine), spared=("user", "live"))
    search = ContentSearch(engine=compiled(word_rules(words)))
    return {each.kind for each in search.in_bytes(text, path=path)}


FOUND = (
    ("user-name", b"backup of zoltan's files"),
    ("user-name", b"chown ZOLTAN x"),
    ("user-name", b"cd /home/max/src"),
    ("user-name", b"User=max\n"),
    ("user-name", b"max@build.example"),
    ("user-name", b"max:x:1001:1001::/home/x:/bin/sh"),
    ("real-name", b"(c) Zoltan Quux"),
    ("real-name", b"Signed-off-by: Z. Quux-Varga"),
    ("host-name", b"kestrel9"),
    ("host-name", b"https://kestrel9.quux-family.net/"),
    ("host-name", b"search quux-family.net"),
    ("machine-id", MACHINE.encode()),
    ("machine-id", MACHINE.upper().encode()),
    ("machine-id", b"3b9f1d7a-5c2e-48f6-a0b4-c8d2e6f1a3b5"),
    ("disk-id", b"root=UUID=" + UUID.encode()),
    ("disk-id", UUID.upper().encode()),
    ("disk-id", b"dev-disk-by\\x2duuid-" + UUID.replace("-", "\\x2d").encode()),
    ("disk-id", b"UUID=7A3B-91CF"),
    ("disk-id", b"GRUB: nvme-Samsung_SSD_980_S64DNX0R123456"),
    ("network-card", b"A4:BB:6D:12:34:5E"),
    ("network-card", b"a4-bb-6d-12-34-5e"),
    ("network-card", b"enxa4bb6d12345e "[3:]),
    ("network-card", b"a4bb.6d12.345e"),
    ("network-card", b"fe80::a6bb:6dff:fe12:345e"),
    ("network-name", b"Quuxnetz 5G"),
    ("network-name", b"Quuxnetz 5G".hex().encode()),
    ("network-name", b"Hugo7"),
    ("network-name", b"Oma Erna"),
    ("network-address", b"allow 93.184.7.9;"),
    (
        "host-key",
        b"x ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIF4y3QkmZcVvYxJ0uE8Ls9k7Wq2RtP1oN5bM6hG8dX3 known",
    ),
    ("host-key", b"root@kestrel9"),
    ("mail-address", b"MAILTO=zoltan.quux@mail.example-isp.hu"),
    ("mail-address", b"z@varga.dev"),
    ("user-name", "of zoltan.".encode("utf-16-le")),
    ("user-name", b"backup_zoltan_2024"),
    ("host-name", b"db_kestrel9.sql"),
    ("real-name", b"Quux, Zoltan"),
    ("real-name", b"zoltan.quux@work.example"),
    ("real-name", b"ZOLTAN_QUUX"),
    ("real-name", "(c) Jürgen Özgül".encode()),
    ("real-name", "(c) JÜRGEN ÖZGÜL".encode()),
    ("real-name", "(c) jürgen özgül".encode("latin-1")),
    ("real-name", unicodedata.normalize("NFD", "Jürgen Özgül").encode()),
    ("real-name", b"of Ilse Fernab"),
    ("real-name", b"?name=J%C3%BCrgen%20%C3%96zg%C3%BCl"),
)
NOT_FOUND = (
    b"max_connections = 10; int max(int a)",
    b"the max of all",
    b"zoltanite",
    b"zoltan2_x",
    b"zoltanova quuxing",
    b"mykestrel99",
    b"debian localhost root nobody",
    b"virt-qemu.so.0 Virt Qemu",
    b"address 198.51.100.7",  # of a documentation's network
    b"11111111-2222-3333-4444-555555555555",
    b"the user of a live system",
)


@pytest.mark.parametrize(("kind", "text"), FOUND, ids=[f"{k}-{t[:20]!r}" for k, t in FOUND])
def test_a_word_of_the_machine_is_found(kind: str, text: bytes, machine: Path) -> None:
    assert kind in found(machine, b"a line\n" + text + b"\nanother\n")


@pytest.mark.parametrize("text", NOT_FOUND, ids=repr)
def test_what_others_say_too_is_not(text: bytes, machine: Path) -> None:
    assert found(machine, text) == set()


@pytest.mark.parametrize("name", ["debian", "raspberrypi", "localhost"])
def test_a_name_that_installers_suggest_is_nobodys(name: str, machine: Path) -> None:
    (machine / "etc/hostname").write_text(f"{name}\n")
    (machine / "etc/hosts").write_text(f"127.0.0.1 localhost\n127.0.1.1 {name}\n")
    assert found(machine, b"@%s //%s hostname=%s" % ((name.encode(),) * 3)) == set()


@pytest.mark.parametrize(
    ("line", "names"),
    [(b"deb http://x.example/server", False), (b"192.0.2.7 server", True), (b"::1 server", True),
     (b"host=server", True), (b"bad server", False)],
)  # fmt: skip
def test_a_common_name_counts_where_it_stands_as_a_host(
    line: bytes, names: bool, machine: Path
) -> None:
    (machine / "etc/hostname").write_text("server\n")
    (machine / "etc/hosts").write_text("127.0.0.1 localhost\n127.0.1.1 server\n")
    assert ("host-name" in found(machine, line + b"\n")) == names


def test_the_words_of_the_live_system_itself_are_spared(machine: Path) -> None:
    (machine / "etc/hostname").write_text("live\n")
    (machine / "etc/passwd").write_text("user:x:1000:1000:Live user:/home/user:/bin/sh\n")
    words = {each.spelling for each in gather(Tree(machine), spared=("user", "live", "Live user"))}
    assert words.isdisjoint({"user", "live", "Live user"})


def test_a_hostile_machine_has_bounded_words(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_bytes(
        b"\xff\xfe\0:x:1000:1:\0\n" + b"a:x:9" + b"9" * 5000 + b":0::/:/x\n" + b":" * 1000
        + b"\n".join(b"u%d:x:1000:1000:N %d:/h:/s" % (each, each) for each in range(9000))
    )  # fmt: skip
    (tmp_path / "etc/hostname").symlink_to("/etc/hostname")
    (tmp_path / "etc/fstab").mkdir()
    words = gather(Tree(tmp_path))
    assert 0 < len(words) <= 5000
    compiled(word_rules(words))


def test_words_with_signs_of_yara_are_taken_literally() -> None:
    odd = 'a"b\\c{d}/e* $f'
    engine = compiled(word_rules((Word(kind="network-name", spelling=odd),)))
    assert [*engine.kinds_in(f"x {odd} y".encode(), path=b"/x")] == ["network-name"]
    umlaut = compiled(word_rules((Word(kind="network-name", spelling="Müller"),)))
    for encoding in ("utf-8", "utf-16-le", "latin-1"):
        assert [*umlaut.kinds_in(" Müller ".encode(encoding), path=b"/x")] == ["network-name"]
