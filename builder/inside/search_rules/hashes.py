"""Hashes of passwords, in the formats that crypt(5), servers and libraries write.

Sources: crypt(5) of libxcrypt, shadow(5), RFC 5803 (SCRAM), RFC 2307 and OpenLDAP's {SCHEME},
grub-mkpasswd-pbkdf2(1), smbpasswd(5), htpasswd(1), htdigest(1), Passlib's list.
"""

import re
from typing import Final

from builder.inside.search_rules.place import Text, text_of
from builder.inside.search_rules.plausible import is_random
from builder.inside.search_rules.rule import Occurrence, SearchRule, regex

_B64: Final = "[./0-9A-Za-z]"
_NOT_LOCKED: Final = re.compile(
    rb"[^:\n]{1,64}:[!*]{0,2}(?:\$[^:\n]{6,}|_?[./0-9A-Za-z]{13,20}):\d*:\d*:"
)
_HTPASSWD: Final = re.compile(rb"passw|htpass|users|\.auth", re.IGNORECASE)
# An account of passwd(5), which ends in a shell: /usr/bin/fish is as long as a hash of DES.
_ACCOUNT: Final = re.compile(rb"[^:]*:[^:]*:\d+:\d+:[^:]*:[^:]*:/[^:]*")
# In a file of any name: what crypt(3) made with DES has letters of every kind.
_CRYPTED: Final = re.compile(
    rb"[\w.@-]{1,64}:(?=[^:]*[a-z])(?=[^:]*[A-Z])(?=[^:]*[0-9./])(?![A-Z]?[a-z]+[0-9]*\b)[./0-9A-Za-z]{13}\r?"
)
_LETTERS: Final = re.compile(rb"[A-Za-z0-9+/]{28,}={0,2}")
_DIGEST: Final = re.compile(rb"digest|realm|passw|users", re.IGNORECASE)


def _is_shadow_line(seen: Occurrence) -> bool:
    return _NOT_LOCKED.match(seen.line()) is not None


def _is_in_password_file(seen: Occurrence) -> bool:
    """Whether the file has a name that htpasswd(1) files get, and the line is one of theirs."""
    line = seen.line().partition(b"\n")[0]  # the end of the line is part of what was found
    if _ACCOUNT.fullmatch(line) is not None:
        return False
    return (
        _HTPASSWD.search(seen.path.rpartition(b"/")[2]) is not None
        or _CRYPTED.fullmatch(line) is not None
    )


def _is_in_digest_file(seen: Occurrence) -> bool:
    return _DIGEST.search(seen.path.rpartition(b"/")[2]) is not None


def _is_made_up(seen: Occurrence) -> bool:
    """Whether a hash follows the name of one, and no name of a function."""
    value = _LETTERS.search(seen.matched + seen.after[:128])
    return (
        value is not None
        and is_random(value[0].rstrip(b"="))
        and text_of(seen.path, seen.line()) is Text.SETTINGS
    )


