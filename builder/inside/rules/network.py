"""The networks the source machine knew: names, addresses and passwords."""

import ipaddress
from typing import Final

from builder.formats.recipe import LiveSettings
from builder.inside.rules.rule import Rule, Warned, add, expand, lines_of, put_lines
from builder.inside.tree.tree import Tree

_STUBS: Final = (
    "/run/systemd/resolve/",
    "/run/NetworkManager/",
    "/run/resolvconf/",
    "/run/connman/",
    "/usr/lib/systemd/resolv.conf",
    "/lib/systemd/resolv.conf",
)

_INTERFACES: Final = b"""\
# The network interfaces of the source machine were here.
source /etc/network/interfaces.d/*

auto lo
iface lo inet loopback
"""

_NETPLAN_NM: Final = b"""\
# The networks of the source machine were here.
network:
  version: 2
  renderer: NetworkManager
"""
_NETPLAN: Final = b"""\
# The networks of the source machine were here.
network:
  version: 2
  ethernets:
    wired:
      match:
        name: "e*"
      dhcp4: true
      dhcp6: true
      optional: true
"""
_NETWORKD: Final = b"""\
# The networks of the source machine were here.
[Match]
Name=e*
Type=ether

[Link]
RequiredForOnline=no

[Network]
DHCP=yes
"""
_ALL_NETPLAN: Final = "/etc/netplan/*.yaml"
_ALL_NETWORKD: Final = "/etc/systemd/network/*.network"

_EVERYBODYS: Final = (
    "fe00::0",
    "fe00::",
    "ff00::0",
    "255.255.255.255",
)  # in hosts(5) of every Debian
_HOSTS: Final = """\
127.0.0.1\tlocalhost
127.0.1.1\t{hostname}

::1\tlocalhost ip6-localhost ip6-loopback
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
"""


def set_hostname(tree: Tree, live: LiveSettings) -> tuple[Warned, ...]:
    """Give the system the host name of live settings, wherever it had another."""
    former = _former_name(tree)
    add(tree, "/etc/hostname", f"{live.hostname}\n".encode())
    if tree.exists("/etc/mailname"):
        add(tree, "/etc/mailname", f"{live.hostname}\n".encode())
    lines = lines_of(tree, "/etc/hosts")
    if not lines:
        add(tree, "/etc/hosts", _HOSTS.format(hostname=live.hostname).encode())
    else:
        put_lines(tree, "/etc/hosts", _hosts(lines, former=former, hostname=live.hostname))
    return ()


def _former_name(tree: Tree) -> str:
    lines = lines_of(tree, "/etc/hostname") or []
    names = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    name = names[0].split(".")[0].lower() if names else ""
    return "" if name == "localhost" else name


def _hosts(lines: list[str], *, former: str, hostname: str) -> list[str]:
    """Return hosts(5) lines with the former name of this machine replaced by the new one."""
    kept: list[str] = []
    for line in lines:
        address, *names = line.split("#")[0].split() or [""]
        if _is_in_own_network(address):
            continue
        if not names:
            kept += [] if former and former in line.lower() else [line]
        elif address != "127.0.1.1":
            left = [name for name in names if name.split(".")[0].lower() != former]
            if left == names:
                kept.append(line)
            elif left:
                kept.append(f"{address}\t{' '.join(left)}\n")
    own = f"127.0.1.1\t{hostname}\n"
    if kept and not kept[-1].endswith("\n"):
        kept[-1] += "\n"
    after = next((i for i, line in enumerate(kept, 1) if line.split()[:1] == ["127.0.0.1"]), 0)
    return [*kept[:after], own, *kept[after:]]


