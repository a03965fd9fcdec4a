r"""Command lines that tell a program a secret: as an argument, by an option, or through a pipe.

Sources: the manual page of each program.
"""

from typing import Final

from builder.inside.search_rules.rule import regex
from builder.inside.search_rules.secret_form import ARGUMENT, COMMAND, VALUE, SecretForm, form, word

_OPTION: Final = (
    "(http|ftp|proxy|user|admin|root|smtp|auth|join|access)?-?"
    "(password|passwd|pass|passphrase|token|secret|psk)[12]?|"
    "api-?key|access-?key|secret-?key|auth-?token|auth-?key|db-?pass(word)?|requirepass"
)
# What asks for a secret on its standard input.
_ASKS: Final = (
    r"(?:sudo\s+(?:-\w+\s+)*)?(?:passwd|chpasswd|smbpasswd|cryptsetup|kinit|gpg2?|su|openssl|"
    r"openconnect|realm|net\s+ads|ldappasswd|vncpasswd|htpasswd|mkpasswd|pdbedit)\b"
    r"|sudo\s+(?:-\w\s+)?-S|[^\n|]{0,80}--[a-z-]{0,20}(?:on-)?stdin"
)

_ANY: Final = (
    form(rb"\bsshpass\s+-p\s{0,4}" + VALUE, word("sshpass")),
    form(
        rb"\b(?:mysql|mariadb)\w{0,10}(?:-\w{1,10})?" + COMMAND + rb"-p" + ARGUMENT,
        regex(r"(mysql|mariadb)[^\n|;]{0,200}[ \t]['\x22]?-p[^ \t\n-]"),
    ),
    form(
        rb"\s--?(?:" + _OPTION.encode() + rb")(?:=|\s{1,4})" + VALUE,
        regex(rf"[ \t]-{{1,2}}({_OPTION})[= \t]", "nocase"),
    ),
    form(
        rb"\bcurl" + COMMAND + rb"(?:-u|--user|-U|--proxy-user)[\s=]{0,4}[\"']?[^\s:\"'$]{1,64}:"
        rb"(?P<value>[^\s\"']{1,128})",
        regex(r"\bcurl\b[^\n|;]{0,200}[ \t](-u|--user|-U|--proxy-user)"),
    ),
    form(
        rb"\b(?:smbclient|rpcclient|net|mount)"
        + COMMAND
        + rb"-U\s?[\"']?[^\s%\"']{1,64}%"
        + VALUE,
        regex(r"\b(smbclient|rpcclient|mount|net)[^\n|;]{0,200}[ \t]-U"),
    ),
    form(rb"\bldap\w{1,12}" + COMMAND + rb"-w\s{0,4}" + VALUE,
          regex(r"\bldap[a-z]{1,12}[^\n|;]{0,200}[ \t]-w")),
    form(
        rb"\b(?:redis-cli|mongo\w{0,8}|7za?|zip|unrar|rar)" + COMMAND
        + rb"-[apP]\s{0,4}" + ARGUMENT,
        regex(r"\b(redis-cli|mongo|7za?|zip|unrar|rar)[^\n|;]{0,200}[ \t]-[apP][^\n-]"),
    ),
    form(rb"-pass(?:in|out)?\s{1,4}pass:" + VALUE, word("pass:")),
    form(rb"\bhtpasswd\s+-\w{0,6}b" + COMMAND + VALUE + rb"\s*$", word("htpasswd")),
    form(
        rb"\b(?:echo|printf|yes)\s+(?:-\w{1,2}\s+)?" + VALUE + rb"[\"']?\s{0,4}\|\s{0,4}(?:"
        + _ASKS.encode() + rb")",
        regex(r"\b(echo|printf|yes) [^\n|]{1,256}\|[ \t]{0,4}(sudo|su|passwd|chpasswd|smbpasswd|"
              r"cryptsetup|kinit|gpg|openssl|openconnect|realm|net|ldappasswd|vncpasswd|htpasswd|"
              r"mkpasswd|pdbedit)\b"),
        regex(r"\b(echo|printf|yes) [^\n|]{1,256}\|[^\n|]{1,80}--[a-z-]{0,20}stdin"),
    ),
    form(
        rb"\becho\s+[\"']?[\w.-]{1,32}:" + VALUE + rb"[\"']?\s{0,4}\|\s{0,4}(?:sudo\s+)?chpasswd",
        word("chpasswd"),
    ),
)  # fmt: skip


def _option(
    programs: str, options: str, *, value: bytes = ARGUMENT, gap: str = r"[ \t]{1,4}"
) -> SecretForm:
    """Return the form of programs that take a secret by one of these options."""
    return form(
        rf"\b(?:{programs}){COMMAND.decode()}(?:{options}){gap}".encode() + value,
        regex(
            rf"\b({programs})\b[^\n|;]{{0,200}}[ \t]({options}){gap}[^ \t\n]".replace("(?:", "(")
        ),
    )


