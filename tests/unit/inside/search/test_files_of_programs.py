"""Secrets in the files and on the command lines of programs that have a form of their own."""

import time

import pytest

from builder.inside.search.contents import ContentSearch
from builder.inside.search.engine import compiled
from builder.inside.search_rules.credentials import CREDENTIAL_RULES
from builder.inside.search_rules.hashes import HASH_RULES
from builder.inside.search_rules.secret_forms import SECRET_FORMS
from builder.inside.search_rules.several_lines import SEVERAL_LINES_RULES

SEARCH = ContentSearch(engine=compiled((*CREDENTIAL_RULES, *SEVERAL_LINES_RULES, *HASH_RULES)))
HEX = "9f8e7d6c5b4a39281706f5e4d3c2b1a0"
MIXED = "F6bGHkTvkwDyPPQH7uZ2"

PAIRS = (
    ("/etc/haproxy/haproxy.cfg", "listen s\n  stats auth admin:geheim\n"),
    ("/etc/motion/motion.conf", "webcontrol_authentication alice:geheim\n"),
    ("/etc/motion/camera1.conf", "netcam_userpass alice:geheim\n"),
    ("/etc/turnserver.conf", "user=alice:geheim\n"),
    ("/etc/postfix/main.cf", "smtp_sasl_password_maps = static:alice:geheim\n"),
    ("/etc/postfix/main.cf", "smtp_sasl_password_maps = inline:{relay=geheim}\n"),
    ("/etc/tinyproxy/tinyproxy.conf", "BasicAuth alice geheim\n"),
    ("/etc/proxychains4.conf", "[ProxyList]\nsocks5 10.0.0.1 1080 alice geheim\n"),
    ("/etc/3proxy/3proxy.cfg", "users alice:CL:geheim\n"),
    ("/etc/asterisk/sip.conf", "register => 1234:geheim@sip.acme.example/1234\n"),
    ("/etc/asterisk/iax.conf", "register = alice:geheim@iax.acme.example\n"),
    ("/opt/app/db.properties", "url=jdbc:oracle:thin:scott/geheim1@//db:1521/x\n"),
)
DIRECTIVES = (
    ("/etc/nut/upsmon.conf", "MONITOR ups@localhost 1 upsmon geheim master\n"),
    ("/etc/nut/upsmon.conf", "MONITOR ups@nas 1 monuser Zx81spectrum secondary\n"),
    ("/etc/haproxy/haproxy.cfg", "userlist u\n  user bob insecure-password geheim\n"),
    ("/usr/local/etc/vpnc.conf", "IPSec secret geheim\n"),
    ("/usr/local/etc/vpnc.conf", "Xauth password geheim\n"),
    ("/boot/isolinux/menu.cfg", "MENU MASTER PASSWD geheim\n"),
    ("/etc/tacacs/tac_plus.conf", 'user = alice { login = cleartext "geheim" }\n'),
    ("/etc/rancid/clogin", "add password sw1 {geheim} {enablegeheim}\n"),
    ("/opt/backup/wireless", "\toption key 'geheim123'\n"),
    ("/opt/backup/network", "\toption password 'geheim123'\n"),
    ("/opt/backup/switch.cfg", "username alice password 7 094F471A1A0A\n"),
    ("/opt/backup/switch.cfg", "line vty 0 4\n password 0 s3cret\n"),
    ("/opt/backup/switch.cfg", "snmp-server community s3cret RO\n"),
    ("/opt/backup/router.cfg", "crypto isakmp key S3cretKey address 10.2.3.4\n"),
    ("/opt/backup/router.cfg", "tacacs-server host 10.0.0.1 key xyzgeheim\n"),
    ("/etc/snmp/snmptrapd.conf", "authCommunity log,execute,net geheim\n"),
    ("/etc/nagios4/resource.cfg", "$USER3$=geheim12\n"),
    ("/etc/asterisk/voicemail.conf", "1234 => 4242,Alice Novak,alice@acme.example\n"),
    ("/etc/irssi.conf", 'autosendcmd = "/msg NickServ identify geheim";\n'),
    ("/opt/weechat/irc.conf", 'command = "/msg nickserv identify alice geheim12"\n'),
    ("/opt/fetchmail/rc", "user alice there with password geheim is alice here\n"),
    ("/opt/fetchmail/rc", 'user alice with pass "geheim"\n'),
    ("/opt/wifi.txt", "WIFI:S:MeinNetz;T:WPA;P:geheim123;;\n"),
    ("/etc/liboath/users", "HOTP/T30/6 bob - 3132333435363738393031323334353637383930\n"),
    ("/opt/gammu/smsdrc", "[gammu]\npin = 4711\n"),
    ("/etc/keepalived/keepalived.conf", "authentication {\n  auth_pass geheim\n}\n"),
    ("/opt/mbsync/rc", "IMAPAccount x\nPass geheim\n"),
    ("/etc/courier/authmysqlrc", "MYSQL_PASSWORD\t\tgeheim\n"),
    ("/etc/pve/storage.cfg", "pbs: nas\n\tpassword geheim\n\tusername x\n"),
)
BRACKETS = (
    ("/opt/trojan.json", '{"password": ["geheim123", "nochwas4"]}\n'),
    ("/opt/vault/init.json", '{"unseal_keys_b64": ["q7Zt9Wc3Lk5Rv2Xp"]}\n'),
    ("/opt/app/x.yml", "access_tokens: ['q7Zt9Wc3Lk5Rv2Xp']\n"),
    ("/opt/rabbit/advanced.config", '[{rabbit,[{default_pass,<<"geheim">>}]}].\n'),
    ("/opt/ejabberd/x.cfg", '{odbc_password, "geheim"}.\n'),
    ("/etc/phpldapadmin/config.php", "$servers->setValue('login','bind_pass','geheim');\n"),
    ("/opt/kafka/jaas.conf", 'PlainLoginModule required user_admin="admingeheim";\n'),
    ("/opt/kafka/jaas.conf", 'X required\n  user_super="geheim";\n'),
    ("/opt/eth/UTC--2021", f'{{"crypto":{{"cipher":"aes-128-ctr","ciphertext":"{HEX}"}}}}'),
)
MADE_UP = (
    ("/opt/newrelic.yml", f"license_key: {HEX}\n"),
    ("/opt/airflow/airflow.cfg", "fernet_key = zW3xKq9LmN2vB7tR5yU8iO1pA4sD6fG0hJ_kL-cXvE8=\n"),
    ("/opt/pagerduty.yml", f"  - service_key: '{HEX}'\n"),
    ("/etc/icinga2/constants.conf", f'const TicketSalt = "{HEX}"\n'),
    ("/opt/certbot/ovh.ini", "dns_ovh_consumer_key = Xw7Kq3Lm9Nv2Bt5R\n"),
    ("/etc/apt/sources.list.d/a.list", f"deb https://packages.example/priv/{HEX}/x any main\n"),
    ("/etc/apt/sources.list.d/a.sources", f"URIs: https://dl.example/{MIXED}/acme/deb\n"),
)
COMMANDS = (
    "mosquitto_pub -h h -u alice -P geheim -t x",
    "ipmitool -I lanplus -H h -U ADMIN -P ADMIN123 power on",
    "sqlcmd -S db -U sa -P Geheim1",
    "unzip -P geheim12 x.zip",
    "plink -pw geheim alice@h",
    "rdesktop -u alice -p geheim h",
    "ncftpput -u alice -p geheim h / x",
    "docker login -u alice -p geheim r.example",
    "podman login r.example -u alice -p geheim",
    "sendemail -f a -t b -xu alice -xp geheim",
    "swaks --to x -au alice -ap geheim12",
    "kadmin -p admin/admin -w geheim -q x",
    "ssh-keygen -t rsa -N geheim12 -f x",
    "openssl enc -aes-256-cbc -k geheim12 -in x",
    "snmpwalk -v2c -c geheim12 10.0.0.1",
    "snmpget -v3 -u a -A authgeheim -X privgeheim h x",
    "xfreerdp /u:alice /p:geheim /v:h",
    "keytool -genkey -storepass geheim12",
    "nmcli dev wifi connect X password geheimnis",
    "nmcli con mod X wifi-sec.psk geheimnis",
    "iwconfig wlan0 key s:abcde",
    "nsupdate -y hmac-sha256:name:q7Zt9Wc3Lk5Rv2Xp= x",
    "rabbitmqctl add_user alice geheim12",
    "wpa_passphrase MeinNetz geheim123",
    "mc alias set m https://m.example AKx9 wJalrXUtnFEMIK7MDENG",
    "aws configure set aws_secret_access_key wJalrXUtnFEMIK7MDENG",
    "git config --global acme.token wJalrXUtnFEMIK7",
    "sqlplus scott/geheim1@db @x",
    "smbclient //h/s geheim12 -U alice",
    "mount -o username=a%geheim12 //h/s /m",
    "chisel client --auth alice:geheim https://x R:80",
    "ttyd -c alice:geheim bash",
    "http -a alice:geheim12 GET https://x",
    f"agent --license-key {HEX} start",
    "erl -setcookie geheimkeks",
    "imapsync --password1 geheim --host2 c",
    "wget --http-password=geheim https://x",
    "curl --proxy-pass geheim https://x",
    "echo geheim12 | openconnect --passwd-on-stdin -u alice vpn",
    "printf 'geheim12' | cryptsetup luksOpen /dev/sdb x -",
    "yes geheim12 | passwd alice",
)
SEVERAL = (
    ("/etc/grub.d/40_custom", "set superusers=alice\npassword alice geheim\n"),
    ("/etc/cloud/x.cfg", "chpasswd:\n  list: |\n    root:geheim123\n    a:b\n  expire: false\n"),
    ("/etc/cloud/x.cfg", "chpasswd:\n  expire: false\n  list:\n    - root:geheim123\n"),
    ("/opt/unattend.xml", "<AdministratorPassword><Value>UABhAHMAcw==</Value></X>\n"),
    ("/opt/unattend.xml", "<Password>\n  <Value>geheim12</Value>\n</Password>\n"),
    ("/opt/svn.simple/abc", "K 8\npasstype\nV 6\nsimple\nK 8\npassword\nV 6\ngeheim\nEND\n"),
    ("/etc/skel/.config/filezilla/x.xml", '<Pass encoding="base64">Z2VoZWlt</Pass>\n'),
    ("/usr/local/bin/x", "sshfs -o password_stdin h: /m <<< 'geheim12'\n"),
    ("/opt/x.json", '"vmess", "clients": [{"id": "0d4f8a6b-9c1e-4d7a-8b35-2f60c1d9e7a4"}]\n'),
    ("/etc/prosody/prosody.cfg.lua", 'Component "x"\n  component_secret = "geheim"\n'),
    ("/etc/backuppc/config.pl", "$Conf{RsyncdPasswd} = 'geheim';\n"),
    ("/etc/mailman/mm_cfg.py", "SITE_PASSWORD = 'geheim'\n"),
    ("/opt/weblogic/boot.properties", "password={AES}wJalrXUtnFEMIK7MDENGx8==\n"),
)
HASHES = (
    ("/opt/rabbit/definitions.json", '{"password_hash":"kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30"}'),
    ("/opt/app.conf", f"admin_password_sha256 = {HEX}{HEX}\n"),
    ("/opt/switch.cfg", f"enable secret 9 $9${'aB' * 7}${'cD3' * 14}x\n"),
    ("/opt/couchdb/local.ini", f"admin = -pbkdf2-{HEX}aabbccdd,{HEX},10\n"),
    ("/opt/neo4j/auth", f"neo4j:SHA-256,{HEX.upper()}{HEX.upper()},{HEX.upper()}:\n"),
    ("/opt/jetty/etc/x", "jetty: OBF:1vn21ugu1saj1v9i1v941sar1ugw1vo0,user\n"),
    ("/etc/cntlm.conf", "PassNTLMv2 D5826E9C665C37C80B53397D5C07BBCB\n"),
    ("/opt/qt.conf", f'P="@ByteArray({"aB3d" * 5}aB==:{"xY7z" * 20})"\n'),
    ("/opt/solr/security.json", f'{{"solr":"{"aB3" * 14}x= {"cD4" * 14}y="}}'),
    ("/opt/people.ldif", "userPassword:: Z2VoZWltMTI=\n"),
    ("/etc/nginx/logins", "bob:rl.3Sv8N2h7Zk\nalice:xyJkFu2LPm.9I\n"),
)

