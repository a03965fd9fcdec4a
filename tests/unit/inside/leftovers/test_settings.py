"""Of settings, format by format, what names something gone goes; what stands beside it stays."""

import shutil
from pathlib import Path

import pytest

from builder.inside.leftovers.gone import Gone
from builder.inside.rules import RULES
from builder.inside.tree.tree import Tree
from tests.support.copies import LEFT_OUT, Copy

GONE = None  # the whole file

CASES: list[tuple[str, str, str | None]] = [
    (
        "etc/crontab",
        (
            "SHELL=/bin/sh\n17 * * * * root cd / && run-parts /etc/cron.hourly\n"
            "5 4 * * * alice /usr/bin/true\n@daily root /srv/films/one --x\n# alice\n"
            "1 1 * * * mysql /usr/bin/true\nMAILTO=alice\n"
        ),
        (
            "SHELL=/bin/sh\n17 * * * * root cd / && run-parts /etc/cron.hourly\n# alice\n"
            "1 1 * * * mysql /usr/bin/true\n"
        ),
    ),
    ("etc/cron.d/mine", "@reboot alice /usr/bin/true", GONE),
    (
        "etc/cron.d/more",
        "# mine\n@reboot alice true\n\n@daily root true",
        "# mine\n\n@daily root true",
    ),
    ("etc/sysusers.d/alice.conf", "# a person\nu alice 1000\n", GONE),
    ("etc/aliases", "films: /srv/films/one\n", ""),
    ("etc/anacrontab", "1 5 films sh /srv/films/one\n7 5 ok true\n", "7 5 ok true\n"),
    (
        "etc/incron.d/x",
        "/srv/films IN_CREATE /usr/bin/true $@\n/etc IN_X true\n",
        "/etc IN_X true\n",
    ),
    (
        "etc/inittab",
        "al:23:respawn:/home/alice/bin/sync\n1:2:respawn:/sbin/getty\n",
        "1:2:respawn:/sbin/getty\n",
    ),
    (
        "etc/inetd.conf",
        "x stream tcp nowait alice /usr/bin/true true\nftp stream tcp nowait root /t\n",
        "ftp stream tcp nowait root /t\n",
    ),
    (
        "etc/xinetd.d/all",
        "service a\n{\n user = alice\n}\nservice b\n{\n user = mysql\n}\n",
        "service b\n{\n user = mysql\n}\n",
    ),
    ("etc/supervisor/conf.d/x.conf", "[program:a]\ncommand=/srv/films/one\n", GONE),
    (
        "etc/supervisor/conf.d/y.conf",
        "[program:a]\nuser=alice\n[program:b]\nuser=mysql\n",
        "[program:b]\nuser=mysql\n",
    ),
    (
        "etc/rc.local",
        "#!/bin/sh\n/home/alice/bin/sync \\\n  --fast &\ntrue\nexit 0\n",
        "#!/bin/sh\n:\ntrue\nexit 0\n",
    ),
    ("etc/rc.shutdown", "if [ -x /home/alice/bin/sync ]; then\n/usr/bin/true\nfi\n", GONE),
    ("etc/cron.daily/mine", "#!/bin/sh\nrsync -a /srv/films /mnt\n", GONE),
    (
        "etc/cron.daily/packaged",
        "#!/bin/sh\ntest -d /srv/films\n",
        "#!/bin/sh\ntest -d /srv/films\n",
    ),
    ("etc/cron.weekly/fine", "#!/bin/sh\n# /srv/films\ntrue\n", "#!/bin/sh\n# /srv/films\ntrue\n"),
    ("etc/apt/apt.conf.d/99x", 'DPkg::Post-Invoke {"/home/alice/bin/sync";};\n', GONE),
    ("etc/sv/films/run", "#!/bin/sh\nexec chpst -u x /srv/films/one\n", GONE),
    (
        "etc/logrotate.d/mine",
        "/opt/a.log {\n  su alice alice\n}\n/var/log/b.log {\n weekly\n}\n",
        "/var/log/b.log {\n weekly\n}\n",
    ),
    ("etc/logrotate.d/lost", "/var/log/lost.log\n/var/log/b.log\n{\n  weekly\n}\n", ""),
    (
        "etc/logrotate.d/fine",
        "/var/log/lost*.log {\n  missingok\n}\n",
        "/var/log/lost*.log {\n  missingok\n}\n",
    ),
    (
        "var/lib/dpkg/statoverride",
        (
            "alice root 750 /usr/bin/a\nroot films 4750 /usr/bin/b\n"
            "root root 755 /srv/films/one\nroot mysql 755 /usr/bin/c\n#1000 root 1 /x\n"
        ),
        "root mysql 755 /usr/bin/c\n",
    ),
    (
        "etc/sysusers.d/me.conf",
        (
            'u alice 1000 "Alice" /home/alice\nm alice audio\ng films -\n'
            "m mysql films\nu mysql 110\ng mysql -\n"
        ),
        "u mysql 110\ng mysql -\n",
    ),
    (
        "etc/tmpfiles.d/me.conf",
        (
            "d /run/a 0755 alice alice -\nL /run/b - - - - /srv/films\n"
            "d /run/c 0755 mysql :films\nd /run/d\n"
        ),
        "d /run/d\n",
    ),
    (
        "etc/udev/rules.d/99-x.rules",
        (
            'KERNEL=="a", OWNER="alice"\nKERNEL=="b", \\\n GROUP:="films"\n'
            'KERNEL=="c", RUN+="/home/alice/bin/sync"\nKERNEL=="d", GROUP="mysql"\n'
        ),
        'KERNEL=="d", GROUP="mysql"\n',
    ),
    (
        "etc/security/limits.conf",
        ("alice hard core 0\n@films - rtprio 9\n1000 - nice 1\n@audio - rtprio 9\n* soft core 0\n"),
        "@audio - rtprio 9\n* soft core 0\n",
    ),
    (
        "etc/security/time.conf",
        "login;*;alice;Al0000-2400\n*;*;root;Al0000-2400\n",
        "*;*;root;Al0000-2400\n",
    ),
    (
        "etc/security/access.conf",
        "+:alice root:ALL\n-:alice:tty1\n-:ALL EXCEPT alice:ALL\n",
        "+:live root:ALL\n-:ALL EXCEPT live:ALL\n",
    ),
    ("etc/cron.allow", "alice\nroot\n", "live\nroot\n"),
    ("etc/cron.deny", "alice\nmysql\n", "mysql\n"),
    (
        "etc/aliases",
        "alice: bob\nroot: alice\nnews: root\nx: |/home/alice/bin/sync\n",
        "news: root\n",
    ),
    ("etc/samba/smbusers", "alice = Alice ali\nroot = admin\n", "root = admin\n"),
    (
        "etc/ssh/sshd_config",
        (
            "AllowUsers alice root\nDenyUsers alice\nMatch User alice\n"
            "  ForceCommand /usr/bin/true\nMatch Group sftp\n  X11Forwarding no\n"
        ),
        "AllowUsers live root\nMatch Group sftp\n  X11Forwarding no\n",
    ),
    (
        "etc/lightdm/users.conf",
        "hidden-users=nobody alice\nminimum-uid=500\n",
        "hidden-users=nobody\nminimum-uid=500\n",
    ),
    (
        "etc/polkit-1/rules.d/9.rules",
        'x(function(a, s) {if (s.user == "alice") return 1;});\n',
        GONE,
    ),
    (
        "etc/polkit-1/localauthority/50-local.d/x.pkla",
        "[A]\nIdentity=unix-user:alice\nAction=*\n[B]\nIdentity=unix-group:sudo\n",
        "[B]\nIdentity=unix-group:sudo\n",
    ),
    (
        "etc/dbus-1/system.d/x.conf",
        ('<a>\n<policy user="alice">\n<x/>\n</policy>\n<policy user="root"><y/></policy>\n</a>\n'),
        '<a>\n\n<policy user="root"><y/></policy>\n</a>\n',
    ),
    (
        "etc/samba/smb.conf",
        (
            "[global]\n path = /srv/films\n[films]\n path = /srv/films\n[x]\n"
            " path = /opt\n valid users = alice, @staff\n invalid users = alice\n"
        ),
        "[global]\n path = /srv/films\n[x]\n path = /opt\n valid users = live, @staff\n",
    ),
    ("etc/rsyncd.conf", "uid = nobody\n[films]\npath = /srv/films\n", GONE),
    (
        "etc/auto.films",
        "films -fstype=bind :/srv/films\nx -fstype=nfs nas:/x\n",
        "x -fstype=nfs nas:/x\n",
    ),
    ("etc/nginx/sites-enabled/films", "server {\n root /srv/films;\n}\n", GONE),
    (
        "etc/nginx/sites-enabled/fine",
        "server {\n # root /srv/films;\n}\n",
        "server {\n # root /srv/films;\n}\n",
    ),
    ("etc/php/8.4/fpm/pool.d/alice.conf", "[alice]\nuser = alice\n", GONE),
    ("etc/shells", "/bin/sh\n/home/alice/bin/sync\n", "/bin/sh\n"),
    ("etc/ld.so.conf.d/x.conf", "/srv/films\n/usr/local/lib\n", "/usr/local/lib\n"),
    (
        "etc/apt/sources.list.d/x.list",
        (
            "deb file:///srv/films ./\ndeb http://deb.example.org a b\n"
            "deb [signed-by=/home/alice/key.gpg] http://x y z\n"
        ),
        "deb http://deb.example.org a b\n",
    ),
    ("etc/apt/sources.list.d/x.sources", "Types: deb\nURIs: file:/srv/films\n", GONE),
    (
        "etc/sudoers.d/x",
        "@include /home/alice/sudo\n#include /home/alice/sudo\nDefaults env_reset\n",
        "Defaults env_reset\n",
    ),
    (
        "etc/pam.d/login",
        (
            "auth [success=1 default=ignore] pam_unix.so\n"
            "auth required pam_u2f.so authfile=/srv/films/one\nauth required pam_deny.so\n"
        ),
        (
            "auth [success=1 default=ignore] pam_unix.so\nauth\toptional\tpam_deny.so\n"
            "auth required pam_deny.so\n"
        ),
    ),
    ("usr/local/share/applications/x.desktop", "[Desktop Entry]\nExec=/srv/films/one %U\n", GONE),
    (
        "usr/share/applications/y.desktop",
        "[Desktop Entry]\nExec=env A=1 /var/lib/snapd/snaps/core22_1748.snap\n",
        GONE,
    ),
    ("etc/xdg/autostart/z.desktop", "[Desktop Entry]\nTryExec=/home/alice/bin/sync\n", GONE),
    (
        "usr/share/applications/fine.desktop",
        "[Desktop Entry]\nExec=/usr/bin/true\nIcon=/srv/films\n",
        "[Desktop Entry]\nExec=/usr/bin/true\nIcon=/srv/films\n",
    ),
    ("usr/local/share/dbus-1/services/a.service", "[D-BUS Service]\nExec=/srv/films/one\n", GONE),
    ("usr/share/dbus-1/system-services/b.service", "[D-BUS Service]\nUser=alice\n", GONE),
    (
        "etc/profile.d/x.sh",
        "export PATH=/home/alice/bin:$PATH\nA=/home/alicea\n",
        "export PATH=/home/live/bin:$PATH\nA=/home/alicea\n",
    ),
    ("etc/skel/.config/bookmarks", "file:///home/alice/Music\n", "file:///home/live/Music\n"),
]


