"""Tells a secret from what only stands in its place: a variable, a placeholder, a path, a word."""

import re
from typing import Final

# What settings say instead of a secret, and what documentation shows as one.
_WORDS: Final = frozenset(
    b"yes no true false none null nil undefined on off ask prompt auto default optional required "
    b"requisite sufficient include disabled enabled always never any all empty unset string str "
    b"int integer bool boolean bytes text password passwd passphrase pass pwd secret token key "
    b"value example sample foo bar baz foobar xxx xxxx todo tbd fixme dummy placeholder redacted "
    b"hidden file env environment keyring keychain wallet vault stdin plain plaintext md5 sha1 "
    b"sha256 sha512 bcrypt crypt scram peer trust ident gss basic digest bearer hidden removed "
    b"system files user root self this not new old current username login changeit changeme".split()
)
_INSTEAD: Final = re.compile(
    rb"""\$[A-Za-z_{(\[@*#?0-9]   # a variable
    |[%@#][A-Za-z_({\[]|%%|\{\{|\{[A-Za-z_ ]*\}(?![A-Za-z0-9+/=]{16})
    |<[^>]*>?$|\[[^\]]*\]$|`|!vault|!secret|!env|!ref
    |\\[$%({]|@@|__\w+__$|\.{3}|-{1,2}[A-Za-z]|&\w+;|\*[A-Za-z_]\w*$
    |(?:/|~/|\.{1,2}/)[\w.+@~%-]+(?:/|\.|$)|file:|[A-Za-z]:\\|env:|vault:|secretsmanager:
    |(?:your|my|insert|replace|change|enter|put|set|the|an?|some|fill)[-_ ]
    |(?:your|insert|enter)[A-Z]
    |[A-Za-z_][\w.]{0,80}\(     # a call
    |os\.|process\.env|self\.|this\.|config\.|settings\.|secrets\.|args\.|options\.|opts\.
    |\d{1,4}(?:\.\d{1,4}){1,3}[-+~\w.]{0,8}$    # a version
    |(?-i:(?:0x)?(?=[0-9]*[A-F])[0-9A-F]{40})$   # a fingerprint of OpenPGP
    |[a-z]+://[^@\s]*$""",
    re.VERBOSE | re.IGNORECASE,
)
_SHOWN: Final = re.compile(  # in manuals
    rb"(?:my|test|some|super|new|old)?[-_]?(?:password|passphrase|secret|token|apikey)[-_]?[0-9]{1,4}",
    re.IGNORECASE,
)
_LEAST: Final = 3
_LEAST_STRONG: Final = 8
_LEAST_RANDOM: Final = 16
_COUNTED: Final = (b"000102", b"012345", b"123456", b"abcdef", b"00000000")  # in examples
_HEX: Final = re.compile(rb"[0-9a-f]+|[0-9A-F]+")


def unquoted(value: bytes) -> bytes:
    """Return a value without the quotes around it."""
    value = value.strip()
    if len(value) > 1 and value[:1] in (b'"', b"'", b"`") and value[-1:] == value[:1]:
        return value[1:-1].strip()
    return value


def is_secret(value: bytes) -> bool:
    """Whether a value, without its quotes, can be a secret itself."""
    if len(value) < _LEAST or len(set(value)) < 2 or b"\0" in value:
        return False
    lower = value.lower()
    if lower in _WORDS or _INSTEAD.match(value):
        return False
    return not set(lower) <= set(b"*x.-_?#")


def is_strong(value: bytes) -> bool:
    """Whether a value looks made up by a machine, or as one is told to: letters and digits."""
    return (
        is_secret(value)
        and len(value) >= _LEAST_STRONG
        and re.search(rb"[0-9]", value) is not None
        and re.search(rb"[A-Za-z]", value) is not None
        and b" " not in value
        and len(set(value)) > 5
        and _SHOWN.fullmatch(value) is None
    )


def is_random(value: bytes) -> bool:
    """Whether a value can only be made up by a machine: hexadecimal, or letters of every kind."""
    if not is_secret(value) or len(value) < _LEAST_RANDOM or len(set(value)) < _LEAST_STRONG:
        return False
    if any(run in value.lower() for run in _COUNTED):
        return False
    digits = len(re.findall(rb"[0-9]", value))
    letters = len(re.findall(rb"[A-Za-z]", value))
    if _HEX.fullmatch(value):
        return len(value) >= 2 * _LEAST_RANDOM and digits > 0 and letters > 0
    mixed = re.search(rb"[a-z]", value) is not None and re.search(rb"[A-Z]", value) is not None
    # Words that are joined have few changes between kinds of letters for their length.
    changes = len(re.findall(rb"[a-z](?=[A-Z0-9])|[A-Z](?=[0-9])|[0-9](?=[A-Za-z])", value))
    return mixed and digits > 0 and letters > 0 and changes * 5 >= len(value)
