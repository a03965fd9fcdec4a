"""Secrets that are told over two lines or more, or in pairs of a name and a value.

Sources: OpenVPN's manual (inline files), expect(1), pexpect, chat(8), ftp(1), bash(1) on here
documents and here strings, YAML 1.2, Kubernetes' EnvVar, Hadoop's and Spring's XML, Apple's
property lists, .NET's appSettings.
"""

import re
from dataclasses import dataclass
from typing import Final

from builder.inside.search_rules.place import Text, text_of
from builder.inside.search_rules.plausible import is_secret, is_strong, unquoted
from builder.inside.search_rules.rule import Judge, Occurrence, SearchRule, regex

_BEFORE: Final = 256  # bytes in front of what YARA finds
_AFTER: Final = 768
_COMMENT: Final = re.compile(rb"\s*(?:#|;|//)")
_PROMPT: Final = rb"(?:assw(?:or)?d|assphrase|asscode|\bPIN\b|sword|pw:)"
_NAME: Final = (
    rb"[\w.:/-]{0,60}(?:passw(?:or)?d|passphrase|passwort|secret|token|(?:api|access|private|secret|"
    rb"account|auth|encryption|signing|master)[-_.]?key)"
)
_VALUE: Final = rb"(?P<value>[^\s\"'<>]{3,256})"
_WORD: Final = rb"(?P<value>[^\s\"'<>:=#{}\[\],|&-][^\s\"'<>:={}\[\],|&]{2,128})"
_ASKING: Final = rb"(?:passwd|chpasswd|smbpasswd|sudo|su|kinit|cryptsetup|gpg2?|openssl|htpasswd)"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """A form; `finds` are strings of YARA, which find something within each."""

    finds: tuple[str, ...]
    pattern: "re.Pattern[bytes]"  # the group `value` is the secret


def _form(pattern: bytes, *finds: str) -> _Form:
    return _Form(finds=finds, pattern=re.compile(pattern, re.IGNORECASE | re.MULTILINE))