@pytest.mark.parametrize(("path", "before", "after"), CASES, ids=[case[0] for case in CASES])
def test_what_names_something_gone_goes(
    tmp_path: Path, path: str, before: str, after: str | None
) -> None:
    files = {path: before, "var/log/lost.log": "", "var/log/b.log": "", "etc/mine": "alice"}
    files["home/alice/key.gpg"] = ""
    copy = Copy(
        tmp_path,
        files,
        left_out=(*LEFT_OUT, "var/log/lost.log"),
        packaged=("etc/cron.daily/packaged",),
    )
    (copy.root / path).chmod(0o640)
    status = (copy.root / path).stat()
    copy.follow()
    assert (copy.text(path) if copy.has(path) else GONE) == after
    if after is not GONE:
        assert (copy.root / path).stat().st_mode == status.st_mode
        assert (copy.root / path).stat().st_uid == status.st_uid
    if after == before:
        assert copy.changes == []


@pytest.mark.parametrize("path", [case[0] for case in CASES])
def test_where_nothing_is_gone_nothing_changes(tmp_path: Path, path: str) -> None:
    before = next(case[1] for case in CASES if case[0] == path)
    copy = Copy(tmp_path, {path: before})
    source = Tree(copy.source, clock=2, record=lambda *change: copy.changes.append(change))
    gone = Gone(source=Tree(copy.source), tree=source, heir="live")
    for rule in RULES:
        if rule.follow:
            rule.follow(source, gone)
    assert copy.changes == []


