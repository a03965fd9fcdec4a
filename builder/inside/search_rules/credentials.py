"""Credentials in settings: what a keyword such as "password" is said to be.

The usual settings are INI, YAML, JSON, shell and the like: a key, a sign and a value. Other forms
are in `secret_forms`.
"""

import re
from typing import Final

from builder.inside.search_rules.place import Text, text_of
from builder.inside.search_rules.plausible import is_secret, is_strong, unquoted
from builder.inside.search_rules.rule import Occurrence, SearchRule, regex, text
from builder.inside.search_rules.secret_forms import SECRET_FORMS

_KEYWORD: Final = (
    rb"(?:passw(?:or)?d|passwort|passphrase|passcode|contrase(?:n|\xc3\xb1)a|kennwort|secret|token"
    rb"|(?:api|access|account|app|auth|consumer|encrypt(?:ion)?|licen[cs]e|link|master|preshared"
    rb"|private|security|session|shared|signing|storage|wep)[-_ ]?key\d?|community|credential"
    rb"|bind_?pw|rootpw|requirepass"
    rb"|masterauth|(?<![A-Za-z])(?:pass|pwd|pw|psk|passwd|auth|salt)(?![a-z])"
    rb"|(?<=[a-z_])(?:Pass|Pwd|PSK)(?![a-z])|(?<=[a-z])(?:pass|pwd|pw)(?=[\"'\]]?\s{0,4}[=:]))"
)
_ASSIGNED: Final = re.compile(
    rb"(?P<key>[\w.\[-]{0,60}?" + _KEYWORD + rb"[\w.-]{0,40})[\"'\]]{0,2}[ \t]{0,8}"
    rb"(?P<sign>=>|:=|\+=|=|:)[ \t]{0,8}"
    rb"(?P<value>\"[^\"]{1,512}\"|'[^']{1,512}'|[^\s\"',;&<>{}\[\]()]{1,512})(?P<rest>.{0,40})",
    re.IGNORECASE,
)
# Settings about passwords, which are none.
_ABOUT: Final = re.compile(
    rb"(?:file|path|dir|folder|ttl|timeout|time|len|length|min|max|expir\w*|age|type|ur[il]|host"
    rb"|port|endpoint|name|id|polic\w*|prompt|label|field|format|count|limit|require\w*|enable\w*"
    rb"|disable\w*|size|env|cmd|command|program|helper|check\w*|store|storage|manager|agent"
    rb"|encryption|method|scheme|lifetime|header|param\w*|hash|algorithm|quality|chang\w*|history"
    rb"|lock\w*|ask\w*|hint|ref|source|provider|server|service|backend|auth|login|flag|mode"
    rb"|description|text|title|message|placeholder|class|icon|pattern|regexp?|chars?|retries|tries"
    rb"|attempts|inactive|warn\w*|days|rounds|bits|strength|generator|query|attr\w*|module|section"
    rb"|group|user|visible|visibility|style|color|colour|show|echo|support\w*|allow\w*|valid\w*"
    rb"|only|less|based|aging|budget|usage|list|version|issuer|audience|scope|grant|cache|kind)s?",
    re.IGNORECASE,
)
_ABOUT_FIRST: Final = re.compile(
    rb"(?:no|use|require|allow|permit|enable|disable|show|need|has|is|max|min|num|ask|check|store"
    rb"|remember|forget|reset|change|empty|try|keep|verify|with|without|want|save)(?=[-_A-Z])"
)
_LAST_WORD: Final = re.compile(rb"(?:^|[-_.]|(?<=[a-z])(?=[A-Z]))([A-Za-z0-9]+)$")
_COMMENT: Final = re.compile(rb"\s*(?:#|;|//(?:\s|$)|--|\*|/\*|<!--|!|rem\s|dnl\s)")
_MOST_WORDS: Final = 6
_SPOKEN: Final = re.compile(rb"pass|secret|token|user|please|must|key|[.?!:]$", re.IGNORECASE)
_PROSE: Final = re.compile(rb"\s+[A-Za-z(]\w*\s+[A-Za-z(]")


def holds_credential(seen: Occurrence) -> bool:
    """Whether the line around an occurrence says a secret."""
    line = seen.line.strip(b"\r")
    kind = text_of(seen.path, line)
    if kind is Text.NONE:
        return False
    # Comments show how a setting is written, and hold older ones.
    plain = kind is Text.SETTINGS and not _COMMENT.match(line)
    said = (found["value"] for form in SECRET_FORMS for found in form.finditer(line))
    test = is_secret if plain else is_strong
    return any(test(unquoted(value)) for value in said) or any(
        _is_credential(found, kind=kind, plain=plain) for found in _ASSIGNED.finditer(line)
    )


def _is_credential(found: "re.Match[bytes]", *, kind: Text, plain: bool) -> bool:
    key, value = found["key"], found["value"]
    last = _LAST_WORD.search(key.rstrip(b"-_."))
    if _ABOUT_FIRST.match(key.lstrip(b".-_[")) or (last and _ABOUT.fullmatch(last[1])):
        return False
    quoted = value[:1] in (b'"', b"'")
    bare = unquoted(value)
    spaced = not found[0].startswith(key + found["sign"] + value)
    if bare.lower() == key.lower() or _is_sentence(bare):
        return False
    if not quoted and (kind is Text.CODE or (spaced and _PROSE.match(found["rest"]))):
        return False
    return is_secret(bare) if plain else is_strong(bare)


def _is_sentence(value: bytes) -> bool:
    """Whether a quoted value speaks to a person."""
    words = value.split()
    return len(words) > _MOST_WORDS or (len(words) > 1 and _SPOKEN.search(value) is not None)


CREDENTIAL_RULES: Final = (
    SearchRule(
        kind="credential",
        strings=(
            *(text(word, "nocase") for word in (
                "pass", "pwd", "secret", "token", "key", "psk", "bindpw", "bind_pw", "rootpw",
                "masterauth", "credential", "community", "com2sec", "createuser", "kennwort",
                "contrase", "authorization", "identified by", "login=", "smbclient", "rpcclient",
                "redis-cli", "ldap", "_salt", "_auth",
            )),
            regex(r"://[^\s:/@\x22'<>]{0,64}:[^\s@/\x22'<>]{1,128}@"),
            regex(r"\bcurl\b[^\n]{1,200}(-u|--user|-U|--proxy-user)"),
            regex(r"\b(mysql|mariadb|mongo|7za?|zip|unrar|rar)[^\n|;]{1,200}\s-[pP][^\s-]"),
            regex(r":\s{0,4}(PSK|EAP|XAUTH|NTLM|PIN|P12)\s"),
            regex(r"\n[^\s:#]{1,128}:([0-9]{2,5}|\*):[^\s:]{1,64}:[^\s:]{1,64}:[^\s:]{2,128}"),
        ),
        judge=holds_credential,
    ),
)  # fmt: skip