_FORMS: Final = (
    _form(rb"<auth-user-pass>\s*\n\s*\S{1,128}\s*\n\s*(?P<value>\S{1,128})\s*\n",
          regex(r"<auth-user-pass>", "nocase")),
    # answers of Windows' setup: a name, and its value in another element
    _form(rb"<(?:\w{1,20}:)?\w{0,30}Password>\s{0,40}<Value>(?P<value>[^<>\s]{3,256})</Value>",
          regex(r"Password>\s{0,40}<Value>", "nocase")),
    # what Subversion keeps: the length of a name and the name, the length of a value and the value
    _form(rb"^K \d{1,3}\n(?:password|passphrase)\nV \d{1,4}\n(?P<value>[^\n]{3,256})\n",
          regex(r"\n(password|passphrase)\nV [0-9]")),
    # cloud-init's lists, and GRUB's passwords
    _form(rb"\bchpasswd:[ \t]{0,4}\n(?:[ \t]{1,20}[\w-]{1,20}:[ \t]{0,4}\w{0,10}\n){0,3}?"
          rb"[ \t]{1,20}list:[ \t]{0,4}[>|]?-?[ \t]{0,4}\n[ \t-]{1,40}"
          rb"[\w.-]{1,64}:(?P<value>[^\s:]{3,128})", regex(r"\bchpasswd:")),
    _form(rb"\bsuperusers\b[^\n]{0,200}\n(?:[^\n]{0,200}\n){0,20}?"
          rb"[ \t]{0,20}password[ \t]{1,8}[^\s$]{1,64}[ \t]{1,8}(?P<value>\S{3,128})",
          regex(r"\bsuperusers\b")),
    # expect, also within braces, and what does the same for Python and Perl
    _form(_PROMPT + rb"[^\n]{0,60}(?:\n[^\n]{0,80}){0,3}?\b(?:send(?:_user|line)?|sendline)\b"
          rb"[\s(]{1,4}(?:-{1,2}\w{0,4}\s{1,4}){0,2}[\"'{]" + rb"(?P<value>[^\s\"'{}]{3,128}?)"
          rb"(?:\\[rn]){0,2}[\"'}]",
          regex(r"\bsend(_user|line)?[ \t(]{1,4}(-{1,2}[a-z]{0,4}[ \t]{1,4}){0,2}['\x22{]")),
    # chat scripts, which are pairs of what comes and what goes
    _form(rb"(?:^|[\s\"'])(?:assword|ssword|sword|word)[:?]?-{0,2}[\"']?[ \t]{1,8}[\"']?(?:\\q)?"
          + _VALUE, regex(r"[\s\x22'](as|s)?s?word[:?]-{0,2}['\x22]?[ \t]")),
    # ftp
    _form(rb"^\s{0,8}(?:quote\s{1,4})?(?:user\s{1,4}[\w.@-]{1,64}|PASS)[ \t]{1,4}"
          rb"(?P<value>(?=\S*[0-9!@#%^&+])[^\s;\"'<>]{5,64})\s{0,4}$",
          regex(r"(^|\n)[ \t]{0,8}(quote )?(user [a-z0-9_.@-]{1,64}|PASS)[ \t]{1,4}[^ \t\n]{5}",
                "nocase")),
    _form(rb"\b(?:lftp|open)\b[^\n|;]{0,200}\s-u\s{0,4}[\"']?[^\s,\"'$]{1,64}," + _VALUE,
          regex(r"\b(lftp|open)\b[^\n|;]{0,200}[ \t]-u")),
    # here strings, here documents and pipes for programs that ask
    _form(rb"\b" + _ASKING + rb"\b[^\n|;]{0,200}<<<[ \t]{0,4}[\"']?" + _VALUE,
          regex(r"<<<[ \t]{0,4}['\x22]?[^ \t\n$]")),
    _form(rb"\b" + _ASKING + rb"\b[^\n|;]{0,200}<<-?[ \t]{0,4}[\"'\\]?\w{1,32}[\"']?\s*\n\s*"
          rb"(?:[\w.-]{1,32}:)?(?P<value>[^\s:\"'<>]{3,128})\s*\n",
          regex(r"<<-?[ \t]{0,4}['\x22\\]?[A-Za-z_]{1,32}['\x22]?[ \t]{0,4}\n")),
    _form(rb"\bprintf\s{1,4}(?:[\"'][^\"'\n]{0,20}%[^\"'\n]{0,20}[\"']\s{1,4})[\"']?" + _VALUE
          + rb"[\"']?\s{0,4}\|[^\n]{0,60}\b" + _ASKING,
          regex(r"\bprintf [^\n|]{1,256}\|")),
    _form(rb"^[ \t]{0,20}(?:export\s)?" + _NAME + rb"=\\\n" + _WORD,
          regex(r"(password|passwd|passphrase|secret|token|key)=\\\r?\n", "nocase")),
    # YAML, with the value on the next line
    _form(rb"^[ \t]{0,40}[\"']?" + _NAME + rb"[\"']?:[ \t]{0,4}(?:[>|][+-]?)?[ \t]{0,4}\n"
          rb"[ \t]{1,60}[\"']?" + _WORD + rb"[\"']?[ \t]{0,4}$",
          regex(r"(password|passwd|passphrase|passwort|secret|token|key)['\x22]?:[ \t]{0,4}"
                r"([>|][+-]?)?[ \t]{0,4}\r?\n[ \t]", "nocase")),
    # a name and its value
    _form(rb"[\"']?\bname[\"']?\s{0,4}[:=]\s{0,4}[\"']?" + _NAME + rb"[\"']?\s{0,4},?\s{1,60}"
          rb"[\"']?value[\"']?\s{0,4}[:=]\s{0,4}(?:\"(?P<value>[^\"\n]{3,256})\"|'(?P<single>[^'\n]"
          rb"{3,256})'|(?P<bare>[^\s\"'<>{}]{3,256}))",
          regex(r"\bname['\x22]?\s{0,4}[:=]\s{0,4}['\x22]?[a-z0-9_.:\/-]{0,60}"
                r"(pass|secret|token|key)[a-z]{0,10}['\x22]?\s{0,4},?\s{1,60}['\x22]?value",
                "nocase")),
    _form(rb"\bkey\s{0,4}=\s{0,4}[\"']" + _NAME + rb"[\"']\s{1,20}value\s{0,4}=\s{0,4}[\"']"
          rb"(?P<value>[^\"'\n]{3,256})[\"']",
          regex(r"\bkey\s{0,4}=\s{0,4}['\x22][^'\x22\n]{1,80}['\x22]\s{1,20}value\s{0,4}=",
                "nocase")),
    _form(rb"<(?:name|key|param-name|string)>\s{0,20}" + _NAME + rb"\s{0,20}</[\w-]{1,20}>\s{0,60}"
          rb"<(?:value|string|param-value)>\s{0,20}(?P<value>[^<>\s]{3,256})",
          regex(r"(pass|secret|token|key)[a-z]{0,10}\s{0,20}<\/(name|key|param-name|string)>\s{0,60}"
                r"<(value|string|param-value)>", "nocase")),
    _form(rb"<(?:entry|property|param|setting|prop)\s[^<>\n]{0,40}[\"']" + _NAME
          + rb"[\"'][^<>\n]{0,40}>(?P<value>[^<>\n]{3,256})</",
          regex(r"<(entry|property|param|setting|prop)\s[^<>\n]{0,100}>[^<>\n]{3,256}<\/",
                "nocase")),
)  # fmt: skip
_GROUPS: Final = ("value", "single", "bare")


def _judge(form: _Form) -> Judge:
    def says_secret(seen: Occurrence) -> bool:
        line = seen.line()
        kind = Text.NONE if seen.binary else text_of(seen.path, line)
        if kind is Text.NONE:
            return False
        test = is_secret if kind is Text.SETTINGS and not _COMMENT.match(line) else is_strong
        around = seen.data[max(0, seen.start - _BEFORE) : seen.end + _AFTER].replace(b"\r\n", b"\n")
        return any(test(unquoted(_value(found))) for found in form.pattern.finditer(around))

    return says_secret


def _value(found: "re.Match[bytes]") -> bytes:
    groups = found.groupdict()
    return next((groups[name] for name in _GROUPS if groups.get(name)), b"")


SEVERAL_LINES_RULES: Final = tuple(
    SearchRule(kind="credential", strings=form.finds, judge=_judge(form)) for form in _FORMS
)
