"""Files whose names say that they hold a secret, if they hold anything."""

import re
from typing import Final

from builder.inside.search_rules.formats import Head
from builder.inside.search_rules.place import Text, text_of
from builder.inside.search_rules.plausible import is_secret, unquoted

# Only programs that keep secrets there write these: whatever they hold is one.
_ALWAYS: Final = re.compile(
    rb"(?:^|/)(?:\.?netrc|_netrc|\.pgpass|pgpass\.conf|\.my\.cnf|\.mylogin\.cnf|[a-z0-9]{2,12}-secrets|"
    rb"rsyncd\.secrets|davfs2/secrets|sasl_passwd(?:\.db)?|sasldb2?|passwd\.client|psk\.txt|"
    rb"\.?smb_?credentials|\.?cifs-?credentials|\.cred(?:ential)?s?|smbpasswd|secrets\.[tl]db|"
    rb"passdb\.tdb|\.?htpasswd\d?|\.?htdigest|\.git-credentials|\.erlang\.cookie|munge\.key|"
    rb"krb5\.keytab|\.k5\.[^/]+|\.dockercfg|\.s3cfg|\.boto|rclone\.conf|\.vault[-_]?pass[^/]*|"
    rb"\.ansible_vault[^/]*|\.Xauthority|\.ICEauthority|[a-z]{0,6}\.?vnc[a-z]{0,6}/passwd|kdbx|wallet\.dat|"
    rb"dma/auth\.conf|pam_radius_auth\.conf|radiusclient[a-z-]{0,8}/servers|client\.keys|\.cvspass|\.cloginrc|"
    rb"mail/(?:auth/)?(?:secrets|authinfo|client-info)|keyring_pass\.cfg|router\.db|tarsnap\.key|"
    rb"gocryptfs\.conf|\.encfs\d\.xml|masterkey\.cryptomator|crypto_keyfile\.bin|random-seed|credential\.secret|id_(?:rsa|dsa|ecdsa|ed25519)(?:_sk)?|"
    rb"ssh_host_[a-z0-9]+_key|key[34]\.db|logins\.json|cookies\.sqlite|Login Data|Cookies|"
    rb"\.(?:bash|zsh|sh|ash|fish|python|mysql|psql|sqlite|node_repl|rediscli|irb)_?history|"
    rb"\.(?:lesshst|viminfo|wget-hsts)|[^/]+\.(?:keytab|kdbx?|jks|jceks|bks|bcfks|keychain(?:-db)?|psafe3|ovpn|agekey|kwallet|keyring))$",
    re.IGNORECASE,
)
# Others hold secrets under such names, but not only secrets: one short line says which it is.
_MAYBE: Final = re.compile(
    rb"(?:pass(?:w(?:or)?d|phrase|code)?(?![a-z])|secrets?(?![a-z])|token|cookie|credentials?|"
    rb"api[-_]?key|keyfile|(?:^|[-_.])(?:psk|pw|pwd|cred|key)s?(?:$|[-_.]))",
    re.IGNORECASE,
)
# Lists of names with a secret behind each, and files of settings that are all secrets.
_LIST: Final = re.compile(
    rb"(?:^|/)[^/]*(?:passw(?:or)?d|users?|logins?|auth|accounts?|realm|credentials?)(?:[._-][^/]*)?$",
    re.IGNORECASE,
)
_STRICT_LIST: Final = re.compile(
    rb"(?:^|/)(?:[^/]*passw(?:or)?d|realm|[^/]*users\.properties)[^/]*$", re.IGNORECASE
)
_ENTRY: Final = re.compile(
    rb"(?P<name>[\w.@-]{1,64})(?P<sign>:|[ \t]*=[ \t]*|:[ \t]+)(?P<value>[^\s:=,;/]{4,128})"
    rb"(?:[:,][ \t]?[^:,\s]{0,100}){0,8}[ \t\r]*"
)
_SECTION: Final = re.compile(rb"\s*\[[^\]]*\]\s*")
_SECRETS: Final = re.compile(
    rb"(?:^|/)[^/]*secrets?\.(?:ya?ml|json|toml|ini|env|properties|conf|cfg)$", re.IGNORECASE
)
_SETTING: Final = re.compile(
    rb"(?!\s*(?:kind|apiVersion|name|namespace|type|metadata)\b)"
    rb"\s*[\"']?[\w.-]{1,64}[\"']?\s*[:=]\s*(?P<value>[^\s{\[][^\n]{0,256}?),?"
)
_PROGRAMS: Final = re.compile(rb"/usr/(?:local/)?(?:share|lib|libexec|include|src)/")
# A name and a password, each on a line: `auth-user-pass` of OpenVPN, and others.
_LOGIN: Final = re.compile(
    rb"(?:vpn|auth|login|logon|cred|account|userpass|user[-_]pass|(?:^|[./_-])up$)[^/]*$"
    rb"|/openvpn/",
    re.IGNORECASE,
)
_LOGIN_LINES: Final = re.compile(
    rb"[ \t]*[\w.@+-]{2,64}[ \t]*\r?\n[ \t]*(?P<value>[^\s=:<>{}()]{4,128})[ \t]*\r?\n?"
)
_ACCOUNTS: Final = (b"passwd", b"passwd-")  # accounts without their hashes
_LONGEST: Final = 4 << 10
_MOST_LINES: Final = 3
_LARGEST_LIST: Final = 64 << 10
_LONGEST_LINE: Final = 1 << 10
_COMMENT: Final = re.compile(rb"\s*(?:[#;]|//|$)")
_WORD: Final = re.compile(rb"[^\s<>{}()]{4,}$")


