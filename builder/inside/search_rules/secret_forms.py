r"""Forms in which programs are told a secret other than by a key, a sign and a value.

URLs (RFC 3986), SQL, PHP and XML, and the files of programs with a form of their own, which is
named at each. Command lines are in `command_lines`, more files of programs in `directives`.
"""

from typing import Final

from builder.inside.search_rules.rule import regex
from builder.inside.search_rules.secret_form import VALUE, first, form, word

_DIRECTIVE: Final = (
    r"requirepass|masterauth|bindpw|rootbindpw|wpa-psk|wpa-passphrase|wpa-password|"
    r"wireless-key[0-9]?|wep[-_]?key[0-9]?|passwd|secret|authkey|shared-secret|proxypassword|psk|key"
)

ADDRESS: Final = form(
    rb"[a-z][a-z0-9+.-]{1,20}://[^\s:/@\"'<>]{0,64}:(?P<value>[^\s@/\"'<>]{1,128})@[\w\[.-]",
    regex(r"://[^\s:/@\x22'<>]{0,64}:[^\s@/\x22'<>]{1,128}@"),
)  # a URL with a password
_LANGUAGES: Final = (
    form(
        rb"\b(?:Authorization|X-[\w-]{0,30}(?:Key|Token))[\"']?\s{0,4}[:=,]\s{0,4}[\"']?"
        rb"(?:(?:Basic|Bearer|Token)\s{1,4})?(?P<value>[A-Za-z0-9+/._=~-]{8,256})",
        regex(r"\b(authorization|x-[a-z0-9-]{0,30}(key|token))['\x22]?[ \t]{0,4}[:=,]", "nocase"),
    ),
    form(
        rb"\bidentified\s+by\s+(?:password\s+)?[\"'](?P<value>[^\"']{1,128})[\"']",
        regex(r"\bidentified[ \t]{1,4}by[ \t]", "nocase"),
    ),
    form(rb"\bpassword\s{1,4}'(?P<value>[^']{1,128})'", regex(r"\bpassword[ \t]{1,4}'", "nocase")),
    form(
        rb"\bdefine\(\s{0,4}[\"']\w{0,40}(?:PASS|SECRET|KEY|SALT|TOKEN)\w{0,20}[\"']\s{0,4},\s{0,4}"
        rb"[\"'](?P<value>[^\"']{1,256})[\"']",
        word("define("),
    ),
    form(
        rb"<(?:\w{1,20}:)?[\w.-]{0,40}(?:password|passwd|pass|pwd|secret|token|api-?key|passphrase)"
        rb"[\w.-]{0,20}(?:\s[^<>]{0,100})?>(?P<value>[^<>]{1,256})</",
        regex(r"(password|passwd|pass|pwd|secret|token|api-?key|passphrase)[^<>\n]{0,120}>[^<>\n]{1,256}</",
              "nocase"),
    ),
)  # fmt: skip
_PROGRAMS: Final = (
    # A key and a value with a blank between, as env.x, SetEnv, setenv and fastcgi_param say them;
    # one that is no word of a sentence.
    form(rb"[\w.-]{0,40}(?:passw(?:or)?d|passphrase|secret|token"
         rb"|(?<!proxy)(?<!cgi)(?<!uwsgi)_pass)[ \t]{1,16}"
          rb"(?P<value>\"[^\"\s]{3,128}\"|(?=[^\s;]*[0-9!@#%^&+=])[^\s\";{}]{4,128})\s{0,4};?\s*$",
          regex(r"(password|passwd|passphrase|secret|token|_pass)[ \t]{1,16}[^ \t\n]", "nocase")),
    form(rb"\{(?:PLAIN|CLEARTEXT|PLAIN-TRUNC)\}(?P<value>[^\s:]{1,128})",
          regex(r"\{(PLAIN|CLEARTEXT|PLAIN-TRUNC)\}[^ \t\n:]", "nocase")),  # Dovecot
    form(rb"^\s*\d{1,5}\s+(?:MD5|M|SHA\d{0,3}|AES\w{0,8}|RMD160)\s+(?P<value>\S{1,256})\s*$",
          regex(r"[0-9][ \t]{1,8}(MD5|M|SHA|AES|RMD160)[A-Z0-9]{0,8}[ \t]{1,8}[^ \n]")),  # ntp
    form(rb"^\s*allow\s+[\w.-]{1,64}:(?P<value>[^\s:]{2,128})", first("allow")),  # monit
    form(rb"\bmachine\s+\S{1,128}\s+login\s+\S{1,128}\s+password\s+(?P<value>\S{1,128})",
          regex(r"\bmachine[ \t]{1,8}[^ \t\n]{1,128}[ \t]{1,8}login")),  # netrc(5)
    form(rb"\bSetCredential(?:Encrypted)?\s{0,4}=\s{0,4}[^\s:]{1,128}:(?P<value>\S{1,256})",
          word("SetCredential")),  # systemd.exec(5)
    form(rb"^\s*(?:ro|rw|trap)community6?\s+(?!public\b)" + VALUE, word("community")),
    form(rb"^\s*com2sec6?\s+(?:-Cn\s+\S{1,64}\s+)?\S{1,64}\s+\S{1,64}\s+(?!public\b)" + VALUE,
          word("com2sec")),  # snmpd.conf(5), like the next one
    form(rb"^\s*createUser\s+(?:-e\s+\S{1,64}\s+)?\S{1,64}\s+(?:MD5|SHA\S{0,4})\s+" + VALUE,
          word("createUser")),
    form(rb"(?:^|\s):\s{0,4}(?:PSK|EAP|XAUTH|NTLM|PIN|P12)\s+(?P<value>\S{1,256})",
          regex(r":\s{0,4}(PSK|EAP|XAUTH|NTLM|PIN|P12)\s")),  # ipsec.secrets(5)
    form(rb"\bsecret\s{1,4}\"(?P<value>[^\"]{1,256})\"\s?;",
          regex(r"\bsecret[ \t]{1,4}\x22", "nocase")),  # BIND
    form(rb"\bkey['\"]?\s?[=:]\s?['\"]?(?:0x)?(?P<value>[0-9a-f]{32,128})\b",
          regex(r"\bkey['\x22]?\s?[=:]\s?['\x22]?(0x)?[0-9a-f]{32}", "nocase")),  # BlueZ, and more
    form(rb"\blogin=[^\s:]{1,64}:(?P<value>[^\s:]{2,128})", word("login=")),  # squid.conf
    form(rb"(?<=\S)/\S{0,64}passw\S{0,64}\s+password\s+(?P<value>\S{1,128})",
          regex(r"/[^ \t\n]{0,64}passw[^ \t\n]{0,64}[ \t]{1,16}password[ \t]")),  # debconf
    form(rb"^\s*rootpw\s+(?:--plaintext\s+)?" + VALUE, word("rootpw")),  # slapd.conf(5)
    form(rb"^[^\s:#]{1,128}:(?:\d{2,5}|\*):[^\s:]{1,64}:[^\s:]{1,64}:(?P<value>[^\s:]{2,128})$",
          regex(r"[a-z0-9*]:([0-9]{2,5}|\*):[^\s:]{1,64}:[^\s:]{1,64}:[^\s:]{2}")),  # pgpass
    form(rb"^\s*(?:" + _DIRECTIVE.encode() + rb")[ \t]{1,16}"
          rb"(?P<value>\"[^\"]{1,128}\"|[^\s\";]{1,128})\s{0,4};?\s*$", first(_DIRECTIVE)),
)  # fmt: skip

SECRET_FORMS: Final = (ADDRESS, *_LANGUAGES, *_PROGRAMS)
