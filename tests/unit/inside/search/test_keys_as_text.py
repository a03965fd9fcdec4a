"""Key files that are nothing but letters, and lists of names with a secret behind each."""

import base64
import random

import pytest

from builder.inside.search.contents import ContentSearch
from builder.inside.search.engine import compiled
from builder.inside.search.hardware_addresses import ADDRESS_RULES
from builder.inside.search_rules.keys import KEY_RULES
from builder.inside.search_rules.tokens import TOKEN_RULES

SEARCH = ContentSearch(engine=compiled((*KEY_RULES, *TOKEN_RULES, *ADDRESS_RULES)))
RANDOM = random.Random(11)  # noqa: S311 - the same bytes in every run


def letters(count: int) -> str:
    return base64.b64encode(RANDOM.randbytes(count)).decode()


def lines(count: int, size: int = 48) -> str:
    return "".join(f"{letters(size)}\n" for _number in range(count))


KEY32, KEY64 = letters(32), letters(64)
NUMBERS = ", ".join(str(each) for each in RANDOM.randbytes(32))
UUID = "0a1b2c3d-1111-2222-3333-444455556666"
HEX = RANDOM.randbytes(32).hex()

KEYS = (
    ("/opt/mongo/rs0", lines(16)),
    ("/opt/chef/data_bag", lines(11, 45) + letters(20) + "\n"),
    ("/opt/app/master", KEY32 + "\n"),
    ("/opt/app/master64", KEY64),
    ("/opt/app/urlsafe", KEY32.replace("+", "-").replace("/", "_") + "\n"),
    ("/opt/nix/cache-priv.pem", f"cache.acme.example-1:{KEY64}\n"),
    ("/opt/solana/id.json", f"[{NUMBERS}]"),
    ("/opt/solana/id2.json", str(list(RANDOM.randbytes(64)))),
    ("/opt/zigbee.yaml", f"network_key: [{', '.join(NUMBERS.split(', ')[:16])}]\n"),
    ("/opt/seed.json", f'{{"seed": [{NUMBERS}]}}'),
    ("/opt/borg/nas", f"BORG_KEY {HEX}\n{lines(8, 54)}"),
    ("/opt/tarsnap", f"# START OF TARSNAP KEY FILE\n{lines(8)}# END OF TARSNAP KEY FILE\n"),
    ("/opt/matrix/homeserver.key", f"ed25519 a_AbCd {KEY32.rstrip('=')}\n"),
    ("/opt/cosmos/v.json", f'"priv_key": {{"type": "t/Ed25519", "value": "{KEY64}"}}'),
    ("/opt/cloudflared/cert.pem", f"-----BEGIN ARGO TUNNEL TOKEN-----\n{lines(3)}"),
    ("/opt/x/ga", 'JBSWY3DPEHPK3PXPJBSWY3DPEH\n" RATE_LIMIT 3 30\n" TOTP_AUTH\n12345678\n'),
    ("/opt/bitlocker.txt", "Recovery Key:\n" + "-".join(["123456", "234561"] * 4) + "\n"),
    ("/opt/luks.txt", "recovery-key " + "-".join(["dhbtcdni", "vgluinth"] * 4) + "\n"),
)
NO_KEYS = (
    ("/opt/app/x.pub", KEY32 + "\n"),
    ("/opt/app/publickey", KEY32 + "\n"),
    ("/opt/app/x.sha256", HEX + "\n"),
    ("/opt/app/.git/HEAD", HEX[:40] + "\n"),
    ("/opt/nix/cache-pub.pem", f"cache.acme.example-1:{KEY32}\n"),
    ("/opt/app/words", "configuration\nadministration\nTheQuickBrownFoxJumpsOverTheLazyDog12345\n"),
    ("/opt/app/repeated", "AAAA" * 20 + "\n"),
    ("/opt/app/text", base64.b64encode(b"just a text that is a little longer").decode()),
    ("/usr/share/app/x", KEY32 + "\n"),
    ("/opt/app/steps.json", f"[{', '.join(map(str, range(40)))}]"),
    ("/opt/app/vectors.py", f"key = [{NUMBERS}]\n"),
    ("/opt/app/layout.json", f'"key": [{", ".join(map(str, range(30)))}]'),
    ("/opt/app/help.txt", "Keep the recovery key in a safe. Call 123456-234567 for help.\n"),
    ("/opt/app/x.conf", "BORG_KEY_FILE=/etc/borg/key\n"),
)
LISTS = (
    ("/etc/lighttpd/lighttpd.user", "alice:geheim\nbob:nochmehr\n"),
    ("/etc/collectd/passwd", "alice: geheim\nbob: foobarbaz\n"),
    ("/opt/svn/conf/passwd", "[users]\nharry = harrygeheim\nsally = sallyx\n"),
    ("/opt/conf/realm.properties", "# c\nadmin: geheim,user,admin\n"),
    ("/opt/karaf/users.properties", "karaf = geheim,admin\n"),
    ("/opt/wildfly/mgmt-users.properties", f"admin={HEX[:32]}\n"),
    ("/etc/skel/.config/deluge/auth", f"localclient:{HEX[:40]}:10\n"),
    ("/opt/ha/secrets.yaml", "wlan: geheim123\nalarm: x\nmqtt: nochwas\nfourth: y1\n"),
    ("/opt/app/secrets.json", '{\n "one": "geheim",\n "two": "x"\n}\n'),
    ("/etc/dma/auth.conf", "# user|smarthost:password\nalice|smtp.acme.example:geheim1\n"),
    ("/etc/pam_radius_auth.conf", "10.0.0.9:1812 Sommer2024 3\n"),
    ("/etc/xl2tpd/l2tp-secrets", "* * geheim\n"),
    ("/etc/mail/authinfo", 'AuthInfo:smtp.acme.example "U:alice" "P:geheim"\n'),
    ("/opt/ossec/etc/client.keys", f"001 agent1 any {HEX}\n"),
    ("/etc/skel/.cvspass", "/1 :pserver:alice@cvs.example:2401/cvs Ay=0=h<Z\n"),
)
NO_LISTS = (
    ("/etc/collectd/passwd", "alice:x:1000:1000::/home/alice:/bin/sh\n"),
    ("/etc/lightdm/users.conf", "minimum-uid=500\nhidden-users=nobody\n"),
    ("/opt/app/auth.yaml", "type: basic\nrealm: staff\n"),
    ("/opt/app/users.txt", "alice\nbob\n"),
    ("/opt/app/user", "first:word and more\n"),
    ("/opt/app/accounts", "alice:1000\nbob:1001\n"),
    ("/opt/chart/secrets.yaml", "apiVersion: v1\nkind: Secret\ntype: Opaque\nname: app-secret\n"),
    ("/opt/app/secrets.yml", "a: <%= ENV['A'] %>\nb: ${B}\n"),
    ("/etc/xl2tpd/l2tp-secrets", "# Secrets for authenticating l2tp tunnels\n"),
)
TOKENS = (
    "https://api.telegram.org/bot1234567890:AAHk3x9Qw_Lm5RtZ8vB2nC7yU1pS4dF6gJ0/sendMessage",
    "https://maker.ifttt.com/trigger/x/with/key/dAbC3fGhIjKlMnOpQrStUv",
    "https://hc-ping.com/0d4f8a6b-9c1e-4d7a-8b35-2f60c1d9e7a4",
    f"https://a.webhook.office.com/webhookb2/{UUID}@{UUID}/IncomingWebhook/{HEX[:32]}/x",
    "https://freedns.afraid.org/dynamic/update.php?YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXo6MTIz",
    "syt_YWxpY2U_kQwErTyUiOpAsDfGhJkL_0a1B2c",
    "oauth:a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5",
    "license key: VK7JG-NPHTM-C97JM-9MPGT-3V66T",
    "<serial>VK7JG-NPHTM-C97JM-9MPGT-3V66T</serial>",
)
NO_TOKENS = (
    "product key: XXXXX-XXXXX-XXXXX-XXXXX-XXXXX",
    "serial number 12345-67890",
    "oauth:token",
    "see https://hc-ping.com/ for more",
)
CARDS = (
    ("/etc/dhcp/dhcpd.conf", "host tv { hardware ethernet 3c:22:fb:9a:10:7e; }\n"),
    ("/usr/local/bin/wake", "wakeonlan 3C:22:FB:9A:10:7E\n"),
    ("/etc/modprobe.d/n.conf", "options netconsole netconsole=@/,@10.0.0.2/3c:22:fb:9a:10:7e\n"),
    ("/etc/systemd/network/x", "MACAddress=3c-22-fb-9a-10-7e\n"),
)  # fmt: skip
NO_CARDS = (
    ("/etc/dhcp/dhcpd.conf", "# hardware ethernet 3c:22:fb:9a:10:7e;\n"),
    ("/etc/dhcp/dhcpd.conf", "hardware ethernet 00:11:22:33:44:55;\n"),
    ("/etc/x.conf", "mac = 01:00:5e:00:00:fb\nmac = ff:ff:ff:ff:ff:ff\n"),
    ("/opt/app/vendors", "mac 3c:22:fb:9a:10:7e\n"),
    ("/etc/x.conf", "address = fe80::3c22:fbff:fe9a:107e\n"),
)