def is_secret_file(head: Head) -> bool:
    """Whether the file's name says that it holds a secret, and it holds anything."""
    name = head.path.rpartition(b"/")[2]
    if not head.size or name.endswith(b".pub"):
        return False
    if _ALWAYS.search(head.path):
        return bool(_lines(head))
    if _is_login(head) or _is_list(head) or _is_all_secrets(head):
        return True
    if head.size > _LONGEST or name in _ACCOUNTS or not _MAYBE.search(name):
        return False
    lines = _lines(head)
    if not 0 < len(lines) <= _MOST_LINES or text_of(head.path, head.start) is not Text.SETTINGS:
        return False
    return all(_WORD.match(line) and is_secret(unquoted(line)) for line in lines)


def _lines(head: Head) -> list[bytes]:
    return [line for line in head.start.split(b"\n") if not _COMMENT.match(line)]


def _is_list(head: Head) -> bool:
    """Whether every line has a name and a secret."""
    if head.size > _LARGEST_LIST or not _LIST.search(head.path) or _PROGRAMS.match(head.path):
        return False
    if text_of(head.path, head.start) is not Text.SETTINGS:
        return False
    strict = _STRICT_LIST.search(head.path) is not None
    lines = [line for line in _lines(head) if not _SECTION.fullmatch(line)]
    entries = [found for line in lines if (found := _ENTRY.fullmatch(line))]
    if not entries or len(entries) < len(lines):
        return False
    return all(
        (strict or each["sign"] == b":")
        and is_secret(unquoted(each["value"]))
        and each["value"] != each["name"]
        and not each["value"].isdigit()
        for each in entries
    )


def _is_all_secrets(head: Head) -> bool:
    """Whether the file is named "secrets", and has settings."""
    if head.size > _LARGEST_LIST or not _SECRETS.search(head.path) or _PROGRAMS.match(head.path):
        return False
    lines = (line for line in _lines(head) if len(line) < _LONGEST_LINE)
    values = (found["value"] for line in lines if (found := _SETTING.fullmatch(line.strip())))
    return any(is_secret(unquoted(value)) for value in values)


def _is_login(head: Head) -> bool:
    found = _LOGIN_LINES.fullmatch(head.start) if _LOGIN.search(head.path) else None
    if found is None or text_of(head.path, head.start) is not Text.SETTINGS:
        return False
    value = found["value"]
    return is_secret(value) and re.search(rb"[0-9!@#$%^&*+?]|[a-z][A-Z]", value) is not None
