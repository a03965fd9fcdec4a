"""A tiny Debian system that somebody has used, with a marker wherever something is private."""

import io
import os
import re
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from builder.border.plan import Staging
from builder.formats.changes import ChangedPath
from builder.formats.recipe import LiveSettings
from builder.inside import session
from builder.inside.layers.scratch import Scratch
from builder.inside.leftovers.gone import Gone
from builder.inside.rules.applying import Applying, Journal
from builder.inside.system.system import Sight, System
from builder.inside.tree.tree import Tree
from tests.support.house import PROJECT

MARK = "PRIVATE-5bd1e9"
CLOCK = 1_750_170_600  # 2025-06-17 14:30 UTC

_STATUS = "".join(
    f"Package: {name}\nStatus: install ok installed\nArchitecture: all\n\n"
    for name in ("live-config", "user-setup", "locales", "tzdata", "keyboard-configuration")
)
# Whatever has the marker in its path or its content must be gone at the end.
_FILES: Mapping[str, str] = {
    "etc/machine-id": MARK,
    "etc/hostname": f"{MARK}-box\n",
    "etc/hosts": f"127.0.0.1\tlocalhost\n127.0.1.1\t{MARK}-box.lan {MARK}-box\n"
    f"# {MARK}-box is mine\n192.168.1.9\tprinter {MARK}-box\n::1\tlocalhost\n",
    "etc/mailname": f"{MARK}-box.lan\n",
    "etc/fstab": f"UUID={MARK} / ext4 defaults 0 1\n",
    "etc/crypttab": f"root UUID={MARK} /etc/keys/root.key luks\n",
    "etc/keys/root.key": MARK,
    "etc/mdadm/mdadm.conf": "HOMEHOST <system>\nMAILADDR root\n"
    f"ARRAY /dev/md/0 metadata=1.2\n   name={MARK}-box:0 UUID={MARK}\n# end\n",
    "etc/mdadm.conf": f"ARRAY /dev/md0 UUID={MARK}\n",
    "etc/initramfs-tools/conf.d/resume": f"RESUME=UUID={MARK}\n",
    "etc/default/grub": f'GRUB_CMDLINE_LINUX="quiet resume=UUID={MARK} splash"\n',
    "boot/grub/grub.cfg": MARK,
    "etc/ssh/ssh_host_ed25519_key": MARK,
    "etc/ssh/sshd_config": "Port 22\n",
    "var/lib/systemd/random-seed": MARK,
    "var/lib/systemd/credential.secret": MARK,
    "etc/NetworkManager/system-connections/home.nmconnection": MARK,
    "var/lib/NetworkManager/secret_key": MARK,
    "var/lib/NetworkManager/seen-bssids": MARK,
    "etc/netplan/50-cloud-init.yaml": MARK,
    "etc/wpa_supplicant/wpa_supplicant.conf": MARK,
    "var/lib/iwd/home.psk": MARK,
    "etc/network/interfaces": f"iface wlan0 inet dhcp\n wpa-psk {MARK}\n",
    "etc/network/interfaces.d/wlan": MARK,
    "var/lib/bluetooth/00:11/info": MARK,
    "etc/systemd/network/10-home.network": MARK,
    "var/lib/dhcp/dhclient.leases": MARK,
    "etc/resolv.conf": f"search {MARK}.lan\n",
    "etc/ppp/chap-secrets": MARK,
    "etc/wireguard/wg0.conf": MARK,
    "etc/openvpn/client/work.conf": MARK,
    "etc/passwd": "root:x:0:0:root:/root:/bin/bash\n"
    f"daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\nalice:x:1000:1000:{MARK}:/home/alice:/bin/sh\n"
    f"bob:x:100001:100::/home/bob:/bin/sh\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n"
    "libvirt-qemu:x:64055:105::/var/lib/libvirt:/usr/sbin/nologin\nnot a line\n+::::::\n",
    "etc/shadow": f"root:$y${MARK}:20000:0:99999:7:::\ndaemon:*:20000:0:99999:7:::\n"
    f"alice:$6${MARK}:20000:0:99999:7:::\nnobody:!$6${MARK}:20000:0:99999:7:::\n",
    "etc/group": "root:x:0:\nsudo:x:27:alice,daemon\nalice:x:1000:\nusers:x:100:bob\n"
    "nogroup:x:65534:\n",
    "etc/gshadow": f"root:*::\nsudo:$6${MARK}:alice:alice,daemon\nalice:!::\n",
    "etc/subuid": "alice:100000:65536\n1000:165536:65536\ndaemon:300000:65536\n",
    "etc/subgid": "alice:100000:65536\n",
    "etc/passwd-": MARK,
    "etc/shadow-": MARK,
    "etc/gshadow~": MARK,
    "etc/group.org": MARK,
    "var/backups/shadow.bak": MARK,
    "etc/lightdm/lightdm.conf": "[Seat:*]\n#autologin-user=\nautologin-user=alice\n",
    "etc/gdm3/daemon.conf": "[daemon]\nAutomaticLoginEnable=true\nAutomaticLogin = bob\n",
    "etc/sddm.conf.d/kde_settings.conf": "[Autologin]\nSession=plasma\nUser=alice\n",
    "etc/greetd/config.toml": '[default_session]\nuser = "daemon"\n[initial_session]\n'
    'user = "alice"\n',
    "etc/systemd/system/getty@tty1.service.d/autologin.conf": "[Service]\nExecStart=\n"
    "ExecStart=-/sbin/agetty --noclear --autologin alice %I $TERM\n",
    "etc/sudoers": "Defaults\tenv_reset\nalice ALL=(ALL) \\\n  NOPASSWD: ALL\n"
    "%sudo ALL=(ALL:ALL) ALL\n"
    "@includedir /etc/sudoers.d\n",
    "etc/sudoers.d/alice": f"alice ALL = /bin/{MARK}\n",
    "etc/sudoers.d/distroclone-backup": "%sudo ALL=(ALL) NOPASSWD: /usr/bin/rsync\n",
    "home/alice/.bash_history": MARK,
    "home/alice/.ssh/id_ed25519": MARK,
    "root/.bash_history": MARK,
    "root/.gnupg/private-keys-v1.d/x.key": MARK,
    "usr/share/base-files/dot.bashrc": "# root's\n",
    "var/mail/alice": MARK,
    "var/spool/cron/crontabs/root": "0 2 * * * /usr/bin/distroClone-backup --incremental-silent\n"
    f"# {MARK}",
    "var/lib/AccountsService/users/alice": MARK,
    "var/log/wtmp": MARK,
    "var/log/journal/0123/system.journal": MARK,
    "var/lib/wtmpdb/wtmp.db": MARK,
    "etc/distroclone-backup/settings.conf": f'CACHE_BASE_DIR="/{MARK}"\n',
    "etc/snapper/configs/distroclone-backup": MARK,
    "etc/default/snapper": '# list\nSNAPPER_CONFIGS="distroclone-backup" # mine\n'
    'DISABLE_APT_SNAPSHOT="no"\n',
    "etc/adjtime": MARK,
    "etc/ssl/private/ssl-cert-snakeoil.key": MARK,
    "etc/apt/auth.conf.d/private.conf": MARK,
    "etc/apt/sources.list.d/own.list": f"deb https://me:{MARK}@packages.example.org stable main\n",
    "etc/apt/apt.conf.d/02mine": f'Acquire::http::Proxy "http://{MARK}:3142";\nAPT::Keep "1";\n',
    "etc/krb5.keytab": MARK,
    "var/lib/samba/private/secrets.tdb": MARK,
    "etc/cups/ssl/server.key": MARK,
    "var/lib/fprint/alice/x": MARK,
    "var/lib/systemd/coredump/core.x": MARK,
    "var/crash/x.crash": MARK,
    "etc/popularity-contest.conf": MARK,
    "var/lib/plocate/plocate.db": MARK,
    "var/cache/debconf/passwords.dat": "Name: passwd/user-password-crypted\n"
    f"Template: passwd/user-password-crypted\nValue: {MARK}\nOwners: user-setup\n\n",
    "var/cache/debconf/passwords.dat-old": MARK,
    "var/lib/live/config/hostname": "",
    "var/lib/dpkg/status": _STATUS,
    "etc/default/keyboard": 'XKBMODEL="pc105"\nXKBLAYOUT="it"\nXKBVARIANT="winkeys"\n',
    "etc/locale.conf": "LANG=it_IT.UTF-8\n",
    "etc/locale.gen": "# ca_ES.UTF-8@valencia UTF-8\n# de_DE.UTF-8 UTF-8\nit_IT.UTF-8 UTF-8",
    "usr/share/zoneinfo/Europe/Rome": "TZif",
    "usr/share/zoneinfo/America/Argentina/Ushuaia": "TZif",
    "usr/lib/systemd/system/multi-user.target": "",
}  # fmt: skip


