"""Forms in which programs are told a secret other than by a key, a sign and a value.

URLs (RFC 3986), command lines that take a password as an argument, SQL, PHP and XML, and the files
of programs with a form of their own, which is named at each. Each regular expression is for one
line, and takes time that grows with its length alone.
"""

import re
from typing import Final

_VALUE: Final = rb"[\"']?(?P<value>[^\s\"'|;]{1,256})"
_ARGUMENT: Final = rb"[\"']?(?P<value>[^\s\"'-][^\s\"']{0,99})"
_COMMAND: Final = rb"\b[^|;]{0,200}?\s"  # up to an option of the same command

_COMMAND_LINES: Final = (
    rb"\bsshpass\s+-p\s{0,4}" + _VALUE,
    rb"\b(?:mysql|mariadb)\w{0,10}(?:-\w{1,10})?" + _COMMAND + rb"-p" + _ARGUMENT,
    rb"\s--?(?:password|passwd|pass|passphrase|token|secret|api-?key|access-?key|secret-?key|"
    rb"auth-?token|psk|db-?pass(?:word)?|requirepass)(?:=|\s{1,4})" + _VALUE,
    rb"\bcurl" + _COMMAND + rb"(?:-u|--user|-U|--proxy-user)[\s=]{0,4}[\"']?[^\s:\"'$]{1,64}:"
    rb"(?P<value>[^\s\"']{1,128})",
    rb"\b(?:smbclient|rpcclient|net|mount)" + _COMMAND + rb"-U\s?[\"']?[^\s%\"']{1,64}%" + _VALUE,
    rb"\bldap\w{1,12}" + _COMMAND + rb"-w\s{0,4}" + _VALUE,
    rb"\b(?:redis-cli|mongo\w{0,8}|7za?|zip|unrar|rar)" + _COMMAND + rb"-[apP]\s{0,4}" + _ARGUMENT,
    rb"-pass(?:in|out)?\s{1,4}pass:" + _VALUE,
    rb"\bhtpasswd\s+-\w{0,6}b" + _COMMAND + _VALUE + rb"\s*$",
    rb"\becho\s+(?:-n\s+)?" + _VALUE + rb"[\"']?\s{0,4}\|\s{0,4}(?:sudo\s+(?:-\w\s+)?-S|passwd\b|"
    rb"cryptsetup|kinit|gpg|su\b|openssl|.{0,60}--password-stdin|.{0,60}--stdin)",
    rb"\becho\s+[\"']?[\w.-]{1,32}:" + _VALUE + rb"[\"']?\s{0,4}\|\s{0,4}(?:sudo\s+)?chpasswd",
)  # fmt: skip
_LANGUAGES: Final = (
    rb"[a-z][a-z0-9+.-]{1,20}://[^\s:/@\"'<>]{0,64}:(?P<value>[^\s@/\"'<>]{1,128})@[\w\[.-]",
    (
        rb"\b(?:Authorization|X-[\w-]{0,30}(?:Key|Token))[\"']?\s{0,4}[:=,]\s{0,4}[\"']?"
        rb"(?:(?:Basic|Bearer|Token)\s{1,4})?(?P<value>[A-Za-z0-9+/._=~-]{8,256})"
    ),
    rb"\bidentified\s+by\s+(?:password\s+)?[\"'](?P<value>[^\"']{1,128})[\"']",
    rb"\bpassword\s{1,4}'(?P<value>[^']{1,128})'",
    (
        rb"\bdefine\(\s{0,4}[\"']\w{0,40}(?:PASS|SECRET|KEY|SALT|TOKEN)\w{0,20}[\"']\s{0,4},\s{0,4}"
        rb"[\"'](?P<value>[^\"']{1,256})[\"']"
    ),
    (
        rb"<(?:\w{1,20}:)?[\w.-]{0,40}(?:password|passwd|secret|token|api-?key|passphrase)"
        rb"[\w.-]{0,20}(?:\s[^<>]{0,100})?>(?P<value>[^<>]{1,256})</"
    ),
)
_PROGRAMS: Final = (
    rb"\bmachine\s+\S{1,128}\s+login\s+\S{1,128}\s+password\s+(?P<value>\S{1,128})",  # netrc(5)
    rb"^\s*password\s+(?P<value>\S{1,128})\s*$",  # and over several lines
    rb"\bSetCredential(?:Encrypted)?\s{0,4}=\s{0,4}[^\s:]{1,128}:(?P<value>\S{1,256})",  # systemd
    rb"^\s*(?:ro|rw|trap)community6?\s+(?!public\b)" + _VALUE,  # snmpd.conf(5)
    rb"^\s*com2sec6?\s+(?:-Cn\s+\S{1,64}\s+)?\S{1,64}\s+\S{1,64}\s+(?!public\b)" + _VALUE,
    rb"^\s*createUser\s+(?:-e\s+\S{1,64}\s+)?\S{1,64}\s+(?:MD5|SHA\S{0,4})\s+" + _VALUE,
    rb"(?:^|\s):\s{0,4}(?:PSK|EAP|XAUTH|NTLM|PIN|P12)\s+(?P<value>\S{1,256})",  # ipsec.secrets(5)
    rb"\bsecret\s{1,4}\"(?P<value>[^\"]{1,256})\"\s?;",  # BIND
    rb"\bkey['\"]?\s?[=:]\s?['\"]?(?:0x)?(?P<value>[0-9a-f]{32,128})\b",  # BlueZ, and others
    rb"\blogin=[^\s:]{1,64}:(?P<value>[^\s:]{2,128})",  # squid.conf
    rb"\S{1,128}/\S{0,64}passw\S{0,64}\s+password\s+(?P<value>\S{1,128})",  # preseeds of debconf
    rb"^\s*rootpw\s+(?:--plaintext\s+)?" + _VALUE,  # slapd.conf(5), Kickstart
    rb"^[^\s:#]{1,128}:(?:\d{2,5}|\*):[^\s:]{1,64}:[^\s:]{1,64}:(?P<value>[^\s:]{2,128})$",
    # A directive and its only argument: redis, LDAP, interfaces(5), BIND, GRUB and others.
    (
        rb"^\s*(?:requirepass|masterauth|bindpw|rootbindpw|wpa-psk|wpa-passphrase|wpa-password|"
        rb"wireless-key\d?|wep[-_]?key\d?|passwd|secret|authkey|shared-secret|proxypassword|psk|key)"
        rb"[ \t]{1,16}(?P<value>\"[^\"]{1,128}\"|[^\s\";]{1,128})\s{0,4};?\s*$"
    ),
)

SECRET_FORMS: Final = tuple(
    re.compile(pattern, re.IGNORECASE) for pattern in (*_COMMAND_LINES, *_LANGUAGES, *_PROGRAMS)
)
