"""Credentials in settings, scripts and command lines, and what only looks like them."""

import pytest

from builder.inside.search.contents import ContentSearch
from builder.inside.search.engine import compiled
from builder.inside.search_rules.credentials import CREDENTIAL_RULES
from builder.inside.search_rules.several_lines import SEVERAL_LINES_RULES

SEARCH = ContentSearch(engine=compiled((*CREDENTIAL_RULES, *SEVERAL_LINES_RULES)))

SETTINGS = (
    ("/etc/app.conf", "password = hunter2"),
    ("/etc/app.ini", "[db]\nuser=app\npasswd=Sommer2024!"),
    ("/etc/app.yaml", "smtp:\n  password: 'correct horse'\n"),
    ("/etc/app.json", '{"user": "x", "apiKey": "4f2d8a9b1c"}'),
    ("/etc/app.toml", 'secret_key = "u8Hq2kLm"'),
    ("/opt/app/.env", "DB_PASSWORD=pg_app_1\nSECRET_KEY_BASE=abcdef1234\n"),
    ("/etc/default/app", 'export API_TOKEN="9d8f7a6b5c"'),
    ("/var/www/html/wp-config.php", "define( 'DB_PASSWORD', 'wpS3cret' );"),
    ("/var/www/html/config.php", "$cfg['password'] = 'pmaS3cret9';"),
    ("/opt/app/web.xml", "<dataSource><password>tomcat1</password></dataSource>"),
    ("/opt/app/server.xml", '<Connector keystorePassword="changeit1" />'),
    ("/etc/fstab", "//nas/team /mnt cifs username=a,password=Geh3im,uid=1000 0 0"),
    ("/etc/nas.cred", "username=alice\npassword=Geheim1\ndomain=ACME\n"),
    ("/etc/NetworkManager/system-connections/x", "[wifi-security]\npsk=meinwlan123\n"),
    ("/etc/wpa.conf", 'network={\n ssid="x"\n psk="meinwlan123"\n}'),
    ("/etc/netplan/1.yaml", 'access-points:\n  "x":\n    password: "meinwlan123"\n'),
    ("/etc/network/interfaces", "iface wlan0 inet dhcp\n  wpa-psk meinwlan123\n"),
    ("/var/lib/iwd/x.psk", "[Security]\nPassphrase=meinwlan123\n"),
    ("/etc/hostapd/hostapd.conf", "wpa_passphrase=meinwlan123"),
    ("/etc/iscsi/iscsid.conf", "node.session.auth.password = chap-s3cret"),
    ("/etc/redis/redis.conf", "requirepass redispw1"),
    ("/etc/snmp/snmpd.conf", "rocommunity s3cr3tcomm 10.0.0.0/8"),
    ("/etc/snmp/snmpd.conf", 'createUser admin SHA "authpass99" AES'),
    ("/etc/ldap.conf", "binddn cn=x\nbindpw ldapS3cret\n"),
    ("/etc/bind/named.conf.local", 'key k { algorithm hmac-sha256; secret "c2VjcmV0c2VjcmV0"; };'),
    ("/etc/ipsec.d/x.secrets", '10.0.0.1 : PSK "vpnshared1"'),
    ("/etc/apt/auth.conf.d/x", "machine deb.acme.example login alice password s3cr3tapt"),
    ("/etc/apt/sources.list.d/x.list", "deb https://alice:s3cr3tapt@deb.acme.example/ ./"),
    ("/etc/environment", "http_proxy=http://proxyuser:pr0xypw@10.0.0.1:3128"),
    ("/etc/cron.d/x", "0 5 * * * root mysqldump -u root -pS3cret db > /x.sql"),
    ("/etc/cron.d/x", "0 5 * * * root mysqldump -pS3cret db > /x.sql"),
    ("/usr/local/bin/x", "curl -u backup:S3cret https://x.example/"),
    ("/usr/local/bin/x", "smbclient -U backup%S3cret //nas/x"),
    ("/usr/local/bin/x", "redis-cli -a S3cret ping"),
    ("/usr/local/bin/x", "ldapsearch -w S3cret -D cn=x"),
    ("/etc/cron.d/x", "0 5 * * * root curl -s -u backup:S3cret https://x.example/"),
    ("/usr/local/bin/x", "sshpass -p 'S3cret' ssh nas.acme.example"),
    ("/usr/local/bin/x", "PGPASSWORD=S3cret pg_dump app"),
    ("/usr/local/bin/x", "echo 'S3cretPass' | sudo -S mount /mnt"),
    ("/usr/local/bin/x", "curl -H 'Authorization: Bearer 0a1b2c3d4e5f' https://x.example/"),
    ("/usr/local/bin/x", "echo root:S3cret | chpasswd"),
    ("/usr/local/bin/x", "smbclient //nas/x -U alice%S3cret"),
    ("/usr/local/bin/x.py", "API_KEY = 'a8f5f167f44f4964'"),
    ("/etc/systemd/system/x.service", "[Service]\nEnvironment=DB_PASS=s3cretdb\n"),
    ("/etc/systemd/system/x.service", "[Service]\nSetCredential=token:s3cretvalue\n"),
    ("/root/init.sql", "CREATE USER 'app'@'%' IDENTIFIED BY 'S3cretdb';"),
    ("/root/init.sql", "ALTER ROLE app WITH PASSWORD 'S3cretdb';"),
    ("/etc/preseed.cfg", "d-i passwd/user-password password hunter2"),
    ("/opt/x/.npmrc", "//registry.example.org/:_authToken=00000000-1111-2222-3333-444444444444"),
    ("/etc/bareos/bareos-fd.conf", 'Director {\n  Password = "9Zb1k0aa"\n}'),
    ("/etc/bluetooth/x", "[LinkKey]\nKey=0123456789ABCDEF0123456789ABCDEF\n"),
    ("/etc/munin/plugin-conf.d/x", "[mysql*]\nenv.mysqlpassword geheim99\n"),
    ("/etc/apache2/sites-enabled/x", 'SetEnv DB_PASS "apachepw1"'),
    ("/etc/nginx/x.conf", "fastcgi_param DB_PASSWORD nginxpw1;"),
    ("/etc/fetchmailrc", 'poll mail.x proto imap user "a" password "b1c2d3"'),
    ("/etc/dovecot/users", "alice:{PLAIN}pass1:1000:1000::/home/alice"),
    ("/etc/ntpsec/ntp.keys", "# keys\n1 MD5 s3cretntp\n"),
    ("/etc/sssd/sssd.conf", "ldap_default_authtok = bindpw123"),
    ("/etc/monit/monitrc", "set httpd port 2812\n  allow admin:monitpw1\n"),
    ("/opt/app/app.json", '{"Default": "Server=x;User Id=sa;Password=MsSql2019!;"}'),
    ("/etc/old.conf", "# password = Winter2023/24"),
    ("/etc/utf16.reg", "\ufeff\"Password\"=\"Sommer2024\"\r\n"),
)  # fmt: skip

