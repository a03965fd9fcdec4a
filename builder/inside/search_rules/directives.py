r"""Secrets in the files of programs that write them neither as key and value nor over lines.

Each program, or the manual of its files, is named beside its form.
"""

from typing import Final

from builder.inside.search_rules.rule import regex
from builder.inside.search_rules.secret_form import VALUE, first, form, word

_BLANK: Final = rb"[ \t]{1,16}"
_NAME: Final = rb"[\w.@-]{1,64}"
# What may stand behind a user and a colon: a group.
_GROUPS: Final = (
    rb"(?:root|users?|staff|adm|www-data|nobody|nogroup|daemon|wheel|sudo|nginx|apache|http|\d+)\b"
)
_OTHER: Final = rb"(?!(?P=name)\b|" + _GROUPS + rb")(?P<value>[^\s:/\"',;]{3,128})"

# A name and a secret.
_PAIRS: Final = (
    form(
        rb"(?<![\w:-])[\w-]{0,30}(?:auth(?:entication)?|userpass|login|credentials?)[\"']?"
        rb"[ \t]{0,8}[=: \t][ \t]{0,8}[\"']?(?P<name>" + _NAME + rb"):" + _OTHER
        + rb"(?=[\s\"',;]|$)",
        regex(r"(auth|authentication|userpass|login|credentials?)['\x22]?[ \t]{0,8}[=: \t]"
              r"[ \t]{0,8}['\x22]?[a-z0-9_.@-]{1,64}:[^\s:\/]{3}", "nocase"),
    ),
    form(
        rb"^\s*user=(?P<name>" + _NAME + rb"):" + _OTHER + rb"\s*$",
        regex(r"(^|\n)[ \t]{0,8}user=[^\s:]{1,64}:[^\s:]{3}"),
    ),  # coturn
    form(
        rb"=\s{0,4}(?:static|inline):[\{]?" + _NAME + rb"[:=](?P<value>[^\s:,}]{3,128})",
        regex(r"=[ \t]{0,4}(static|inline):"),
    ),  # postconf(5)
    form(rb"^\s*BasicAuth" + _BLANK + _NAME + _BLANK + VALUE, word("BasicAuth")),  # tinyproxy
    form(
        rb"^\s*(?:socks[45]|http|raw)" + _BLANK + rb"\S{3,128}" + _BLANK + rb"\d{1,5}" + _BLANK
        + rb"\S{1,64}" + _BLANK + VALUE,
        first("socks4|socks5|http|raw"),
    ),  # proxychains
    form(rb"\b" + _NAME + rb":CL:" + VALUE, word(":CL:")),  # 3proxy
    form(
        rb"\b(?:register\s{0,4}=>?|Register:)\s{0,4}[^\s:@]{1,64}:(?P<value>[^\s:@]{3,128})[:@]",
        regex(r"\bregister[ \t]{0,4}=>?[ \t]"),
    ),  # SIP and IAX of Asterisk
    form(
        rb"\bjdbc:oracle:\w{2,8}:[^\s/@:]{1,64}/(?P<value>[^\s/@]{3,128})@", word("jdbc:oracle:")
    ),
)  # fmt: skip
# Words of a language of its own.
_DIRECTIVES: Final = (
    form(
        rb"^\s*MONITOR\s+\S{1,128}\s+\d{1,3}\s+\S{1,64}\s+(?P<value>\S{1,128})\s+\w{5,9}\s*$",
        first("MONITOR"),
    ),  # upsmon.conf(5)
    form(rb"\binsecure-password\s+" + VALUE, word("insecure-password")),  # HAProxy
    form(
        rb"^\s*(?:IPSec|Xauth)\s+(?:obfuscated\s+)?(?:secret|password)\s+" + VALUE,
        first("IPSec|Xauth"),
    ),  # vpnc
    form(rb"^\s*MENU\s+(?:MASTER\s+)?PASSWD\s+" + VALUE, first("MENU")),  # SYSLINUX
    form(
        rb"\b(?:login|enable|global|pap|opap|arap|(?:ms-)?chap|pass(?:word)?)\s{0,4}=\s{0,4}"
        rb"clear(?:text)?\s{1,4}" + VALUE,
        regex(r"=[ \t]{0,4}clear(text)?[ \t]{1,4}['\x22]?[^ \t\n]"),
    ),  # TACACS+
    form(
        rb"^\s*add\s+\w{0,10}password\s+\S{1,128}\s+\{?(?P<value>[^\s{}]{1,128})\}?", first("add")
    ),  # RANCID
    form(
        rb"^\s*option\s+\w{0,20}(?:key\d?|passw(?:or)?d|psk|secret)(?:_\w{1,10})?\s+" + VALUE,
        first("option"),
    ),  # OpenWrt
    form(
        rb"^\s*(?:[\w-]{1,32}\s{1,4}){0,5}?(?:passw(?:or)?d|secret|key|key-string)\s{1,4}[0-9]"
        rb"\s{1,4}(?P<value>(?=[\w$./+-]{0,60}[0-9$])[\w$./+-]{4,256})\s*$",
        regex(r"(passwd|password|secret|key|key-string)[ \t]{1,4}[0-9][ \t]{1,4}[^ \t\n]{4}",
              "nocase"),
    ),  # routers and switches, like the next two
    form(rb"^\s*snmp-server\s+community\s+(?!public\b)" + VALUE, word("snmp-server")),
    form(
        rb"^\s*(?:crypto\s+isakmp|(?:tacacs|radius)-server[^\n]{0,80}?)\s+key\s+" + VALUE,
        regex(r"(isakmp|tacacs-server|radius-server)[ \t]"),
    ),
    form(
        rb"^\s*authCommunity\s+\S{1,40}\s+(?!public\b)" + VALUE, word("authCommunity")
    ),  # snmptrapd.conf(5)
    form(
        rb"^\s*\$USER\d{1,3}\$\s{0,4}=\s{0,4}(?P<value>\S{1,128})\s*$", regex(r"\$USER[0-9]")
    ),  # Nagios
    form(
        rb"^\s*\d{2,10}\s{0,4}=>\s{0,4}(?P<value>\d{4,10}),[A-Za-z][^,\n]{2,60},",
        regex(r"=>[ \t]{0,4}[0-9]{4,10},[A-Za-z]"),
    ),  # mail boxes for voices
    form(
        rb"\bnickserv['\": \t]{1,4}identify\s{1,4}(?:[\w-]{1,32}\s{1,4})?"
        rb"(?P<value>[^\s\"';]{3,64})",
        regex(r"\bnickserv['\x22: \t]{1,4}identify", "nocase"),
    ),
    form(
        rb"\bwith\s+pass(?:word|wd)?\s{1,4}(?:[\"'](?P<quoted>[^\"'\n]{3,128})[\"']|"
        rb"(?P<value>[^\s\"']{3,128})\s{1,4}(?:is|to)\b)",
        regex(r"\bwith[ \t]{1,4}pass", "nocase"),
    ),  # fetchmailrc
    form(rb"\bWIFI:[^\n]{0,200}?\bP:(?P<value>[^;\n]{3,128})", word("WIFI:")),  # for a picture
    form(
        rb"^\s*HOTP\S{0,12}\s+\S{1,64}\s+\S{1,64}\s+(?P<value>[0-9a-f]{16,128})",
        regex(r"(^|\n)HOTP[^\n]{0,12}[ \t]"),
    ),  # liboath
    form(
        rb"^\s*(?:[\w-]{1,30}[._-])?pin[\"']?\s{0,4}[=:]\s{0,4}[\"']?(?P<value>\d{4,8})\b",
        regex(r"\bpin['\x22]?[ \t]{0,4}[=:][ \t]{0,4}['\x22]?[0-9]{4}", "nocase"),
    ),
    # a word that says "password", alone, and another one; not nginx' proxy_pass and the like
    form(
        rb"^\s*(?:\w{0,30}[_.])?(?:passw(?:or)?d|(?<!proxy_)(?<!fastcgi_)(?<!uwsgi_)(?<!scgi_)"
        rb"(?<!grpc_)(?<!memcached_)pass|passphrase|secret)[ \t]{1,16}"
        rb"(?!through|quick|again|required|incorrect|expired|changed|mismatch|protect|prompt|invalid|"
        rb"must|will|should|strength|authentication|manager|reset)(?P<value>[^\s;{}()]{3,128})\s*$",
        regex(r"(^|\n)[ \t]{0,16}([a-z0-9_]{0,30}[_.])?(pass|passwd|password|passphrase|secret)"
              r"[ \t]{1,16}[^ \t\n]{3}", "nocase"),
    ),
)  # fmt: skip
_WORDS: Final = (
    "passw(?:or)?d|passphrase|(?:access|auth|api|bearer|refresh)[-_]?token|"
    "(?:unseal|recovery|private|master)[-_]?key"
)
# In the brackets of a language.
_BRACKETS: Final = (
    form(
        rb"\b\w{0,30}(?:" + _WORDS.encode() + rb")s?(?:_\w{1,6})?[\"']?\s{0,4}(?:=>|[:=])\s{0,4}"
        rb"\[\s{0,8}[\"'](?P<value>[^\"'\n]{3,256})[\"']",
        regex(rf"({_WORDS})s?(_[a-z0-9]{{1,6}})?['\x22]?\s{{0,4}}(=>|[:=])\s{{0,4}}\[\s{{0,8}}"
              r"['\x22]".replace("(?:", "("), "nocase"),
    ),
    form(
        rb"\{\s{0,4}\w{0,30}(?:_pass|password|secret|cookie)\s{0,4},\s{0,4}(?:<<)?\s{0,4}[\"']"
        rb"(?P<value>[^\"'\n]{3,256})[\"']",
        regex(r"(_pass|password|secret|cookie)[ \t]{0,4},[ \t]{0,4}(<<)?[ \t]{0,4}\x22"),
    ),  # Erlang
    form(
        rb"\bsetValue\([^()\n]{0,80}[\"']\w{0,30}(?:pass|password|passwd|secret|token)[\"']"
        rb"\s{0,4},\s{0,4}[\"'](?P<value>[^\"'\n]{3,256})[\"']",
        regex(r"\bsetValue\([^()\n]{0,100}(pass|passwd|password|secret|token)['\x22]"),
    ),  # phpLDAPadmin
    form(
        rb"(?:^|\brequired)[^\n=\"]{0,60}\buser_(?!agent|name|id\b|dir|home|group|data|e?mail|lang)"
        rb"\w{1,32}\s{0,4}=\s{0,4}\"(?P<value>[^\"\n]{3,128})\"\s{0,4};",
        regex(r"\buser_[a-z0-9_]{1,32}[ \t]{0,4}=[ \t]{0,4}\x22", "nocase"),
    ),  # JAAS of Kafka
    form(
        rb"\"ciphertext\"\s{0,4}:\s{0,4}\"(?P<value>[0-9a-f]{32,256})\"", word('"ciphertext"'),
        random=True,
    ),  # Ethereum's key stores
)  # fmt: skip
_NO_SECRET: Final = (
    rb"(?![\w.-]{0,40}(?:public|pub|primary|foreign|partition|cache|index|sort|registry|row|map|"
    rb"object|group|etag|check|gpg|finger))"
)
# How public keys begin, and fingerprints of OpenPGP.
_PUBLIC: Final = (
    rb"(?!MFkw|MII[BC]|MCow|MIGf|MHYw|MIGbMB|AAAA|RW[QT]|(?-i:(?:0x)?[0-9A-F]{16,40})\b)"
)
# A value that a machine made up, behind a name that ends in a word for such.
_MADE_UP: Final = (
    form(
        rb"\b" + _NO_SECRET + rb"[\w.-]{0,40}(?:key|salt|seed|nonce|cookie|passcode)\d?"
        rb"[\"'\]]{0,2}\s{0,4}(?:=>|[:=])\s{0,4}[\"']?(?P<value>" + _PUBLIC
        + rb"[A-Za-z0-9+/_=!*~.-]{16,256})(?=[\"'\s,;]|$)",
        regex(r"(key|salt|seed|nonce|cookie|passcode)[0-9]?['\x22\]]{0,2}[ \t]{0,4}"
              r"(=>|[:=])[ \t]{0,4}['\x22]?[A-Za-z0-9+\/_=!*~.-]{16}", "nocase"),
        random=True,
    ),
    form(
        rb"^\s*(?:deb(?:-src)?\s|URIs:)[^\n]{0,200}?https?://[^\s/]{1,128}/(?:[\w.-]{1,64}/){0,3}?"
        rb"(?P<value>[A-Za-z0-9]{16,64})/",
        regex(r"(^|\n)(deb|deb-src|URIs:)[ \t][^\n]{0,200}https?:\/\/"),
        random=True,
    ),  # archives that know their customers by the address
)  # fmt: skip

DIRECTIVES: Final = (*_PAIRS, *_DIRECTIVES, *_BRACKETS, *_MADE_UP)