@pytest.mark.parametrize("path", [case[0] for case in CASES])
def test_odd_things_in_the_place_of_settings_are_no_obstacle(tmp_path: Path, path: str) -> None:
    copy = Copy(tmp_path, {})
    place = copy.root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    outside = tmp_path / "outside"
    outside.write_text("alice /home/alice/x /srv/films")
    for make in (
        place.mkdir,
        lambda: place.symlink_to(place.name),
        lambda: place.symlink_to(outside),
        lambda: place.write_bytes(b"\0\xff alice /home/alice/bin\n"),
        lambda: place.write_bytes(b"\xff\xfe\n[\n{\n}\n]\\"),
        lambda: place.write_bytes(b"a" * (17 << 20)),
    ):
        make()
        copy.follow()
        place.rmdir() if place.is_dir() else place.unlink(missing_ok=True)
        assert outside.read_text() == "alice /home/alice/x /srv/films"


def test_links_to_what_is_gone_go_and_others_stay(tmp_path: Path) -> None:
    links = {
        "usr/local/bin/sync": "->/home/alice/bin/sync",
        "etc/alternatives/mine": "->/srv/films/one",
        "usr/bin/mine": "->/etc/alternatives/mine",
        "etc/broken": "->/never/there",
        "etc/resolv.conf": "->/run/systemd/resolve/stub-resolv.conf",
        "etc/fine": "->/usr/bin/true",
        "etc/loop": "->loop",
    }
    copy = Copy(tmp_path, {**links, "run/systemd/resolve/stub-resolv.conf": "x"})
    (copy.root / "run/systemd/resolve/stub-resolv.conf").unlink()
    copy.follow()
    left = [name for name in links if copy.has(name)]
    assert left == ["etc/broken", "etc/resolv.conf", "etc/fine", "etc/loop"]