NOTHING = (
    ("/etc/app.conf", "password = \n"),
    ("/etc/app.conf", "password = ${DB_PASSWORD}"),
    ("/etc/app.conf", "password = <your password here>"),
    ("/etc/app.conf", "#password = secret"),
    ("/etc/app.conf", "# password: the password of the database user"),
    ("/etc/app.conf", "password_file = /etc/app/password"),
    ("/etc/app.conf", "passwordfile=/run/secrets/x"),
    ("/etc/app.conf", "PasswordAuthentication no"),
    ("/etc/app.conf", "password-min-length = 12"),
    ("/etc/app.conf", "token_ttl: 3600"),
    ("/etc/app.conf", "max_tokens = 40960"),
    ("/etc/app.yaml", "password: null"),
    ("/etc/app.yaml", "password: !vault |"),
    ("/etc/app.yaml", "password: '{{ vault_password }}'"),
    ("/etc/app.json", '{"password": "Password"}'),
    ("/etc/app.json", '{"password": "Please enter the password of the user"}'),
    ("/etc/pam.d/common-password", "password\trequisite\tpam_deny.so\n"),
    ("/etc/pam.d/x", "password   include   common-auth"),
    ("/etc/nsswitch.conf", "passwd:         files systemd\nshadow: files"),
    ("/etc/login.defs", "PASS_MAX_DAYS\t99999\nPASS_MIN_LEN 5"),
    ("/etc/ssh/sshd_config", "AuthorizedKeysFile .ssh/authorized_keys"),
    ("/etc/sudoers", "%sudo ALL=(ALL) NOPASSWD: ALL"),
    ("/etc/default/grub", "GRUB_DISABLE_RECOVERY=true"),
    ("/opt/app/notes", "Say the password twice\nYour password expired\nthe token is\n"),
    ("/etc/x.conf", "allow 192.168.0.0/16\nallow all\n"),
    ("/etc/snmp/snmpd.conf", "rocommunity public default"),
    ("/usr/local/bin/x", 'read -s password; mysql -p"$password"'),
    ("/usr/local/bin/x", "curl -u \"$USER:$PASS\" https://x.example"),
    ("/usr/local/bin/x", "mysqldump --password=$PW db"),
    ("/usr/local/bin/x", "mkdir -p /srv/data; mysql -e 'x'; mkdir -pv /x"),
    ("/usr/local/lib/x.py", "password = getpass.getpass('Password: ')"),
    ("/usr/local/lib/x.py", "def login(user, password=None, token=None): pass"),
    ("/usr/local/lib/x.js", "if (token == null) { password = options.password; }"),
    ("/usr/local/share/doc/x/README.md", "Set `password: secret` in the settings."),
    ("/etc/apt/sources.list", "deb https://deb.example.org/debian trixie main"),
    ("/etc/x.conf", "url = http://[::1]:8080/@scope/x"),
    ("/etc/wgetrc", "#ftp_proxy = http://user:password@proxy.example:18023/"),
    ("/etc/x.conf", "keyboard: de\nkey: value\n"),
    ("/etc/crypttab", "data UUID=0 none luks,tries=3,pass"),
)  # fmt: skip