_NEXT: Final = rb"\s{1,4}" + ARGUMENT
_OF_PROGRAMS: Final = (
    _option(r"mosquitto_(?:pub|sub|rr)|ipmitool|sqlcmd|bcp|fisql|tsql|osql|unzip|zipcloak", "-P"),
    _option(r"plink|pscp|psftp", "-pw"),
    _option(r"rdesktop|ncftp[a-z]{0,6}", "-p"),
    _option(
        r"(?:docker|podman|skopeo|buildah|helm|oras|nerdctl|oc|az|cf|registry)[ \t]{1,4}login", "-p"
    ),
    _option("sendemail", "-xp"),
    _option("swaks", "-ap"),
    _option(r"kadmin(?:\.local)?", "-w"),
    _option("ssh-keygen", "-[NP]"),
    _option("openssl", "-k"),
    _option(
        "snmp(?:get|getnext|walk|bulkwalk|bulkget|set|trap|inform|table|df|status)", "-[cAX]",
        value=rb"(?!public\b|private\b)" + ARGUMENT,
    ),
    _option(r"(?:x|wl|sdl-)?freerdp[23]?", "/p:", gap=""),
    _option(r"keytool|jarsigner|apksigner", r"-(?:store|key|src|dest)(?:store)?pass"),
    _option(r"nmcli", r"password|[a-z0-9-]{0,24}sec[a-z]{0,6}\.psk"),
    _option(r"iwconfig", r"key|enc"),
    _option(
        r"nsupdate|dig|rndc", "-y", value=rb"(?:[\w-]{1,30}:)?[\w.-]{1,64}:" + ARGUMENT
    ),
)  # fmt: skip
_WITHOUT_OPTION: Final = (
    form(rb"\brabbitmqctl\b[^|;]{0,60}\s(?:add_user|change_password)\s+\S{1,64}" + _NEXT,
         regex(r"\brabbitmqctl\b[^\n|;]{0,60}(add_user|change_password)")),
    form(rb"\bwpa_passphrase\s+(?:\"[^\"]{1,64}\"|'[^']{1,64}'|\S{1,64})" + _NEXT,
         word("wpa_passphrase")),
    form(rb"\bmc\s+(?:alias|config\s+host)\s+(?:set|add)\s+\S{1,64}\s+\S{1,200}\s+\S{1,128}"
         + _NEXT,
         regex(r"\bmc[ \t]+(alias|config)[ \t]")),
    form(rb"\bconfig(?:ure)?\s+(?:set\s+)?(?:--\w{1,10}\s+)?[\w./:-]{0,80}"
         rb"(?:password|passwd|secret|token|secret_access_key)\s+" + ARGUMENT,
         regex(r"\bconfig(ure)?[ \t][^\n|;]{0,100}(password|passwd|secret|token|access_key)[ \t]",
               "nocase")),
    form(rb"^\s*set\s+\w{0,20}passw(?:or)?d\s+(?!\[)[\"'{]?(?P<value>[^\s\"'{}=]{3,128})[\"'}]?\s*$",
         regex(r"(^|\n)[ \t]{0,16}set[ \t]{1,4}[a-z0-9_]{0,20}passw", "nocase")),  # Tcl
    form(rb"\b(?:sqlplus|rman|expdp|impdp|sqlldr)\s+(?:-\w{1,8}\s+)*[\"']?[\w$#]{1,30}/"
         rb"(?P<value>[^\s/@\"']{3,64})", regex(r"\b(sqlplus|rman|expdp|impdp|sqlldr)[ \t]")),
    form(rb"\bsmbclient\s+[\"']?[\\/]{2}\S{1,200}\s+(?!-)" + VALUE, word("smbclient")),
    form(rb"\b(?:user|username)=[^\s,%&\"']{1,64}%(?P<value>[^\s,\"']{3,128})",
         regex(r"\buser(name)?=[^\s,%]{1,64}%[^\s]", "nocase")),
    # a name and a secret: httpie, chisel, ttyd, squid's tools
    form(rb"\s--?(?:auth|credentials?|basic-auth|http-auth|userpass)[= \t]{1,4}[\"']?"
         rb"[\w.@-]{1,64}:(?P<value>[^\s:\"'/]{3,128})",
         regex(r"[ \t]-{1,2}(auth|credentials?|basic-auth|http-auth|userpass)[= \t]")),
    form(rb"\b(?:ttyd|shellinaboxd|https?)\s(?:[^|;]{0,200}?\s)?-[ac]\s{1,4}[\"']?[\w.@-]{1,64}:"
         rb"(?P<value>[^\s:\"'/]{3,128})",
         regex(r"\b(ttyd|shellinaboxd|https?)\b[^\n|;]{0,200}[ \t]-[ac][ \t]")),
    form(rb"\s--?(?:[a-z]{1,12}-)?(?:key|licen[cs]e)[= \t]{1,4}[\"']?"
         rb"(?P<value>(?!(?-i:[0-9A-F]{40})\b)[^\s\"']{16,200})",  # no fingerprint
         regex(r"[ \t]-{1,2}([a-z]{1,12}-)?(key|licen[cs]e)[= \t]{1,4}['\x22]?[^\s-]"),
         random=True),
    form(rb"(?:^|\s)-setcookie\s{1,4}" + ARGUMENT, word("-setcookie")),  # Erlang
)  # fmt: skip

COMMAND_LINES: Final = (*_ANY, *_OF_PROGRAMS, *_WITHOUT_OPTION)
