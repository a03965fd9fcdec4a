r"""Forms in which programs are told a secret other than by a key, a sign and a value.

URLs (RFC 3986), command lines that take a password as an argument, SQL, PHP and XML, and the files
of programs with a form of their own, which is named at each. Each regular expression is for one
line, and takes time that grows with its length alone.
"""

import re
from dataclasses import dataclass
from typing import Final

from builder.inside.search_rules.rule import regex, text


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretForm:
    """A form; `finds` are strings of YARA, of which every line in this form has one."""

    finds: tuple[str, ...]
    pattern: "re.Pattern[bytes]"  # the group `value` is the secret


_VALUE: Final = rb"[\"']?(?P<value>[^\s\"'|;]{1,256})"
_ARGUMENT: Final = rb"[\"']?(?P<value>[^\s\"'-][^\s\"']{0,99})"
_COMMAND: Final = rb"\b[^|;]{0,200}?\s"  # up to an option of the same command


def _form(pattern: bytes, *finds: str) -> SecretForm:
    return SecretForm(finds=finds, pattern=re.compile(pattern, re.IGNORECASE))


def _word(word: str) -> str:
    return text(word, "nocase")


def _first(words: str) -> str:
    """Return what finds one of these words at the beginning of a line."""
    return regex(rf"(^|\n)[ \t]{{0,16}}({words})[ \t]{{1,16}}[^ \t\n]", "nocase")


_OPTION: Final = (
    "password|passwd|pass|passphrase|token|secret|api-?key|access-?key|secret-?key|auth-?token|psk|"
    "db-?pass(word)?|requirepass"
)
_DIRECTIVE: Final = (
    r"requirepass|masterauth|bindpw|rootbindpw|wpa-psk|wpa-passphrase|wpa-password|"
    r"wireless-key[0-9]?|wep[-_]?key[0-9]?|passwd|secret|authkey|shared-secret|proxypassword|psk|key"
)