def _is_in_own_network(address: str) -> bool:
    """Whether an address has a meaning in the networks of the source machine alone."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    general = parsed.is_loopback or parsed.is_unspecified or parsed.is_multicast
    return not general and not parsed.is_global and address not in _EVERYBODYS


def _drop_resolv_conf(tree: Tree, _live: LiveSettings) -> tuple[Warned, ...]:
    target = tree.link_target("/etc/resolv.conf")
    if target is None or not _is_stub(target):
        tree.remove("/etc/resolv.conf")
    return ()


def _is_stub(target: str) -> bool:
    absolute = "/" + target.removeprefix("../").lstrip("/")
    return absolute.startswith(_STUBS) and "/../" not in absolute


def _reset_interfaces(tree: Tree, _live: LiveSettings) -> tuple[Warned, ...]:
    if tree.exists("/etc/network/interfaces"):
        add(tree, "/etc/network/interfaces", _INTERFACES)
    return ()


def _ask_any_wired_network(tree: Tree, _live: LiveSettings) -> tuple[Warned, ...]:
    """live-boot does this for ifupdown, and NetworkManager does not need it."""
    managed = tree.is_file("/usr/sbin/NetworkManager")
    for pattern, path, text, mode in (
        # netplan warns when others may read its files
        (_ALL_NETPLAN, "/etc/netplan/90-live.yaml", _NETPLAN_NM if managed else _NETPLAN, 0o600),
        (_ALL_NETWORKD, "/etc/systemd/network/90-live.network", _NETWORKD, 0o644),
    ):
        found = expand(tree, (pattern,))
        for former in found:
            tree.remove(former)
        if found:
            add(tree, path, text, mode=mode)
    return ()


RULES: Final = (
    Rule(
        name="host-name",
        reason="the ISO has its own host name (live.hostname), and no names of other machines in "
        "the source's networks",
        edits=("/etc/hostname", "/etc/hosts", "/etc/mailname"),
        removes=("/etc/machine-info",),
        edit=set_hostname,
    ),
    Rule(
        name="resolver",
        reason="name servers of the source's network; a link into /run stays",
        edits=("/etc/resolv.conf",),
        removes=("/etc/resolvconf/resolv.conf.d/original", "/etc/resolvconf/resolv.conf.d/tail"),
        edit=_drop_resolv_conf,
    ),
    Rule(
        name="network-manager",
        reason="Wi-Fi and VPN passwords, and known networks",
        removes=("/etc/NetworkManager/system-connections/*", "/var/lib/NetworkManager/*"),
    ),
    Rule(
        name="wireless-daemons",
        reason="Wi-Fi names and passwords",
        removes=("/etc/wpa_supplicant/*.conf", "/var/lib/iwd/*", "/var/lib/connman/*",
                 "/etc/wicd/*.conf", "/etc/hostapd/*.conf", "/etc/hostapd/*.psk"),
    ),
    Rule(
        name="interfaces",
        reason="addresses, Wi-Fi and dial-up passwords of the source machine",
        removes=("/etc/network/interfaces.d/*", "/etc/systemd/network/*.netdev"),
        edits=("/etc/network/interfaces",),
        edit=_reset_interfaces,
    ),
    Rule(
        name="network-files",
        reason="addresses and Wi-Fi passwords; replaced by DHCP on any wired network, because "
        "without a file there would be no network at all",
        edits=(_ALL_NETPLAN, _ALL_NETWORKD),
        edit=_ask_any_wired_network,
    ),
    Rule(
        name="leases",
        reason="addresses that the source machine was assigned",
        removes=("/var/lib/dhcp/*", "/var/lib/dhcpcd/*", "/var/lib/dhcpcd5/*",
                 "/var/lib/systemd/network/*", "/var/lib/systemd/timesync/*",
                 "/var/lib/dhclient/*", "/etc/dhcpcd.duid", "/etc/dhcpcd.secret",
                 "/var/lib/misc/*.leases"),
    ),
    Rule(
        name="bluetooth",
        reason="paired devices and their keys",
        removes=("/var/lib/bluetooth/*",),
    ),
    Rule(
        name="dial-up",
        reason="user names and passwords of internet providers",
        removes=("/etc/ppp/*-secrets", "/etc/ppp/peers/*", "/etc/chatscripts/*",
                 "/etc/wvdial.conf"),
    ),
    Rule(
        name="vpn",
        reason="keys and passwords of VPNs",
        removes=("/etc/wireguard/*", "/etc/openvpn/*.conf", "/etc/openvpn/*.key",
                 "/etc/openvpn/*.p12", "/etc/openvpn/*.ovpn", "/etc/openvpn/*.auth",
                 "/etc/openvpn/client/*", "/etc/openvpn/server/*", "/etc/openvpn/easy-rsa",
                 "/etc/openvpn/*.txt", "/etc/openvpn/*.pem", "/etc/openvpn/*pass*",
                 "/etc/openvpn/*cred*", "/etc/openvpn/*login*", "/etc/openvpn/keys",
                 "/etc/openfortivpn/config*", "/etc/mullvad-vpn/*", "/var/lib/nordvpn/*",
                 "/etc/ipsec.secrets", "/etc/ipsec.d/private/*", "/etc/swanctl/private/*",
                 "/etc/swanctl/rsa/*", "/etc/swanctl/ecdsa/*", "/etc/swanctl/pkcs8/*",
                 "/etc/swanctl/pkcs12/*", "/etc/swanctl/conf.d/*", "/etc/tinc/*", "/etc/nebula/*",
                 "/var/lib/tailscale/*", "/var/lib/zerotier-one/identity.*",
                 "/var/lib/zerotier-one/authtoken.secret", "/etc/vpnc/*.conf"),
    ),
)  # fmt: skip
