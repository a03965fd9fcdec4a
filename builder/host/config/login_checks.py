"""The rules for a password hash and for public keys, of which no message shows the value."""

import base64
import binascii
import re
from typing import Final

from builder.basics.errors import UsageError
from builder.basics.forms import PASSWORD_HASH
from builder.host.config.rule import Rule, anchored

MOST_KEYS: Final = 50
_WEAK: Final = re.compile(r"[./A-Za-z0-9]{13}|_[./A-Za-z0-9]{19}|\$(1|2x|3|md5|sha1)[$,].*")
_MAKE_ONE: Final = "Make one with `mkpasswd` or `openssl passwd -6`."

_TYPES: Final = (
    "ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com",
)  # fmt: skip
_TYPE: Final = "|".join(map(re.escape, _TYPES))
# Options as in sshd(8): words, some with a quoted value, without spaces between them.
_KEY: Final = (
    rf'((?:[^\s"\x00-\x1f\x7f]|"[^"\x00-\x1f\x7f]*")+ +)?({_TYPE}) +([A-Za-z0-9+/]+={{0,2}})( .*)?'
)


def _password_hash(text: str) -> str:
    """Check a hash in the form of crypt(5)."""
    if re.fullmatch(PASSWORD_HASH, text):
        return text
    if _WEAK.fullmatch(text):
        raise UsageError(
            "The password hash is of a method whose passwords are found within hours",
            hint=_MAKE_ONE,
        )
    raise UsageError("This is not a password hash that crypt(5) makes", hint=_MAKE_ONE)


def _authorized_key(text: str) -> str:
    """Check a line of authorized_keys, and take off its comment, which says whose key it is."""
    match = re.fullmatch(_KEY, text)
    if match is None or not _is_key(match[2], match[3]):
        raise UsageError(
            "This is not a public key for ssh",
            hint="Copy the line from a file like ~/.ssh/id_ed25519.pub.",
        )
    return f"{(match[1] or '').strip()} {match[2]} {match[3]}".strip()


def _is_key(kind: str, encoded: str) -> bool:
    """Whether a key says of itself what its line says: RFC 4253, 6.6."""
    try:
        data = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        return False
    name = kind.encode()
    return data.startswith(len(name).to_bytes(4, "big") + name) and len(data) > len(name) + 4


def authorized_keys(keys: tuple[str, ...]) -> tuple[str, ...]:
    """Check the keys together."""
    if len(keys) > MOST_KEYS:
        raise UsageError(
            "There are {count} keys; at most {most} are allowed",
            hint="Leave some of them out.",
            count=len(keys),
            most=MOST_KEYS,
        )
    return keys


password_hash: Final = Rule(check=_password_hash, schema={"pattern": anchored(PASSWORD_HASH)})
authorized_key: Final = Rule(check=_authorized_key, schema={"pattern": anchored(_KEY)})