_COMMAND_LINES: Final = (
    _form(rb"\bsshpass\s+-p\s{0,4}" + _VALUE, _word("sshpass")),
    _form(
        rb"\b(?:mysql|mariadb)\w{0,10}(?:-\w{1,10})?" + _COMMAND + rb"-p" + _ARGUMENT,
        regex(r"(mysql|mariadb)[^\n|;]{0,200}[ \t]['\x22]?-p[^ \t\n-]"),
    ),
    _form(
        rb"\s--?(?:" + _OPTION.encode() + rb")(?:=|\s{1,4})" + _VALUE,
        regex(rf"[ \t]-{{1,2}}({_OPTION})[= \t]", "nocase"),
    ),
    _form(
        rb"\bcurl" + _COMMAND + rb"(?:-u|--user|-U|--proxy-user)[\s=]{0,4}[\"']?[^\s:\"'$]{1,64}:"
        rb"(?P<value>[^\s\"']{1,128})",
        regex(r"\bcurl\b[^\n|;]{0,200}[ \t](-u|--user|-U|--proxy-user)"),
    ),
    _form(
        rb"\b(?:smbclient|rpcclient|net|mount)"
        + _COMMAND
        + rb"-U\s?[\"']?[^\s%\"']{1,64}%"
        + _VALUE,
        regex(r"\b(smbclient|rpcclient|mount|net)[^\n|;]{0,200}[ \t]-U"),
    ),
    _form(rb"\bldap\w{1,12}" + _COMMAND + rb"-w\s{0,4}" + _VALUE,
          regex(r"\bldap[a-z]{1,12}[^\n|;]{0,200}[ \t]-w")),
    _form(
        rb"\b(?:redis-cli|mongo\w{0,8}|7za?|zip|unrar|rar)" + _COMMAND
        + rb"-[apP]\s{0,4}" + _ARGUMENT,
        regex(r"\b(redis-cli|mongo|7za?|zip|unrar|rar)[^\n|;]{0,200}[ \t]-[apP][^\n-]"),
    ),
    _form(rb"-pass(?:in|out)?\s{1,4}pass:" + _VALUE, _word("pass:")),
    _form(rb"\bhtpasswd\s+-\w{0,6}b" + _COMMAND + _VALUE + rb"\s*$", _word("htpasswd")),
    _form(
        rb"\becho\s+(?:-n\s+)?" + _VALUE + rb"[\"']?\s{0,4}\|\s{0,4}(?:sudo\s+(?:-\w\s+)?-S|passwd"
        rb"\b|cryptsetup|kinit|gpg|su\b|openssl|.{0,60}--password-stdin|.{0,60}--stdin)",
        regex(r"\becho [^\n|]{1,256}\|[ \t]{0,4}(sudo|passwd|cryptsetup|kinit|gpg|su|openssl)\b"),
        regex(r"\becho [^\n|]{1,256}\|[^\n]{1,80}--(password-)?stdin"),
    ),
    _form(
        rb"\becho\s+[\"']?[\w.-]{1,32}:" + _VALUE + rb"[\"']?\s{0,4}\|\s{0,4}(?:sudo\s+)?chpasswd",
        _word("chpasswd"),
    ),
)  # fmt: skip
_LANGUAGES: Final = (
    _form(
        rb"[a-z][a-z0-9+.-]{1,20}://[^\s:/@\"'<>]{0,64}:(?P<value>[^\s@/\"'<>]{1,128})@[\w\[.-]",
        regex(r"://[^\s:/@\x22'<>]{0,64}:[^\s@/\x22'<>]{1,128}@"),
    ),
    _form(
        rb"\b(?:Authorization|X-[\w-]{0,30}(?:Key|Token))[\"']?\s{0,4}[:=,]\s{0,4}[\"']?"
        rb"(?:(?:Basic|Bearer|Token)\s{1,4})?(?P<value>[A-Za-z0-9+/._=~-]{8,256})",
        regex(r"\b(authorization|x-[a-z0-9-]{0,30}(key|token))['\x22]?[ \t]{0,4}[:=,]", "nocase"),
    ),
    _form(
        rb"\bidentified\s+by\s+(?:password\s+)?[\"'](?P<value>[^\"']{1,128})[\"']",
        regex(r"\bidentified[ \t]{1,4}by[ \t]", "nocase"),
    ),
    _form(rb"\bpassword\s{1,4}'(?P<value>[^']{1,128})'", regex(r"\bpassword[ \t]{1,4}'", "nocase")),
    _form(
        rb"\bdefine\(\s{0,4}[\"']\w{0,40}(?:PASS|SECRET|KEY|SALT|TOKEN)\w{0,20}[\"']\s{0,4},\s{0,4}"
        rb"[\"'](?P<value>[^\"']{1,256})[\"']",
        _word("define("),
    ),
    _form(
        rb"<(?:\w{1,20}:)?[\w.-]{0,40}(?:password|passwd|secret|token|api-?key|passphrase)"
        rb"[\w.-]{0,20}(?:\s[^<>]{0,100})?>(?P<value>[^<>]{1,256})</",
        regex(r"(password|passwd|secret|token|api-?key|passphrase)[^<>\n]{0,120}>[^<>\n]{1,256}</",
              "nocase"),
    ),
)  # fmt: skip
_PROGRAMS: Final = (
    # A key and a value with a blank between, as env.x, SetEnv, setenv and fastcgi_param say them;
    # one that is no word of a sentence.
    _form(rb"[\w.-]{0,40}(?:passw(?:or)?d|passphrase|secret|token|_pass)[ \t]{1,16}"
          rb"(?P<value>\"[^\"\s]{3,128}\"|(?=[^\s;]*[0-9!@#%^&+=])[^\s\";{}]{4,128})\s{0,4};?\s*$",
          regex(r"(password|passwd|passphrase|secret|token|_pass)[ \t]{1,16}[^ \t\n]", "nocase")),
    _form(rb"\{(?:PLAIN|CLEARTEXT|PLAIN-TRUNC)\}(?P<value>[^\s:]{1,128})",
          regex(r"\{(PLAIN|CLEARTEXT|PLAIN-TRUNC)\}[^ \t\n:]", "nocase")),  # Dovecot
    _form(rb"^\s*\d{1,5}\s+(?:MD5|M|SHA\d{0,3}|AES\w{0,8}|RMD160)\s+(?P<value>\S{1,256})\s*$",
          regex(r"[0-9][ \t]{1,8}(MD5|M|SHA|AES|RMD160)[A-Z0-9]{0,8}[ \t]{1,8}[^ \n]")),  # ntp
    _form(rb"^\s*allow\s+[\w.-]{1,64}:(?P<value>[^\s:]{2,128})", _first("allow")),  # monit
    _form(rb"\bmachine\s+\S{1,128}\s+login\s+\S{1,128}\s+password\s+(?P<value>\S{1,128})",
          regex(r"\bmachine[ \t]{1,8}[^ \t\n]{1,128}[ \t]{1,8}login")),  # netrc(5)
    _form(rb"^\s*password\s+(?P<value>\S{1,128})\s*$", _first("password")),  # and over lines
    _form(rb"\bSetCredential(?:Encrypted)?\s{0,4}=\s{0,4}[^\s:]{1,128}:(?P<value>\S{1,256})",
          _word("SetCredential")),  # systemd.exec(5)
    _form(rb"^\s*(?:ro|rw|trap)community6?\s+(?!public\b)" + _VALUE, _word("community")),
    _form(rb"^\s*com2sec6?\s+(?:-Cn\s+\S{1,64}\s+)?\S{1,64}\s+\S{1,64}\s+(?!public\b)" + _VALUE,
          _word("com2sec")),  # snmpd.conf(5), like the next one
    _form(rb"^\s*createUser\s+(?:-e\s+\S{1,64}\s+)?\S{1,64}\s+(?:MD5|SHA\S{0,4})\s+" + _VALUE,
          _word("createUser")),
    _form(rb"(?:^|\s):\s{0,4}(?:PSK|EAP|XAUTH|NTLM|PIN|P12)\s+(?P<value>\S{1,256})",
          regex(r":\s{0,4}(PSK|EAP|XAUTH|NTLM|PIN|P12)\s")),  # ipsec.secrets(5)
    _form(rb"\bsecret\s{1,4}\"(?P<value>[^\"]{1,256})\"\s?;",
          regex(r"\bsecret[ \t]{1,4}\x22", "nocase")),  # BIND
    _form(rb"\bkey['\"]?\s?[=:]\s?['\"]?(?:0x)?(?P<value>[0-9a-f]{32,128})\b",
          regex(r"\bkey['\x22]?\s?[=:]\s?['\x22]?(0x)?[0-9a-f]{32}", "nocase")),  # BlueZ, and more
    _form(rb"\blogin=[^\s:]{1,64}:(?P<value>[^\s:]{2,128})", _word("login=")),  # squid.conf
    _form(rb"\S{1,128}/\S{0,64}passw\S{0,64}\s+password\s+(?P<value>\S{1,128})",
          regex(r"/[^ \t\n]{0,64}passw[^ \t\n]{0,64}[ \t]{1,16}password[ \t]")),  # debconf
    _form(rb"^\s*rootpw\s+(?:--plaintext\s+)?" + _VALUE, _word("rootpw")),  # slapd.conf(5)
    _form(rb"^[^\s:#]{1,128}:(?:\d{2,5}|\*):[^\s:]{1,64}:[^\s:]{1,64}:(?P<value>[^\s:]{2,128})$",
          regex(r"[a-z0-9*]:([0-9]{2,5}|\*):[^\s:]{1,64}:[^\s:]{1,64}:[^\s:]{2}")),  # pgpass
    _form(rb"^\s*(?:" + _DIRECTIVE.encode() + rb")[ \t]{1,16}"
          rb"(?P<value>\"[^\"]{1,128}\"|[^\s\";]{1,128})\s{0,4};?\s*$", _first(_DIRECTIVE)),
)  # fmt: skip

SECRET_FORMS: Final = (*_COMMAND_LINES, *_LANGUAGES, *_PROGRAMS)
