"""Credentials in settings: what a keyword such as "password" is said to be.

The usual settings are INI, YAML, JSON, shell and the like: a key, a sign and a value. Other forms
are in `secret_forms`.
"""

import re
from typing import Final

from builder.inside.search_rules.command_lines import COMMAND_LINES
from builder.inside.search_rules.directives import DIRECTIVES
from builder.inside.search_rules.place import Text, text_of
from builder.inside.search_rules.plausible import is_random, is_secret, is_strong, unquoted
from builder.inside.search_rules.rule import Judge, Occurrence, SearchRule, regex
from builder.inside.search_rules.secret_form import SecretForm
from builder.inside.search_rules.secret_forms import ADDRESS, SECRET_FORMS

_KEYWORD: Final = (
    rb"(?:passw(?:or)?d|passwort|passphrase|passcode|contrase(?:n|\xc3\xb1)a|kennwort|secret|token"
    rb"|(?:api|access|account|app|auth|consumer|encrypt(?:ion)?|link|master|preshared"
    rb"|private|security|session|shared|signing|storage|wep)[-_ ]?key\d?|community|credential"
    rb"|bind_?pw|rootpw|requirepass|authtok"
    rb"|masterauth|(?<![A-Za-z])(?:pass|pwd|pw|psk|passwd|auth|salt)(?![a-z0-9])"
    rb"|(?<=[a-z_])(?:Pass|Pwd|PSK)(?![a-z])|(?<=[a-z])(?:pass|pwd|pw)(?=[\"'\]]?\s{0,4}[=:]))"
)
_ASSIGNED: Final = re.compile(
    rb"(?P<key>[\w.\[-]{0,60}?" + _KEYWORD + rb"[\w.-]{0,40})[\"'\]}]{0,2}[ \t]{0,8}"
    rb"(?P<sign>=>|:=|\+=|=|:)[ \t]{0,8}"
    rb"(?P<value>\"[^\"]{1,512}\"|'[^']{1,512}'|\{[A-Za-z0-9-]{2,12}\}[^\s\"',;]{8,512}|[^\s\"',;&<>{}\[\]()]{1,512})(?P<rest>.{0,40})",
    re.IGNORECASE,
)
# Settings about passwords, which are none.
_ABOUT: Final = re.compile(
    rb"(?:file|path|dir|folder|ttl|timeout|time|len|length|min|max|expir\w*|age|type|ur[il]|host"
    rb"|port|endpoint|name|id|polic\w*|prompt|label|field|format|count|limit|req\w*|enable\w*"
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
_LONGEST_KEY: Final = 60  # bytes in front of a keyword
_LONGEST_VALUE: Final = 700
_OF_KEY: Final = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.[-"
_SPOKEN: Final = re.compile(rb"pass|secret|token|user|please|must|key|[.?!:]$", re.IGNORECASE)
_PORT: Final = re.compile(rb"[0-9]{1,5}")
_PROSE: Final = re.compile(rb"\s+[A-Za-z(]\w*\s+[A-Za-z(]")


def _text_around(seen: Occurrence) -> tuple[Text, bool]:
    """Return what kind of text it is in, and whether its line says what it means."""
    line = seen.line()
    kind = Text.NONE if seen.binary else text_of(seen.path, line)
    # Comments show how a setting is written, and hold older ones.
    return kind, kind is Text.SETTINGS and not _COMMENT.match(line)


def _assigns_secret(seen: Occurrence) -> bool:
    """Whether the key that has this keyword is given a secret there."""
    kind, plain = _text_around(seen)
    if kind is Text.NONE:
        return False
    before = seen.data[max(0, seen.start - _LONGEST_KEY) : seen.start]
    first = seen.start - (len(before) - len(before.rstrip(_OF_KEY)))
    ends = seen.data.find(b"\n", seen.start, seen.start + _LONGEST_VALUE)
    found = _ASSIGNED.match(seen.data, first, ends if ends >= 0 else seen.start + _LONGEST_VALUE)
    return found is not None and _is_credential(found, kind=kind, plain=plain)


def _judge(form: SecretForm) -> Judge:
    def says_secret(seen: Occurrence) -> bool:
        kind, plain = _text_around(seen)
        if kind is Text.NONE or (form.random and kind is Text.CODE):
            return False
        line = seen.line().strip(b"\r\n")
        test = is_random if form.random else is_secret if plain else is_strong
        found = (match.groupdict() for match in form.pattern.finditer(line))
        return any(test(unquoted(each["value"] or each["quoted"])) for each in found)

    return says_secret


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
    if not quoted and (kind is Text.CODE or _is_no_value(found, spaced=spaced)):
        return False
    return is_secret(bare) if plain else is_strong(bare)


def _is_no_value(found: "re.Match[bytes]", *, spaced: bool) -> bool:
    """Whether what follows a key without quotes is prose, a call, or the port of a host."""
    rest, value = found["rest"], found["value"]
    if rest[:1] == b"(" or (spaced and _PROSE.match(rest)):
        return True
    return found["sign"] == b":" and b"." in found["key"] and _PORT.fullmatch(value) is not None


def _is_sentence(value: bytes) -> bool:
    """Whether a quoted value speaks to a person."""
    words = value.split()
    return len(words) > _MOST_WORDS or (len(words) > 1 and _SPOKEN.search(value) is not None)


CREDENTIAL_RULES: Final = (
    SearchRule(
        kind="credential",
        strings=(
            regex(
                r"(pass|pwd|secret|token|key|psk|credential|bind_?pw|rootpw|masterauth|auth|salt|"
                r"community|kennwort|contrase)[A-Za-z0-9_.-]{0,40}['\x22\]}]{0,2}[ \t]{0,8}"
                r"(=>|[:+]=|=|:)[ \t]{0,8}[^ \t\n]",
                "nocase",
            ),
            regex(r"\bpw['\x22\]]{0,2}[ \t]{0,8}[:=][ \t]{0,8}[^ \t\n]", "nocase"),
        ),
        judge=_assigns_secret,
    ),
    *(
        SearchRule(kind="credential", strings=form.finds, judge=_judge(form))
        for form in (*COMMAND_LINES, *SECRET_FORMS, *DIRECTIVES)
    ),
)
# Links lead to addresses, too.
LINK_RULES: Final = (SearchRule(kind="credential", strings=ADDRESS.finds, judge=_judge(ADDRESS)),)