def test_another_alternative_is_chosen(tmp_path: Path) -> None:
    database = "var/lib/dpkg/alternatives"
    entry = (
        "manual\n/usr/bin/play\nplay.1\n/usr/share/man/play.1\n\n"
        "/srv/films/one\n90\n/srv/films/man\n/usr/bin/true\n10\n\n/usr/bin/other\n20\n/m\n\n"
    )
    copy = Copy(
        tmp_path,
        {
            f"{database}/play": entry,
            f"{database}/only": "auto\n/usr/bin/only\n\n/srv/films/one\n1\n\n",
            f"{database}/odd": "auto\n/x",
            f"{database}/vast": f"auto\n/y\n\n/srv/films/one\n1\n/z\n{'9' * 5000}\n\n",
            f"{database}/raised": "auto\n/y\n\n/srv/films/one\n1\n/z\n²\n\n",
            "usr/bin/other": "",
            "usr/bin/play": "->/etc/alternatives/play",
            "usr/bin/only": "->/etc/alternatives/only",
            "etc/alternatives/play": "->/srv/films/one",
            "etc/alternatives/only": "->/srv/films/one",
            "etc/alternatives/play.1": "->/srv/films/man",
        },
    )
    copy.follow("leftover-links")
    assert str((copy.root / "etc/alternatives/play").readlink()) == "/usr/bin/other"
    assert str((copy.root / "etc/alternatives/play.1").readlink()) == "/m"
    assert copy.text(f"{database}/play") == (
        "auto\n/usr/bin/play\nplay.1\n/usr/share/man/play.1\n\n"
        "/usr/bin/true\n10\n\n/usr/bin/other\n20\n/m\n\n"
    )
    assert not any(copy.has(f"{place}/only") for place in (database, "etc/alternatives", "usr/bin"))


