"""Programs and settings stay, data goes: what the model takes of small trees."""

import os
import re
import time
from pathlib import Path

import pytest

from builder.inside.selection.places import DATA, KEPT, TOP
from builder.inside.selection.source_tree import source_tree
from builder.inside.tree.survey import survey_tree
from tests.support.trees import KERNEL, make_system, put

_OWNED = """\
/.
/usr
/usr/bin
/usr/bin/tool
/var/lib/zephyrus
/var/lib/zephyrus/schema.sql
/var/spool/zephyrus
/var/www
/srv
/etc/zephyrus
/etc/zephyrus/zephyrus.conf
/etc/zephyrus/secret.conf
/nix
/nix/store
/nix/store/tool
"""
_POSTINST = """\
#!/bin/sh
install -d -o zephyrus -m 0750 /var/lib/zephyrus-spool/in "/var/cache/zephyrus".
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = make_system(tmp_path / "source")
    for line in _OWNED.split("\n"):
        if (line.count("/") > 1 and "." in line) or line.endswith("/tool"):
            put(root, line[1:], "owned")
        elif line:
            (root / line[1:]).mkdir(parents=True, exist_ok=True)
    put(root, "var/lib/dpkg/info/zephyrus.list", _OWNED)
    put(root, "var/lib/dpkg/info/zephyrus.postinst", _POSTINST)
    put(root, "etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"
        "zephyrus:x:101:101::/var/lib/zephyrus-home:/bin/false\n"
        "alice:x:1000:1000::/home/alice:/bin/sh\n")  # fmt: skip
    return root


def taken(root: Path, *, exclude: tuple[str, ...] = (), keep: tuple[str, ...] = ()) -> set[str]:
    tree = source_tree(root, exclude=exclude, keep=keep)
    return {os.fsdecode(path) for path in survey_tree(tree).paths}


@pytest.mark.parametrize(
    "path",
    [
        # data of services, known and invented
        "var/lib/vaultwarden/db.sqlite3", "var/lib/grafana/grafana.db", "var/lib/mysql/ibdata1",
        "var/lib/zephyrus/state.db", "var/lib/zephyrus/deep/er/state", "var/lib/private/x/y",
        "var/cache/zephyrus/session", "var/cache/man/index.db", "var/spool/zephyrus/1",
        "var/www/html/wp-config.php", "var/opt/app/licence", "var/local/x", "var/db/x",
        "var/swap", "var/lib/docker/overlay2/x", "var/log/auth.log", "var/log/zephyrus/x.log",
        "var/lib/dpkg/status-old", "var/lib/apt/lists/private.example_dists", "var/x",
        # people's, elsewhere than at home
        "home.old/bob/.ssh/id_rsa", "root.bak/.bash_history", "data/customers.csv", ".env",
        "srv/git/acme.git/config", "export/home/carol/diary", "core", "swapfile",
        "nix/var/secret", "nix/store/mine",
        # beside the kernels
        "boot/keyfile.bin", f"boot/initrd.img-{KERNEL}", "boot/grub/grub.cfg", "boot/x/y",
        # older copies of settings
        "etc/shadow.bak1", "etc/netplan/50.yaml.bak", "etc/hosts~", "etc/fstab.2025-11-02",
        "etc/fstab-20251102", "etc/ssh/.sshd_config.swp", "etc/apt/sources.list.save",
        "etc/cron.d/x.dpkg-old", "etc/default/grub.ucf-dist", "etc/#hosts#", "etc/passwd-",
        "etc/shadow.1", "etc/wireguard.old/wg0.conf", "etc/hosts.orig.gz", "etc/passwd.db",
    ],
)  # fmt: skip
def test_data_is_left_out(root: Path, path: str) -> None:
    put(root, path, "private")
    assert f"/{path}" not in taken(root)


@pytest.mark.parametrize(
    "path",
    [
        "usr/bin/tool", "usr/local/bin/mine", "usr/local/share/x/y", "opt/app/bin/app",
        "opt/app/lib/data.bin", "etc/mine.conf", "etc/systemd/system/mine.service",
        "etc/zephyrus/zephyrus.conf", "var/lib/zephyrus/schema.sql", "nix/store/tool",
        f"boot/vmlinuz-{KERNEL}", f"boot/config-{KERNEL}", f"boot/System.map-{KERNEL}",
        "var/lib/dpkg/status", "var/lib/dpkg/info/zephyrus.list", "var/lib/apt/extended_states",
        "var/lib/systemd/deb-systemd-helper-enabled/x.dsh-also", "var/lib/flatpak/app/x",
        "var/lib/ucf/registry", "var/lib/pam/seen", "var/cache/debconf/templates.dat",
        "var/lib/dkms/x/1.0/module.ko", "etc/oldest.conf", "etc/prefix-copyright",
    ],
)  # fmt: skip
def test_programs_and_settings_stay(root: Path, path: str) -> None:
    put(root, path, "x")
    assert f"/{path}" in taken(root)


def test_folders_that_programs_expect_stay_empty(root: Path) -> None:
    for name in ("zephyrus-spool/in", "zephyrus-home", "acme-corp", "zephyrus/acme"):
        put(root, f"var/lib/{name}/private", "x")
    put(root, "var/cache/zephyrus/private", "x")
    found = {path for path in taken(root) if path.startswith(("/var/lib/", "/var/cache/z"))}
    assert found >= {"/var/lib/zephyrus-spool/in", "/var/lib/zephyrus-home", "/var/cache/zephyrus"}
    assert not [path for path in found if "acme" in path or "private" in path]


def test_settings_that_others_may_not_read_are_left_out(root: Path) -> None:
    for path, mode in (
        ("etc/munge/munge.key", 0o400), ("etc/app/db.toml", 0o640), ("etc/closed/readable", 0o644),
        ("etc/app/open.toml", 0o644), ("etc/zephyrus/secret.conf", 0o600), ("etc/shadow", 0o640),
        ("etc/sudoers.d/local", 0o440), ("etc/ucf.conf", 0o600),
    ):  # fmt: skip
        put(root, path, "x").chmod(mode)
    (root / "etc/closed").chmod(0o700)
    put(root, "var/lib/ucf/registry", "zephyrus /etc/ucf.conf\n")
    found = {
        path for path in taken(root) if path.startswith("/etc/") and (root / path[1:]).is_file()
    }
    assert found == {
        "/etc/app/open.toml", "/etc/zephyrus/secret.conf", "/etc/zephyrus/zephyrus.conf",
        "/etc/shadow", "/etc/sudoers.d/local", "/etc/ucf.conf", "/etc/passwd", "/etc/os-release",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ("etc/crypttab", "data UUID=1 /opt/key.bin luks"),
        ("etc/crypttab", "data UUID=1 none luks,header=/opt/key.bin"),
        ("etc/crypttab", "data UUID=1 /opt/key.bin:UUID=2 luks"),
        ("etc/fstab", "//nas/x /mnt/x cifs rw,credentials=/opt/key.bin,nofail 0 0"),
        ("etc/fstab", "user@host: /mnt/x fuse.sshfs IdentityFile=/opt/key.bin 0 0"),
        ("etc/fstab", "/opt/key.bin none swap sw 0 0"),
        ("etc/fstab", "/opt/k\\145y.bin /mnt/image ext4 loop 0 0"),
        ("etc/systemd/system/x.service", "[Service]\nLoadCredential=token:/opt/key.bin"),
        ("etc/systemd/system/x.mount", "[Mount]\nOptions=credentials=/opt/key.bin"),
        ("etc/nginx/sites/x", "server { ssl_certificate_key /opt/key.bin; }"),
        ("etc/apache2/sites/x", 'SSLCertificateKeyFile "/opt/key.bin"'),
        ("etc/postfix/main.cf", "smtp_sasl_password_maps = hash:/opt/key.bin"),
        ("etc/cron.d/x", "0 1 * * * root rsync --password-file=/opt/key.bin a b"),
        ("etc/auto.nas", "team -fstype=cifs,credentials=/opt/key.bin ://nas/team"),
        ("etc/app.json", '{"private_key": "/opt/key.bin"}'),
        ("etc/app.yaml", "token_file: '/opt/key.bin'"),
        ("usr/local/etc/app.ini", "PSK=/opt/key.bin"),
    ],
)
def test_what_settings_name_as_a_secret_is_left_out(root: Path, settings: str, line: str) -> None:
    put(root, "opt/key.bin", "private")
    put(root, "opt/other.bin", "x")
    put(root, settings, f"# comment\n{line}\n")
    found = taken(root)
    assert "/opt/key.bin" not in found
    assert "/opt/other.bin" in found


@pytest.mark.parametrize(
    "line",
    ["keyring=/opt/key.bin", "program /opt/key.bin", "KEYMAP=/opt/key.bin", "#/opt/key.bin",
     "key=/opt", "key=/opt/../../opt/missing"],
)  # fmt: skip
def test_other_words_before_a_path_leave_it_alone(root: Path, line: str) -> None:
    put(root, "opt/key.bin", "x")
    put(root, "etc/app.conf", f"{line}\n")
    assert "/opt/key.bin" in taken(root)


def test_a_secret_behind_a_link_goes_with_the_link(root: Path) -> None:
    put(root, "opt/real/key", "private")
    (root / "opt/key").symlink_to("real/key")
    put(root, "etc/crypttab", "data UUID=1 /opt/key luks\n")
    assert taken(root).isdisjoint({"/opt/key", "/opt/real/key"})


@pytest.mark.parametrize("home", ["/opt/people/bob", "/usr/local/home/bob", "/home2/bob"])
def test_homes_of_people_are_left_out_wherever_they_are(root: Path, home: str) -> None:
    put(root, f"{home[1:]}/diary", "private")
    with (root / "etc/passwd").open("a") as passwd:
        passwd.write(f"bob:x:1001:1001::{home}:/bin/sh\ncarol:x:1002:1002::/opt:/bin/sh\n")
    put(root, "opt/app/app", "x")
    found = taken(root)
    assert not [path for path in found if "bob" in path]
    assert "/opt/app/app" in found


def test_keep_brings_back_exactly_what_it_names(root: Path) -> None:
    for path in ("srv/www/a/index.html", "srv/www/b", "srv/other", "data/x", "etc/x.bak"):
        put(root, path, "x")
    found = taken(root, keep=("/srv/www", "/data/*", "/etc/x.bak"), exclude=("/srv/www/b",))
    assert found >= {"/srv/www/a/index.html", "/data/x", "/etc/x.bak"}
    assert found.isdisjoint({"/srv/other", "/srv/www/b"})


@pytest.mark.parametrize(
    ("kept", "beside"),
    [
        ("data/a/x", "data/y"), ("data/a/x", "data/a/y"), ("snap/a/x", "snap/b"),
        ("opt/people/bob/a/x", "opt/people/bob/y"), ("etc/app.old/x", "etc/app.old/y"),
        ("var/lib/a/x", "var/lib/a/y"), ("var/lib/a/x", "var/lib/b"), ("srv/a/x", "srv/b"),
        ("home/bob/a/x", "home/bob/y"), ("mnt/disk/a/x", "mnt/disk/y"),
        (r"da\ta/a/x", r"da\ta/y"),
        ("root/a/x", "root/y"), ("boot/a/x", "boot/y"),
        ("tmp/a/x", "tmp/y"), ("x_backup/.snapshots/1/x", "x_backup/.snapshots/2"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("star", [False, True])
def test_what_lies_beside_something_kept_is_not_kept(
    root: Path, kept: str, beside: str, star: bool
) -> None:
    put(root, kept, "x")
    put(root, beside, "private")
    with (root / "etc/passwd").open("a") as passwd:
        passwd.write("bob:x:1001:1001::/opt/people/bob:/bin/sh\n")
    first, _slash, rest = kept.partition("/")
    found = taken(root, keep=(f"/{first[:2]}*/{rest}" if star else f"/{kept}",))
    assert f"/{kept}" in found
    assert f"/{beside}" not in found


def test_names_of_any_bytes_are_decided_alike(root: Path) -> None:
    odd = os.fsdecode(b"na\xffme\n*[x]\\")
    for path in (f"srv/{odd}", f"etc/{odd}.bak", f"{odd}/x", f"opt/{odd}"):
        put(root, path, "x")
    with (root / "var/lib/dpkg/info/odd.list").open("wb") as names:
        names.write(b"/var/lib/na\xffme*[x]\\\n")
    put(root, os.fsdecode(b"var/lib/na\xffme*[x]\\"), "owned")
    found = {path for path in taken(root) if "\udcff" in path}
    assert found == {f"/opt/{odd}", "/var/lib/na\udcffme*[x]\\"}


def test_the_rules_are_few_whatever_the_data_is(root: Path) -> None:
    few = len(source_tree(root, exclude=(), keep=()).rules)
    for number in range(3000):
        put(root, f"var/lib/zephyrus/{number}", "x")
        put(root, f"data{number}", "x")
    assert len(source_tree(root, exclude=(), keep=()).rules) == few


def test_a_hostile_file_of_settings_costs_little_time(root: Path) -> None:
    put(root, "etc/a", "key" * 300_000)
    put(root, "etc/b", "key= " * 200_000)
    put(root, "etc/c", "password hash:" * 60_000)
    put(root, "var/lib/dpkg/info/x.postinst", "/var/" + "a/" * 400_000)
    start = time.process_time()
    source_tree(root, exclude=(), keep=())
    assert time.process_time() - start < 5.0


def test_the_table_is_about_places_of_data_and_gives_reasons() -> None:
    for row in KEPT:
        assert row.pattern.startswith(tuple(f"{place}/" for place in DATA))
        assert row.reason
        assert all(each.startswith(row.pattern.removesuffix("/***")) for each in row.but)
    assert len({row.pattern for row in KEPT}) == len(KEPT)
    assert not re.search(r"[*?\[]", "".join(TOP))
