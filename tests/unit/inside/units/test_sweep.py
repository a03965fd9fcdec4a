"""Units that refer to what is gone are removed or masked, and no others."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.copies import LEFT_OUT, Copy

OWN = "etc/systemd/system"
WANTS = f"{OWN}/multi-user.target.wants"
SHIPPED = "usr/lib/systemd/system"
RULE = "leftover-units"


def service(*lines: str, start: str = "/usr/bin/true") -> str:
    return "\n".join(["[Unit]", "[Service]", f"ExecStart={start}", *lines, ""])


@pytest.mark.parametrize(
    "text",
    [
        service("User=alice"),
        service("User = alice "),
        service("Group=films"),
        service("SupplementaryGroups=audio \\\n  films"),
        service("User=1000"),
        service("WorkingDirectory=/srv/films"),
        service("Environment=DATA=/srv/films/x"),
        service("ReadWritePaths=/srv/films"),
        service("EnvironmentFile=/home/alice/.env"),
        service("EnvironmentFile=-/etc/default/mine"),
        service("LoadCredential=key:/home/alice/key"),
        service("BindPaths=/srv/films:/data"),
        service(start="-/home/alice/bin/sync --all"),
        service(start="@/usr/bin/env env /home/alice/bin/sync"),
        service(start="/bin/sh -c 'cd /srv/films && exec ./run'"),
        service(start="/usr/bin/true --conf /etc/mine.conf"),
        service(start="/usr/bin/true \\\n# why\n  /srv/films"),
        service(start="/usr/bin/podman start web"),
        "[Unit]\nRequiresMountsFor=/srv/films\n" + service(),
    ],
)
def test_an_own_service_goes_with_its_links_and_drop_ins(tmp_path: Path, text: str) -> None:
    copy = Copy(
        tmp_path,
        {
            f"{OWN}/mine.service": text,
            f"{WANTS}/mine.service": "->/etc/systemd/system/mine.service",
            f"{OWN}/mine.service.d/x.conf": "[Service]\nNice=5\n",
            f"{OWN}/alias.service": "->mine.service",
            "etc/default/mine": "# ours\nDIR=/srv/films\n",
            "etc/mine.conf": "dir = /srv/films;\n",
            "var/lib/containers/storage": "x",
        },
        left_out=(*LEFT_OUT, "var/lib/containers/storage"),
    )
    told = copy.follow(RULE)
    left = [name for name in ("mine.service", "mine.service.d", "alias.service") if
            copy.has(f"{OWN}/{name}")]  # fmt: skip
    assert left == []
    assert not copy.has(f"{WANTS}/mine.service")
    assert told == ["1 services, mounts or timers that belong to left-out things will not start"]


@pytest.mark.parametrize(
    "text",
    [
        service("User=mysql"),
        service("User=nobody-knows"),
        service("WorkingDirectory=/srv/never-there"),
        service("WorkingDirectory=-/srv/films"),
        service("Documentation=file:/srv/films"),
        service("# User=alice"),
        service("; /srv/films"),
        service("User=alice", "User="),
        service("StandardOutput=append:/var/log/films.log"),
        service("PIDFile=/run/films.pid"),
        service('Environment="PATH=/home/alice/bin:/usr/bin"'),
        service("StateDirectory=films", "ReadWritePaths=/var/lib/films"),
        service(start="/usr/bin/true --alice"),
    ],
)
def test_an_own_service_that_works_stays(tmp_path: Path, text: str) -> None:
    files = {
        f"{OWN}/mine.service": text,
        f"{WANTS}/mine.service": "->../mine.service",
        "var/lib/films/x": "",
        "var/log/films.log": "",
        "run/films.pid": "",
    }
    gone = (*LEFT_OUT, "var/lib/films", "var/log/films.log", "run/films.pid")
    copy = Copy(tmp_path, files, left_out=gone)
    assert copy.follow(RULE) == []
    assert copy.changes == []


def test_what_a_package_ships_is_masked_and_loses_its_links(tmp_path: Path) -> None:
    copy = Copy(
        tmp_path,
        {
            f"{SHIPPED}/media.service": service(start="/usr/bin/true -c /etc/media.conf"),
            f"{SHIPPED}/media.socket": "[Socket]\nListenStream=/run/media\n",
            f"{SHIPPED}/other.service": service(start="/usr/bin/true --data /srv/films"),
            f"{WANTS}/media.service": "->/usr/lib/systemd/system/media.service",
            "etc/media.conf": "password=x\n",
        },
        left_out=(*LEFT_OUT, "etc/media.conf"),
        packaged=(
            f"{SHIPPED}/media.service",
            f"{SHIPPED}/media.socket",
            f"{SHIPPED}/other.service",
        ),
    )
    copy.follow(RULE)
    assert copy.is_masked(f"{OWN}/media.service")
    assert copy.is_masked(f"{OWN}/media.socket")  # it would start the service
    assert copy.has(f"{SHIPPED}/media.service")
    assert not copy.has(f"{WANTS}/media.service")
    assert not copy.has(f"{OWN}/other.service")  # it starts without data that an option names


def test_a_unit_without_a_package_goes_from_usr_too(tmp_path: Path) -> None:
    copy = Copy(tmp_path, {f"{SHIPPED}/mine.service": service("User=alice")})
    copy.follow(RULE)
    assert not copy.has(f"{SHIPPED}/mine.service")
    assert not copy.has(f"{OWN}/mine.service")


@pytest.mark.parametrize("change", ["d/user.conf", ""])
def test_of_a_packages_service_only_the_change_goes(tmp_path: Path, change: str) -> None:
    own = f"{OWN}/media.service{'.' + change if change else ''}"
    copy = Copy(
        tmp_path,
        {f"{SHIPPED}/media.service": service(), own: service("User=alice")},
        packaged=(f"{SHIPPED}/media.service",),
    )
    assert copy.follow(RULE) == []
    assert copy.changes == [("removed", f"/{own}")]


@pytest.mark.parametrize("name", ["sync@alice.service", "tunnel@work.service", "sync@1000.timer"])
def test_an_instance_for_a_person_or_a_gone_setting_loses_its_link(
    tmp_path: Path, name: str
) -> None:
    template = name.partition("@")[0] + "@." + name.rpartition(".")[2]
    copy = Copy(
        tmp_path,
        {
            f"{SHIPPED}/{template}": service("User=%i" if "sync" in name else ""),
            f"{WANTS}/{name}": f"->/usr/lib/systemd/system/{template}",
            f"{WANTS}/sync@mysql.service": f"->/usr/lib/systemd/system/{template}",
            "etc/tunnels/work.conf": "key",
        },
        left_out=(*LEFT_OUT, "etc/tunnels/work.conf"),
        packaged=(f"{SHIPPED}/{template}",),
    )
    copy.follow(RULE)
    assert not copy.has(f"{WANTS}/{name}")
    assert not copy.has(f"{OWN}/{name}")  # a mask would have the person's name
    assert copy.has(f"{WANTS}/sync@mysql.service")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "snap-core22-1748.mount",
            "[Mount]\nWhat=/var/lib/snapd/snaps/core22_1748.snap\nWhere=/snap/core22/1748\n",
        ),
        ("home-alice.mount", "[Mount]\nWhat=tmpfs\nWhere=/home/alice\n"),
        (r"srv-films-a\x2db.automount", "[Automount]\nWhere=/srv/films/a-b\n"),
        ("srv-films-swap.swap", "[Swap]\nWhat=/srv/films/swap\n"),
        ("look.path", "[Path]\nPathExists=/srv/films/new\nUnit=multi-user.target\n"),
    ],
)
def test_mounts_and_their_kin_go(tmp_path: Path, name: str, text: str) -> None:
    files = {f"{OWN}/{name}": text, f"{WANTS}/{name}": f"->/etc/systemd/system/{name}"}
    copy = Copy(tmp_path, files)
    copy.follow(RULE)
    assert not copy.has(f"{OWN}/{name}")
    assert not copy.has(f"{WANTS}/{name}")


def test_what_needs_a_unit_that_goes_goes_too(tmp_path: Path) -> None:
    copy = Copy(
        tmp_path,
        {
            f"{OWN}/a.timer": "[Timer]\nUnit=b.service\n",
            f"{OWN}/b.service": "[Unit]\nRequires=c.service x.service\n[Service]\n",
            f"{OWN}/c.service": service("User=alice"),
            f"{OWN}/c.timer": "[Timer]\nOnCalendar=daily\n",
            f"{OWN}/d.service": "[Unit]\nAfter=c.service\nWants=c.service\n[Service]\n",
        },
    )
    copy.follow(RULE)
    units = sorted(path.name for path in (copy.root / OWN).iterdir())
    assert units == ["d.service"]


def test_links_and_aliases_of_linked_units_go_too(tmp_path: Path) -> None:
    copy = Copy(
        tmp_path,
        {
            "home/alice/units/one.service": service(),
            f"{OWN}/one.service": "->/home/alice/units/one.service",
            f"{OWN}/other.service": "->/home/alice/units/one.service",
            f"{WANTS}/one.service": "->../one.service",
            f"{WANTS}/other.service": "->/etc/systemd/system/other.service",
            f"{WANTS}/fine.service": "->/usr/lib/systemd/system/fine.service",
            f"{SHIPPED}/fine.service": service(),
        },
    )
    copy.follow()
    links = sorted(path.name for path in (copy.root / OWN).rglob("*.service"))
    assert links == ["fine.service"]


@pytest.mark.parametrize("template", [True, False])
def test_what_is_set_for_a_persons_instance_goes_with_its_folder(
    tmp_path: Path, *, template: bool
) -> None:
    files = {
        "etc/systemd/system/sync@alice.service.d/token.conf": "[Service]\nNice=1\n",
        "etc/systemd/system/sync@eth0.service.d/x.conf": "[Service]\nNice=1\n",
    }
    if template:
        files["etc/systemd/system/sync@.service"] = "[Service]\nExecStart=/usr/bin/true\n"
    copy = Copy(tmp_path, files)
    copy.follow()
    assert not copy.has("etc/systemd/system/sync@alice.service.d")
    assert copy.has("etc/systemd/system/sync@eth0.service.d/x.conf")


def test_a_mask_with_the_name_of_a_person_goes(tmp_path: Path) -> None:
    template = f"{SHIPPED}/sync@.service"
    files = {template: service("User=%i"), f"{OWN}/sync@alice.service": "->/dev/null"}
    copy = Copy(tmp_path, files, packaged=(template,))
    copy.follow(RULE)
    assert not copy.has(f"{OWN}/sync@alice.service")


@pytest.mark.parametrize("name", ["c.service", "systemd-journald.service", "graphical.target"])
def test_a_mask_and_what_the_system_cannot_do_without_stay(tmp_path: Path, name: str) -> None:
    copy = Copy(
        tmp_path,
        {
            f"{OWN}/c.service": "->/dev/null",
            "dev/null": "",
            f"{SHIPPED}/c.service": service("User=alice"),
            f"{SHIPPED}/systemd-journald.service": service("ReadWritePaths=/srv/films"),
            f"{SHIPPED}/graphical.target": "[Unit]\nRequires=c.service\n",
        },
        left_out=(*LEFT_OUT, "dev/null"),
        packaged=tuple(f"{SHIPPED}/{each}" for each in (name, "c.service")),
    )
    copy.follow(RULE)
    assert copy.changes == []


@pytest.mark.parametrize(
    ("unit", "start", "user", "data"),
    [
        ("mariadb", "/usr/sbin/mariadbd $OPTS", "mysql", "var/lib/mysql/ibdata1"),
        ("krb5-kdc", "/usr/sbin/krb5kdc", "root", "var/lib/krb5kdc/principal"),
        ("slapd", "/usr/sbin/slapd -u openldap", "openldap", "var/lib/ldap/data.mdb"),
        ("gitlab-runsvdir", "/opt/gitlab/run", "root", "var/opt/gitlab/gitlab-rails"),
    ],
)
def test_a_database_whose_data_were_left_out_is_masked(
    tmp_path: Path, unit: str, start: str, user: str, data: str
) -> None:
    shipped = f"{SHIPPED}/{unit}.service"
    files = {shipped: service(f"User={user}", start=start), data: "x", "opt/gitlab/run": ""}
    files[f"{SHIPPED}/cache.service"] = service("User=root", start="/usr/sbin/cached")
    files["var/lib/cache/x"] = "it makes that again"
    copy = Copy(
        tmp_path,
        files,
        left_out=(*LEFT_OUT, data, "var/lib/cache/x"),
        packaged=(shipped, f"{SHIPPED}/cache.service"),
    )
    copy.follow(RULE)
    assert copy.is_masked(f"{OWN}/{unit}.service")
    assert not copy.has(f"{OWN}/cache.service")


def test_the_cluster_that_a_generator_would_start_is_masked(tmp_path: Path) -> None:
    template = f"{SHIPPED}/postgresql@.service"
    text = (
        "[Unit]\nAssertPathExists=/etc/postgresql/%I/postgresql.conf\n"
        "RequiresMountsFor=/etc/postgresql/%I /var/lib/postgresql/%I\n"
    )
    copy = Copy(
        tmp_path,
        {
            template: text,
            "etc/postgresql/15/main/postgresql.conf": "port = 5432\n",
            "etc/postgresql/15/kept/postgresql.conf": "port = 5433\n",
            "var/lib/postgresql/15/main/PG_VERSION": "15\n",
            "var/lib/postgresql/15/kept/PG_VERSION": "15\n",
        },
        left_out=(*LEFT_OUT, "var/lib/postgresql/15/main"),
        packaged=(template,),
    )
    copy.follow(RULE)
    assert copy.is_masked(f"{OWN}/postgresql@15-main.service")
    assert not copy.has(f"{OWN}/postgresql@15-kept.service")


def test_the_login_screen_does_not_go_silently(tmp_path: Path) -> None:
    copy = Copy(
        tmp_path,
        {
            f"{OWN}/screen.service": service(start="/srv/films/one"),
            f"{OWN}/display-manager.service": "->/etc/systemd/system/screen.service",
        },
    )
    assert any("The login screen screen.service" in line for line in copy.follow(RULE))


def test_units_of_users_and_quadlets_go_too(tmp_path: Path) -> None:
    copy = Copy(
        tmp_path,
        {
            "etc/systemd/user/mine.service": service(start="/srv/films/one"),
            "etc/systemd/user/default.target.wants/mine.service": "->../mine.service",
            "etc/containers/systemd/web.container": "[Container]\nImage=web\n",
            "var/lib/containers/storage/x": "",
        },
        left_out=(*LEFT_OUT, "var/lib/containers/storage"),
    )
    assert copy.follow(RULE)[0].startswith("2 ")
    assert not copy.has("etc/systemd/user/mine.service")
    assert not copy.has("etc/systemd/user/default.target.wants/mine.service")
    assert not copy.has("etc/containers/systemd/web.container")


def test_odd_things_among_units_are_no_obstacle(tmp_path: Path) -> None:
    copy = Copy(
        tmp_path,
        {
            f"{OWN}/loop.service": "->loop.service",
            f"{OWN}/folder.service/x": "",
            f"{OWN}/binary.service": "User=alice\0",
            f"{OWN}/out.service": "->../../../../../../etc/passwd",
            f"{OWN}/no-end.service": "[Service]\nUser=\\",
            f"{OWN}/@.service": "[Service]\nExecStart=%i%%%z %",
            f"{OWN}/wants": "",
            f"{OWN}/x.wants": "",
        },
    )
    assert copy.follow(RULE) == []


@pytest.mark.skipif(shutil.which("systemctl") is None, reason="there is no systemctl")
def test_systemctl_reads_what_is_left(tmp_path: Path) -> None:
    copy = Copy(
        tmp_path,
        {
            f"{SHIPPED}/media.service": service("User=alice") + "[Install]\nWantedBy=x.target\n",
            f"{OWN}/mine.service": service("User=alice"),
            f"{OWN}/fine.service": service("User=mysql"),
        },
        packaged=(f"{SHIPPED}/media.service",),
    )
    copy.follow(RULE)
    argv = ["systemctl", f"--root={copy.root}", "list-unit-files", "--no-legend", "--plain"]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    states = {line.split()[0]: line.split()[1] for line in done.stdout.splitlines()}
    assert states == {
        "fine.service": "static",
        "media.service": "masked",
        "multi-user.target": "static",
    }