def test_defaults_forget_the_programs_that_are_gone(tmp_path: Path) -> None:
    copy = Copy(
        tmp_path,
        {
            "var/lib/snapd/desktop/applications/snap.desktop": "[Desktop Entry]\n",
            "usr/share/applications/mine.desktop": "[Desktop Entry]\nExec=/srv/films/one\n",
            "usr/share/applications/other.desktop": "[Desktop Entry]\nExec=/usr/bin/true\n",
            "etc/xdg/mimeapps.list": "[Default Applications]\na/b=snap.desktop;other.desktop;\n"
            "c/d=mine.desktop\ne/f=never.desktop\n",
        },
    )
    copy.follow("leftover-menu-entries")
    assert copy.text("etc/xdg/mimeapps.list") == (
        "[Default Applications]\na/b=other.desktop;\ne/f=never.desktop\n"
    )


def test_what_people_would_wonder_about_is_told(tmp_path: Path) -> None:
    copy = Copy(
        tmp_path,
        {
            "etc/nginx/sites-enabled/films": "root /srv/films;\n",
            "etc/pam.d/sudo": "auth required pam_u2f.so authfile=/home/alice/.u2f\n",
            "etc/crontab": "1 1 * * * alice true\n",
        },
    )
    site, factor = copy.follow()
    assert site.startswith("/etc/nginx/sites-enabled/films refers to things that are left out")
    assert factor.startswith("/etc/pam.d/sudo asked for a file that is removed")


def test_a_home_that_the_source_never_had_is_gone_too(tmp_path: Path) -> None:
    jobs = "1 1 * * * root /home/alice/x\n1 1 * * * root /never/there\n"
    copy = Copy(tmp_path, {"etc/crontab": jobs, "home/bob/x": ""}, left_out=())
    for root in (copy.source, copy.root):
        shutil.rmtree(root / "home/alice")
    copy.follow()
    assert copy.text("etc/crontab") == "1 1 * * * root /never/there\n"


def test_the_removed_and_only_they_count_as_gone(tmp_path: Path) -> None:
    gone = Copy(tmp_path, {"var/lib/systemd/x": ""}, left_out=(*LEFT_OUT, "var/lib/systemd/x")).gone
    assert gone.users == {"alice", "1000"}
    assert gone.groups == {"alice", "1000", "films", "1001"}
    assert gone.path("/srv/films/never-there")
    assert not any(map(gone.path, ("/srv/other", "/usr/bin/true", "/dev/x", "/var/lib/systemd/x")))
    assert not any(map(gone.path, ("/", "/x\0y", "/" + "a/" * 3000, "/srv/../usr")))