def found(path: str, content: str) -> set[str]:
    return {each.kind for each in SEARCH.in_bytes(content.encode(), path=path.encode())}


@pytest.mark.parametrize(("path", "content"), KEYS, ids=[path for path, _text in KEYS])
def test_a_key_file_in_letters_is_found(path: str, content: str) -> None:
    assert "private-key" in found(path, content)


@pytest.mark.parametrize(("path", "content"), NO_KEYS, ids=[path for path, _text in NO_KEYS])
def test_other_letters_are_no_key(path: str, content: str) -> None:
    assert found(path, content) == set()


@pytest.mark.parametrize(("path", "content"), LISTS)
def test_a_list_of_names_and_secrets_is_found(path: str, content: str) -> None:
    assert "secret-file" in found(path, content)


@pytest.mark.parametrize(("path", "content"), NO_LISTS)
def test_other_lists_are_no_secret(path: str, content: str) -> None:
    assert found(path, content) == set()


@pytest.mark.parametrize("text", TOKENS)
def test_an_address_or_a_licence_that_opens_something_is_found(text: str) -> None:
    assert "token" in found("/usr/local/bin/x", f"x {text}\n")


@pytest.mark.parametrize("text", NO_TOKENS)
def test_what_only_looks_like_one_is_none(text: str) -> None:
    assert found("/usr/local/bin/x", f"x {text}\n") == set()


@pytest.mark.parametrize(("path", "content"), CARDS)
def test_a_device_of_the_network_is_found(path: str, content: str) -> None:
    assert "network-card" in found(path, content)


@pytest.mark.parametrize(("path", "content"), NO_CARDS)
def test_other_addresses_are_no_device(path: str, content: str) -> None:
    assert found(path, content) == set()