def make_machine(root: Path) -> Path:
    """Make the tree at `root`, which must not exist; returns it."""
    for name, content in _FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    (root / "var/lib/dbus").mkdir()
    (root / "var/lib/dbus/machine-id").write_text(MARK)
    (root / "etc/localtime").symlink_to("/usr/share/zoneinfo/Europe/Rome")
    (root / "etc/shadow").chmod(0o640)
    (root / "etc/sudoers").chmod(0o440)
    return root


def original_of(root: Path) -> Path:
    """Return a copy of the tree at `root`, as it was at the first call: the source of a build."""
    source = root.parent / "source"
    if not source.exists():
        subprocess.run(["cp", "--archive", root, source], check=True)
    return source


def marked(root: Path) -> list[str]:
    """Return every path below `root` whose name, link or content has the marker."""
    found = []
    for path in sorted(root.rglob("*")):
        content = str(path.readlink()) if path.is_symlink() else ""
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes().decode("latin-1")
        if MARK in path.name or MARK in content:
            found.append(path.relative_to(root).as_posix())
    return found


def snapshot(root: Path) -> dict[str, tuple[int, int, bytes]]:
    """Return mode, time and content of everything below `root`, to compare later."""
    return {
        path.relative_to(root).as_posix(): (
            path.lstat().st_mode,
            path.lstat().st_mtime_ns,
            _content(path),
        )
        for path in sorted(root.rglob("*"))
    }


