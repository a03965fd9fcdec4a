"""Where a Debian system says who it is: the settings that hold its own words.

fstab(5), crypttab(5), mdadm.conf(5), GRUB's and initramfs-tools' settings; hostname(5), hosts(5),
resolv.conf(5); interfaces(5), netplan, systemd.network(5), NetworkManager's keyfile format,
wpa_supplicant.conf(5), iwd.network(5), ConnMan; ssh-keygen(1); aliases(5), git-config(1).
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """A word as a setting says it; a `weak` one counts only where it can mean nothing else."""

    kind: str
    word: str
    weak: bool = False


MAC: Final = re.compile(rb"(?<![\w:])[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}(?![\w:])")
_UUID: Final = rb"(?<![\w-])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![\w-])"
_DISK: Final = re.compile(
    rb"(" + _UUID + rb")|UUID=\"?([0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}|[0-9A-Fa-f]{16}|[0-9A-Fa-f-]{11})\b"
    rb"|\b([0-9a-f]{8}(?::[0-9a-f]{8}){3})\b"  # md
    rb"|\bid = \"([A-Za-z0-9]{6}(?:-[A-Za-z0-9]{4}){5}-[A-Za-z0-9]{6})\""  # LVM
    rb"|/by-id/([\w.:@+-]{8,120})|ID_SERIAL(?:_SHORT)?}?==\"([^\"]{6,80})\""
    rb"|PARTUUID=\"?([0-9A-Fa-f]{8}-[0-9A-Fa-f]{2})\b"
)
_PART: Final = re.compile(rb"-part\d{1,3}$")
_LABEL: Final = re.compile(rb"(?<!PART)LABEL=\"?([^\s\",]{2,64})")
_SSID: Final = re.compile(
    rb"^\s*(?:ssid|Name|wpa-ssid|wpa-essid|wireless-essid)[ \t]{0,4}[ =][ \t]{0,4}"
    rb"(\"[^\"\n]{1,64}\"|[^\n]{1,200})",
    re.MULTILINE,
)
_ACCESS_POINT: Final = re.compile(rb"^\s{6,}[\"']([^\"'\n]{1,64})[\"']:", re.MULTILINE)
_SSID_BYTES: Final = re.compile(rb"(?:\d{1,3};){1,32}$")
_ADDRESS: Final = re.compile(
    rb"(?<![\w.:])((?:\d{1,3}\.){3}\d{1,3}|[0-9A-Fa-f]{1,4}:[0-9A-Fa-f:]{3,38})(?![\w.:])"
)
_MAIL: Final = re.compile(
    rb"(?<![\w.+-])[\w.+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,5}(?![\w-])"
)
_HOST_WORD: Final = re.compile(rb"[A-Za-z0-9][A-Za-z0-9.-]{1,252}")
_KEY: Final = re.compile(
    rb"(?:ssh-|ecdsa-|sk-)\S{1,60}\s+([A-Za-z0-9+/]{40,})={0,2}(?:[ \t]+([^\n]{1,200}))?"
)
_GIT: Final = re.compile(rb"^\s*name\s*=\s*([^\n]{1,100})", re.MULTILINE)

_DISKS: Final = (
    "/etc/fstab", "/etc/fstab.*", "/etc/fstab-", "/etc/fstab~", "/etc/crypttab", "/etc/crypttab.*",
    "/etc/mdadm/mdadm.conf", "/etc/mdadm.conf", "/etc/default/grub", "/etc/default/grub.d/*",
    "/etc/kernel/cmdline", "/etc/initramfs-tools/conf.d/*", "/boot/grub/grub.cfg",
    "/boot/grub/device.map", "/boot/loader/entries/*", "/boot/efi/loader/entries/*",
    "/etc/lvm/backup/*", "/etc/lvm/archive/*", "/etc/udev/rules.d/*", "/etc/smartd.conf",
    "/etc/hdparm.conf", "/etc/systemd/system/*.mount", "/etc/systemd/system/*.swap",
    "/var/cache/debconf/config.dat", "/etc/dracut.conf.d/*", "/etc/auto.*",
    "/etc/multipath/wwids", "/etc/multipath/bindings", "/etc/zfs/zpool.cache", "/.disk/info",
)  # fmt: skip
_NETWORKS: Final = (
    "/etc/network/interfaces", "/etc/network/interfaces.d/*", "/etc/netplan/*",
    "/etc/systemd/network/*", "/etc/NetworkManager/system-connections/*",
    "/etc/NetworkManager/conf.d/*", "/var/lib/NetworkManager/*", "/etc/wpa_supplicant/*",
    "/var/lib/connman/*/settings", "/etc/udev/rules.d/*", "/etc/ethers",
    "/var/lib/dhcp/*", "/etc/dhcp/dhclient.conf", "/etc/dhcp/dhcpd.conf", "/etc/hostapd/*",
    "/etc/dnsmasq.conf", "/etc/dnsmasq.d/*",
    "/etc/cloud/cloud.cfg.d/*",
)  # fmt: skip
_HOSTS: Final = ("/etc/hostname", "/etc/mailname", "/etc/hosts", "/etc/resolv.conf")
_IDS: Final = ("/etc/machine-id", "/var/lib/dbus/machine-id", "/etc/hostid")
_KEYS: Final = ("/etc/ssh/*.pub",)
_PEOPLE: Final = (
    "/etc/aliases", "/etc/email-addresses", "/root/.forward", "/etc/gitconfig", "/root/.gitconfig",
    "/home/*/.gitconfig", "/home/*/.config/git/config", "/etc/cloud/cloud.cfg.d/*", "/etc/crontab",
    "/etc/cron.d/*", "/etc/apt/apt.conf.d/*", "/etc/mdadm/mdadm.conf", "/etc/smartd.conf",
    "/etc/fail2ban/jail.d/*",
)  # fmt: skip

PATTERNS: Final = tuple(dict.fromkeys((*_DISKS, *_NETWORKS, *_HOSTS, *_IDS, *_KEYS, *_PEOPLE)))


def hints(files: Iterable[tuple[str, str, bytes]]) -> Iterator[Hint]:
    """Yield the words of files; each comes with the pattern that named it, and its path."""
    for pattern, path, content in files:
        lines = b"\n".join(
            line for line in content.split(b"\n") if not line.lstrip().startswith((b"#", b";"))
        )
        if pattern in _DISKS:
            yield from _disks(lines)
        if pattern in _NETWORKS:
            yield from _networks(lines, path)
        if pattern in _HOSTS:
            yield from _hosts(lines, path)
        if pattern in _IDS:
            yield from _ids(content)
        if pattern in _KEYS:
            yield from _keys(content)
        if pattern in _PEOPLE:
            yield from _people(lines)


def _disks(content: bytes) -> Iterator[Hint]:
    for found in _DISK.finditer(content):
        word = _text(next(group for group in found.groups() if group))
        yield Hint(kind="disk-id", word=_text(_PART.sub(b"", word.encode())))
    for found in _LABEL.finditer(content):
        yield Hint(kind="disk-id", word=_text(found[1]), weak=True)


def _networks(content: bytes, path: str) -> Iterator[Hint]:
    for found in MAC.finditer(content):
        yield Hint(kind="network-card", word=_text(found[0]))
    for found in _ADDRESS.finditer(content):
        yield Hint(kind="network-address", word=_text(found[1]))
    if "/udev/" in path:
        return
    for found in _SSID.finditer(content):
        yield Hint(kind="network-name", word=_ssid(found[1].strip()))
    if "/netplan/" in path:
        for found in _ACCESS_POINT.finditer(content):
            yield Hint(kind="network-name", word=_text(found[1]))


def _ssid(value: bytes) -> str:
    """Return an SSID as NetworkManager ("72;111;"), wpa_supplicant (hex) or a person writes it."""
    if value[:1] == b'"':
        return _text(value.strip(b'"'))
    if _SSID_BYTES.fullmatch(value):
        numbers = [int(each) for each in value.split(b";") if each]
        return _text(bytes(each for each in numbers if each < 256))
    if len(value) >= 8 and len(value) % 2 == 0 and re.fullmatch(rb"[0-9a-f]+", value):
        return _text(bytes.fromhex(value.decode()))
    return _text(value)


def network_of(name: str) -> str:
    """Return the network that iwd named a file after: other characters come as "=" and hex."""
    try:
        return _text(bytes.fromhex(name[1:])) if name.startswith("=") else name
    except ValueError:
        return name


def _hosts(content: bytes, path: str) -> Iterator[Hint]:
    for line in content.split(b"\n"):
        fields = line.split(b"#")[0].split()
        if path.endswith("/hosts"):
            # Only what the machine calls itself: 127.0.1.1 and its like.
            fields = fields[1:] if fields and fields[0].startswith((b"127.", b"::1")) else []
        elif path.endswith("/resolv.conf"):
            fields = fields[1:] if fields[:1] in ([b"search"], [b"domain"]) else []
        for field in fields:
            if _HOST_WORD.fullmatch(field):
                yield Hint(kind="host-name", word=_text(field).rstrip("."))


def _ids(content: bytes) -> Iterator[Hint]:
    found = re.match(rb"[0-9a-fA-F]{32}", content)
    if found:
        yield Hint(kind="machine-id", word=_text(found[0]))


def _keys(content: bytes) -> Iterator[Hint]:
    for found in _KEY.finditer(content):
        yield Hint(kind="host-key", word=_text(found[1]))
        if found[2] and b"@" in found[2]:
            yield Hint(kind="host-key", word=_text(found[2].strip()))


def _people(content: bytes) -> Iterator[Hint]:
    for found in _MAIL.finditer(content):
        yield Hint(kind="mail-address", word=_text(found[0]))
    if b"[user]" in content:
        for found in _GIT.finditer(content):
            yield Hint(kind="real-name", word=_text(found[1]).strip().strip('"'))


def _text(word: bytes) -> str:
    return word.decode("utf-8", "replace")