HASH_RULES: Final = (
    SearchRule(
        kind="password-hash",
        strings=(
            regex(rf"\$(1|apr1)\${_B64}{{1,8}}\${_B64}{{22}}"),
            regex(rf"\$2[abxy]?\$[0-3][0-9]\${_B64}{{53}}"),
            regex(rf"\$5\$(rounds=[0-9]{{1,9}}\$)?[^$:\s]{{0,16}}\${_B64}{{43}}"),
            regex(rf"\$6\$(rounds=[0-9]{{1,9}}\$)?[^$:\s]{{0,16}}\${_B64}{{86}}"),
            regex(rf"\$(y|gy)\${_B64}{{1,16}}\${_B64}{{1,86}}\${_B64}{{43}}"),
            regex(rf"\$[89]\${_B64}{{14}}\${_B64}{{43}}"),  # routers
            regex(rf"\$7\${_B64}{{11,97}}\${_B64}{{43}}"),
            regex(r"\$[67]\$[0-9]{1,7}\$[A-Za-z0-9+/]{8,}={0,2}\$[A-Za-z0-9+/]{40}"),  # Mosquitto
            regex(rf"\$sha1\$[0-9]{{1,9}}\${_B64}{{1,64}}\${_B64}{{28}}"),
            regex(rf"\$md5[,$][^\s:$]{{1,40}}\${{1,2}}{_B64}{{22}}"),
            regex(r"\$argon2(id|i|d)\$v=[0-9]{1,3}\$m=[0-9]{1,9},t=[0-9]{1,9},p=[0-9]{1,3}\$"
                  r"[A-Za-z0-9+/]{8,}\$[A-Za-z0-9+/]{16}"),
            regex(r"\$scrypt\$ln=[0-9]{1,2},r=[0-9]{1,3},p=[0-9]{1,3}\$[A-Za-z0-9+/]{8,}\$"),
            regex(r"\$pbkdf2(-sha(1|256|512))?\$[0-9]{1,9}\$[A-Za-z0-9+/.]{8,}\$"
                  r"[A-Za-z0-9+/.]{20}"),
            regex(r"\$bcrypt-sha256\$v=2,t=2[aby],r=[0-9]{1,2}\$"),
            regex(rf"\$[PHS]\$[B-U5-9./]{_B64}{{30}}"),  # phpass, Drupal
            regex(r"\$A\$005\$.{20}" + f"{_B64}{{43}}"),  # MySQL's caching_sha2_password
            regex(r"\bpbkdf2_sha(1|256)\$[0-9]{1,9}\$[A-Za-z0-9]{4,64}\$[A-Za-z0-9+/]{24}"),
            regex(r"\b(pbkdf2:sha(1|256|512):[0-9]{1,9}|scrypt:[0-9]{1,9}:[0-9]{1,3}:[0-9]{1,3})"
                  r"\$[A-Za-z0-9]{4,64}\$[0-9a-f]{40}"),
            regex(r"grub\.pbkdf2\.sha512\.[0-9]{1,9}\.[0-9A-F]{32,}\.[0-9A-F]{64}", "nocase"),
            regex(r"SCRAM-SHA-(1|256|512)\$[0-9]{1,9}:[A-Za-z0-9+/=]{8,}\$[A-Za-z0-9+/=]{20}"),
            regex(r"['\"]\*[0-9A-F]{40}['\"]"),  # mysql_native_password
            regex(r"\bmd5[0-9a-f]{32}\b['\"]"),  # PostgreSQL before 14
            regex(r"\{(S?SHA|S?SHA(224|256|384|512)|S?MD5|CRYPT|PBKDF2[A-Z0-9-]{0,12}|BLF-CRYPT|"
                  r"SHA(256|512)-CRYPT|MD5-CRYPT|ARGON2ID?|SCRAM-SHA-(1|256)|NTLM?|CRAM-MD5)\}"
                  r"[$A-Za-z0-9+/.]{13}", "nocase"),
            regex(r"userPassword:: ?[A-Za-z0-9+/]{4}", "nocase"),
            regex(r":[0-9A-FX]{32}:[0-9A-F]{32}:\[[A-Z ]{1,11}\]:LCT-"),  # smbpasswd(5)
            regex(r"-pbkdf2(:sha[0-9]{1,3})?-[0-9a-f]{40}"),  # CouchDB
            regex(r"@ByteArray\([A-Za-z0-9+/]{20,30}={0,2}:[A-Za-z0-9+/]{40}"),  # qBittorrent
            regex(r":SHA-(1|256|512),[0-9A-F]{40,128},[0-9A-F]{16}"),  # Neo4j
            regex(r"\bOBF:1[a-z0-9]{15}"),  # Jetty
            regex(rf"\bCRYPT:{_B64}{{13}}\b"),
            regex(r"\bPass(NTLMv2|NT|LM)[ \t]{1,16}[0-9A-F]{16}"),  # cntlm
            regex(r"['\"]\s{0,4}:\s{0,4}['\"][A-Za-z0-9+/]{43}= [A-Za-z0-9+/]{43}="),  # Solr
            regex(r"\b(nt|lm)[-_]?(hash|password)['\"]?\s{0,4}:?[=:]{1,2}\s{0,4}['\"]?"
                  r"(0x)?[0-9a-f]{32}\b", "nocase"),
        ),
    ),
    SearchRule(
        kind="password-hash",
        strings=(
            regex(r"(password|passwd|passwort|pw)[-_]?(hash|digest|verifier|sha-?(1|256|512)|pbkdf2)"
                  r"[a-z0-9_]{0,8}['\"]?\s{0,4}(=>|[:=])\s{0,4}['\"]?[A-Za-z0-9+/=]{28}", "nocase"),
        ),
        judge=_is_made_up,
    ),
    # Whatever crypt(3) writes there, also in schemes that are not listed above.
    SearchRule(
        kind="password-hash", strings=(regex(r":[0-9]{0,6}:[0-9]{0,6}:[0-9]{0,6}:[0-9]{0,6}:"),),
        judge=_is_shadow_line,
    ),
    SearchRule(
        kind="password-hash", strings=(regex(rf":_?{_B64}{{13}}(\s|$)"),),
        judge=_is_in_password_file,
    ),
    SearchRule(
        kind="password-hash", strings=(regex(r":[^:\n]{1,64}:[0-9a-f]{32}(\s|$)"),),
        judge=_is_in_digest_file,
    ),
)  # fmt: skip