SEVERAL = (
    ("/etc/openvpn/c.conf", "client\n<auth-user-pass>\njoe\nhunter2\n</auth-user-pass>\n"),
    ("/opt/e", 'spawn ssh joe@h\nexpect "assword:"\nsend "hunter2\\r"\n'),
    ("/opt/e", 'expect -re "assword" { send -- "hunter2\\n" }\n'),
    ("/opt/e", 'expect {\n "yes/no" { send "yes\\r" }\n "assword:" { send "hunter2\\r" }\n}\n'),
    ("/opt/e.py", "child.expect('assword:')\nchild.sendline('Hunter2x9')\n"),
    ("/etc/chatscripts/isp", "ABORT BUSY\nogin: joe\nssword: \\qhunter2\n"),
    ("/opt/ftp.sh", "ftp -n host <<EOF\nuser joe hunter2\nput x\nEOF\n"),
    ("/opt/ftp", "quote USER joe\nquote PASS hunter2\n"),
    ("/opt/lftp.sh", "lftp -u joe,hunter2 sftp://h -e 'mirror'\n"),
    ("/opt/here.sh", "sudo -S ls <<< hunter2x\n"),
    ("/opt/passwd.sh", "passwd joe <<EOF\nhunter2x\nhunter2x\nEOF\n"),
    ("/opt/chpasswd.sh", "chpasswd <<'EOF'\njoe:hunter2x\nEOF\n"),
    ("/opt/printf.sh", "printf '%s\\n' hunter2x | sudo -S ls\n"),
    ("/opt/long.sh", "DB_PASSWORD=\\\nhunter2x\n"),
    ("/etc/a.yml", "db:\n  password:\n    hunter2x\n"),
    ("/etc/a.yml", "password: >-\r\n  hunter2x\r\n"),
    ("/etc/k8s.yml", "env:\n  - name: DB_PASSWORD\n    value: hunter2x\n"),
    ("/etc/task.json", '{"name": "DB_PASSWORD",\n "value": "hunter2x"}\n'),
    ("/etc/a.plist", "<key>Password</key>\n<string>hunter2x</string>\n"),
    ("/etc/hive.xml", "<name>x.ConnectionPassword</name>\n <value>hunter2x</value>\n"),
    ("/etc/spring.xml", '<property name="password" value="hunter2x"/>'),
    ("/etc/net.config", '<add key="SmtpPassword" value="hunter2x" />'),
    ("/etc/entry.xml", '<entry key="db.password">hunter2x</entry>'),
)
NOTHING_SEVERAL = (
    ("/opt/e", 'expect "assword:"\nsend "$password\\r"\n'),
    ("/opt/e", 'expect "ogin:"\nsend "joe\\r"\n'),
    ("/etc/x.conf", "user www-data www-data;\n"),
    ("/opt/run.sh", "cat <<EOF\nhunter2x\nEOF\n"),
    ("/opt/run.sh", "passwd joe <<EOF\n$new\n$new\nEOF\n"),
    ("/etc/schema.yml", "password:\n  type: string\n"),
    ("/etc/schema.yml", "secrets:\n  - one\n"),
    ("/etc/k8s.yml", "- name: DB_PASSWORD\n  valueFrom:\n    secretKeyRef: x\n"),
    ("/etc/k8s.yml", "- name: LOG_LEVEL\n  value: debug1x\n"),
    ("/opt/hosts.yml", "endpoints: >\n  auth.docker.io:443\n  api.token.example:8443\n"),
    ("/opt/a.awk.sh", "token=substr($0, start, RLENGTH);\n"),
)


def found(path: str, content: str) -> set[str]:
    encoding = "utf-16-le" if content.startswith("\ufeff") else "utf-8"
    data = content.encode(encoding)
    return {each.kind for each in SEARCH.in_bytes(data, path=path.encode())}


@pytest.mark.parametrize(("path", "content"), [*SETTINGS, *SEVERAL])
def test_a_secret_in_settings_is_found(path: str, content: str) -> None:
    assert "credential" in found(path, content)


@pytest.mark.parametrize(("path", "content"), [*NOTHING, *NOTHING_SEVERAL])
def test_what_stands_in_the_place_of_a_secret_is_none(path: str, content: str) -> None:
    assert "credential" not in found(path, content)