def _content(path: Path) -> bytes:
    if path.is_symlink():
        return os.fsencode(path.readlink())
    return path.read_bytes() if path.is_file() else b""


def check_sight(argv: Sequence[str], sight: Sight) -> None:
    """Every path on a tool's command line that is no part of the image must be in its sight."""
    seen = [*sight.reads, *sight.writes]
    tops = {path.parts[1] for path in seen}
    words = (part for word in argv for part in re.split("[ =]", word) if part.startswith("/"))
    for path in map(Path, words):
        if path.is_relative_to(PROJECT) or path == Path(sys.executable):
            continue  # in the image, this is in /usr
        if len(path.parts) > 1 and path.parts[1] in tops:
            assert any(path.is_relative_to(each) for each in seen), f"{argv[0]} cannot see {path}"


class OpenTree(Scratch):
    """A scratch root that is the tree itself."""

    @contextmanager
    def opened(self, system: System) -> Iterator[Path]:
        del system
        yield self.root


def open_tree(root: Path) -> OpenTree:
    """Return a scratch root in which changes can be seen afterwards."""
    return OpenTree(root=root, target=root, layer=root, staging=Staging.OVERLAY, size=lambda: 0)


class RecordingSystem(System):
    """A `System` that runs nothing and remembers what it was asked."""

    def __init__(self, answer: Callable[[Sequence[str]], str] = lambda _argv: "") -> None:
        self.answer = answer
        self.commands: list[tuple[str, ...]] = []
        self.prints: tuple[str, ...] = ()
        self.stream = b""  # what a tool prints for `reading`
        self.roots: list[Path | None] = []
        self.sights: list[Sight] = []
        self.environments: list[Mapping[str, str]] = []
        self.stdins: list[bytes] = []
        self.beside_now: list[tuple[str, ...]] = []
        self.mounts: list[tuple[str, Path]] = []
        self.mounted_now: list[Path] = []
        self.notes: list[str] = []
        self.fractions: list[float] = []

    def run(
        self,
        argv: Sequence[str],
        *,
        root: Path | None = None,
        sight: Sight | None = None,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        success: Collection[int] = (0,),
        progress: Callable[[str], float | None] | None = None,
        logged: bool = True,
        quiet: float | None = None,
    ) -> str:
        if sight is not None:
            self.sights.append(sight)
            check_sight(argv, sight)
        del cwd, success, logged, quiet
        self.stdins.append(stdin)
        self.roots.append(root)
        self.environments.append(dict(env or {}))
        self.commands.append(tuple(argv))
        for line in self.prints:
            if progress and (fraction := progress(line)) is not None:
                self.progress(fraction)
        return self.answer(argv)

    @contextmanager
    def reading(self, argv: Sequence[str]) -> Iterator[BinaryIO]:
        self.commands.append(tuple(argv))
        yield io.BytesIO(self.stream)

    @contextmanager
    def meanwhile(
        self,
        argv: Sequence[str],
        *,
        sight: Sight | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
    ) -> Iterator[None]:
        if sight is not None:
            self.sights.append(sight)
            check_sight(argv, sight)
        self.commands.append(tuple(argv))
        self.environments.append(dict(env or {}))
        self.stdins.append(stdin)
        self.beside_now.append(tuple(argv))
        try:
            yield
        finally:
            self.beside_now.remove(tuple(argv))

    @contextmanager
    def mounted(
        self, source: str, target: Path, *, kind: str, options: Sequence[str] = ()
    ) -> Iterator[None]:
        del source, options
        self.mounts.append((kind, target))
        self.mounted_now.append(target)
        try:
            yield
        finally:
            self.mounted_now.remove(target)

    def progress(self, fraction: float) -> None:
        self.fractions.append(fraction)

    def log(self, text: str) -> None:
        pass

    def note(self, message: str, *, warning: bool = False, **values: object) -> None:
        del warning
        self.notes.append(message.format(**values) if values else message)


def make_live(root: Path, settings: LiveSettings) -> tuple[RecordingSystem, list[ChangedPath]]:
    """Apply the rules for the live system to a tree, which is what they see of the system."""
    system, journal = RecordingSystem(), Journal()
    tree = Tree(root, clock=CLOCK, record=journal.record)
    Applying(
        tree=tree,
        live=settings,
        gone=Gone(source=Tree(root), tree=tree, heir=settings.user),
        journal=journal,
        tell=lambda warning: system.note(warning.message, warning=True, **dict(warning.values)),
        progress=system.progress,
    ).apply(session.RULES)
    return system, journal.changes