NOTHING = (
    ("/etc/x.yml", "auth: basic\nlogin: www-data:www-data\nuser=alice:users\n"),
    ("/etc/x.yml", 'login: alice:alice\ntype: "urn:ietf:params:oauth:token-type:saml2"\n'),
    ("/etc/dovecot/x.conf", "auth_mechanisms = plain login\n"),
    ("/etc/proxychains.conf", "socks4 127.0.0.1 9050\n"),
    ("/etc/postfix/main.cf", "virtual_uid_maps = static:5000\n"),
    ("/etc/asterisk/sip.conf", "register => alice@sip.acme.example\n"),
    ("/etc/x.conf", "MONITOR = yes\nMENU TITLE Boot\noption keyboard de-latin1\n"),
    ("/etc/x.conf", 'Option "XkbLayout" "de"\n'),
    ("/etc/ntp.conf", "server ntp.example key 5 iburst\ntrustedkey 1 2\n"),
    ("/etc/nagios4/resource.cfg", "$USER1$=/usr/lib/nagios/plugins\n"),
    ("/opt/app/table.php", "65 => 9731,\n66 => 9732,\n"),
    ("/opt/app/help.txt", "Log in with password authentication.\nSet token expiry to 5.\n"),
    ("/opt/app/help.txt", "password required\nPassword incorrect\npass through\n"),
    ("/etc/nginx/x.conf", "proxy_pass backend;\nfastcgi_pass php8;\nuwsgi_pass app1\n"),
    ("/etc/x.conf", "gpio_pin = 17\nspin = 1234\nPin: release a=stable\n"),
    ("/opt/model/tokenizer.json", '{"tokens": ["hello", "world"]}\n'),
    ("/opt/compose.yml", 'secrets: ["db_password"]\n'),
    ("/opt/app/rules.php", "'password' => ['required', 'min:8'],\n"),
    ("/opt/app/y.py", 'Credentials(token="token123")  # or --root-password=password123\n'),
    ("/opt/app/x.py", '>>> headers(user_agent="Batman/1.0", key="c6b8hTg4EeGb2gQMztV1/g==")\n'),
    ("/etc/x.conf", f"public_key = {MIXED}{MIXED}\nkeyid = {HEX}\n"),
    ("/etc/x.conf", "signing_key = 3AA5C34371567BD2B0F9A1C7E8D4056F1234ABCD\n"),
    ("/etc/x.conf", "host_key = AAAAC3NzaC1lZDI1NTE5AAAAIGb9ECWmEzf6FQbrBZ9w7\n"),
    ("/etc/x.conf", "cookie = SessionCookieOfTheApplication\nseed = 1234567890123456\n"),
    ("/etc/apt/sources.list", "deb https://deb.example/debian-security-archive/pool/ x main\n"),
    ("/opt/x.ts", "passwordHash: computePasswordHashFromCleartext,\n"),
    ("/opt/x.yml", "password_hash: computePasswordHashFromCleartext\n"),
    ("/opt/notes", "name:Configuration\nbob:Administrator\n"),
    ("/usr/local/bin/x", "docker run -p 8080:80 x\nssh-keygen -N '' -f x\nunzip -P \"$PW\" x\n"),
    ("/usr/local/bin/x", "snmpwalk -c public h\nopenssl req -keyout x -key y.pem\n"),
    ("/usr/local/bin/x", "keytool -storepass changeit\nsmbclient //h/s -U alice\n"),
    ("/usr/local/bin/x", "gpg --recv-key 3AA5C34371567BD2B0F9A1C7E8D4056F1234ABCD\n"),
    ("/usr/local/bin/x", "sqlplus / as sysdba\nurl='user=abc&query=first%2Csecond'\n"),
    ("/usr/local/bin/x", "echo done | tee log\nyes | apt-get install x\necho $PW | passwd x\n"),
    ("/usr/local/lib/x.tcl", "set token [namespace current]::[incr uid]\n"),
    ("/opt/x.json", '"vmess", "clients": [{"id": ""}]\n'),
    ("/opt/login.exp.txt", "set password $env(PASSWORD)\n"),
)


def found(path: str, content: str) -> set[str]:
    return {each.kind for each in SEARCH.in_bytes(content.encode(), path=path.encode())}


@pytest.mark.parametrize(("path", "content"), [*PAIRS, *DIRECTIVES, *BRACKETS, *MADE_UP, *SEVERAL])
def test_a_secret_in_a_form_of_a_program_is_found(path: str, content: str) -> None:
    assert "credential" in found(path, content)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_secret_on_a_command_line_is_found(command: str) -> None:
    assert "credential" in found("/usr/local/bin/x", f"#!/bin/sh\n{command}\n")


@pytest.mark.parametrize(("path", "content"), HASHES)
def test_hashes_of_servers_are_found(path: str, content: str) -> None:
    assert "password-hash" in found(path, content)


@pytest.mark.parametrize(("path", "content"), NOTHING)
def test_what_is_said_in_a_like_form_is_none(path: str, content: str) -> None:
    assert found(path, content) == set()


def test_no_line_takes_a_form_long() -> None:
    """A hostile tree may have any number of lines like this one."""
    line = b"a/passw" * 220
    began = time.process_time()
    assert not any(form.pattern.search(line) for form in SECRET_FORMS)
    assert time.process_time() - began < 0.1
