"""Private keys as text, in the formats of those who write them.

RFC 7468 (PEM), RFC 4716 and PROTOCOL.key (OpenSSH), PuTTY's appendix C, RFC 7517 (JWK), age's
specification, wg(8), BIND's dnssec-keygen(8), signify(1), borg-key(1), tarsnap-keygen(1) and
GnuPG's keyformat.txt. Programs that read keys contain such headers too: the key itself must
follow.
"""

import base64
import binascii
import contextlib
import re
from typing import Final

from builder.inside.search_rules.encoded_keys import are_in_no_order
from builder.inside.search_rules.place import Text, text_of
from builder.inside.search_rules.rule import Occurrence, SearchRule, regex, text

_BODY: Final = re.compile(rb"[A-Za-z0-9+/]{38,}|(?:[0-9a-f]{32}\s+){4}")
_ESCAPED_BREAK: Final = re.compile(rb"(?:\\+[rn])+")
_JWK_TYPE: Final = re.compile(rb'"kty"\s{0,8}:')
_PUTTY: Final = re.compile(rb"Private-Lines: \d")
_DNSSEC: Final = re.compile(
    rb"\n(?:PrivateKey|PrivateExponent|Key|Private_value\(x\)): ?[\w+/=]{16}"
)
# Of BitLocker, and of systemd-cryptenroll(1).
_RECOVERY: Final = re.compile(rb"(?<!\d)(?:\d{6}-){7}\d{6}|\b(?:[b-lnrtuv]{8}-){7}[b-lnrtuv]{8}\b")
_SIGNIFY: Final = re.compile(rb"\r?\n[A-Za-z0-9+/]{60}")


def _has_body(seen: Occurrence) -> bool:
    """Whether a key follows its header, also where line breaks are written as escapes."""
    after = _ESCAPED_BREAK.sub(b"\n", seen.after[:2048]).partition(b"-----END")[0]
    return _BODY.search(after) is not None


def _is_encoded_key(seen: Occurrence) -> bool:
    """Whether it is the base64 of a PEM file, as Kubernetes keeps keys, or of what holds one."""
    for shift in range(3):  # where four letters begin
        start = seen.start + shift
        letters = seen.data[start : start + 80].replace(b"\n", b"")[:60]
        with contextlib.suppress(binascii.Error):
            if b"PRIVATE KEY-----" in base64.b64decode(letters):
                return True
    return False


def _are_bytes_of_key(seen: Occurrence) -> bool:
    """Whether numbers are the bytes of a key: in no order, and no code's."""
    numbers = [int(each) for each in re.findall(rb"[0-9]+", seen.matched.partition(b"[")[2])]
    return text_of(seen.path, b"") is Text.SETTINGS and are_in_no_order(numbers)


def _is_in_jwk(seen: Occurrence) -> bool:
    return _JWK_TYPE.search(seen.before[-2048:] + seen.after) is not None


KEY_RULES: Final = (
    SearchRule(
        kind="private-key",
        strings=(
            regex(r"-{4,5} ?BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,10}-{4,5}"),
            text("-----BEGIN OpenVPN Static key"),
            text("-----BEGIN ARGO TUNNEL TOKEN"),
            regex(r"\bBORG(_REPO)?_KEY [0-9a-f]{64}"),
            text("# START OF TARSNAP KEY FILE"),
        ),
        judge=_has_body,
    ),
    SearchRule(
        kind="private-key", strings=(
            regex(r"LS0tLS1CRUdJTi[A-Za-z0-9+/]{30}"),
            regex(r"0tLS0tQkVHSU4g[A-Za-z0-9+/]{30}"),
            regex(r"tLS0tLUJFR0lO[A-Za-z0-9+/]{30}"),
        ),
        judge=_is_encoded_key,
    ),
    SearchRule(
        kind="private-key",
        strings=(text("PuTTY-User-Key-File-"),),
        judge=lambda seen: _PUTTY.search(seen.after) is not None,
    ),
    SearchRule(
        kind="private-key",
        strings=(
            regex(r"AGE-SECRET-KEY-(PQ-)?1[0-9A-Z]{50}"),
            regex(r"AGE-PLUGIN-[A-Z0-9]{1,30}-1[0-9A-Z]{8}"),
            # WireGuard's, as its own tools, systemd, NetworkManager and netplan write them
            regex(
                r"(private|preshared|pre-shared|public-private)[-_ ]?key['\"]?[ \t]{0,8}[=: ]"
                r"[ \t]{0,8}['\"]?[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=", "nocase"),
            regex(r"private['\"]?[ \t]{0,8}:[ \t]{0,8}['\"]?[A-Za-z0-9+/]{42}"
                  r"[AEIMQUYcgkosw048]="),
            # of GnuPG, in its older and its newer format
            regex(r"\((21:protected-private-key|11:private-key|20:shadowed-private-key)\("),
            regex(r"\((protected-)?private-key\s{0,8}\((rsa|ecc|dsa|elg|kyber)"),
            regex(r"\bprivkey:[0-9a-f]{64}"),  # Tailscale
            regex(r"\b(x|y|z|t)prv[1-9A-HJ-NP-Za-km-z]{100}"),  # BIP 32
            regex(r"\bnsec1[02-9ac-hj-np-z]{58}"),
            # the bytes of a key in base64, without the header of PEM
            regex(r"MII[A-Za-z0-9+/]{3}IBADANBgkqhkiG9w0BAQEFAASC[A-Za-z0-9+/]{60}"),  # PKCS #8
            regex(r"MII[A-Za-z0-9+/]{3}IBAAKC[AB][A-Za-z0-9+/]{60}"),  # PKCS #1
            regex(r"(MIGHAgEAMBM|MIG2AgEAMBA|MIHuAgEAMBA)GByqGSM49AgEG[A-Za-z0-9+/]{40}"),  # EC
            regex(r"(MHcCAQEEI|MIGkAgEBBD|MIHcAgEBBE)[A-Za-z0-9+/]{60}"),  # EC, SEC 1
            regex(r"MC4CAQAwBQYDK2V[wu]BCIEI[A-Za-z0-9+/]{42}"),  # Ed25519, X25519
            regex(r"b3BlbnNzaC1rZXktdjEA[A-Za-z0-9+/]{60}"),  # OpenSSH
            regex(r"== ed25519v1-secret: type\d"),  # Tor's onion services
            regex(r"\bed25519 a_[A-Za-z0-9_]{1,32} [A-Za-z0-9+/]{43}"),  # Synapse
            regex(r"\"[^\"\n]{0,20}(priv|secret)[^\"\n]{0,4}key[^\"\n]{0,10}\"\s{0,4}:\s{0,4}\{[^{}]{0,200}"
                  r"\"value\"\s{0,4}:\s{0,4}\"[A-Za-z0-9+/]{40}", "nocase"),  # Tendermint
            regex(r"\n\" (TOTP_AUTH|HOTP_COUNTER)"),  # of pam_google_authenticator(8)
            regex(r"<RSAKeyValue>[^\x00]{0,2048}<D>[A-Za-z0-9+/=\s]{40}"),
        ),
    ),
    SearchRule(
        kind="private-key",
        strings=(regex(r'"(d|k)"\s{0,8}:\s{0,8}"[A-Za-z0-9_-]{20}'),),
        judge=_is_in_jwk,
    ),
    SearchRule(
        kind="private-key",
        strings=(
            regex(r"(key|seed|secret)['\x22]?\s{0,4}[:=]\s{0,4}\[\s{0,20}"
                  r"([0-9]{1,3}\s{0,20},\s{0,20}){15}[0-9]", "nocase"),
        ),
        judge=_are_bytes_of_key,
    ),
    SearchRule(
        kind="private-key",
        strings=(regex(r"recovery[-_ ]?key", "nocase"),),
        judge=lambda seen: _RECOVERY.search(seen.after[:512]) is not None,
    ),
    SearchRule(
        kind="private-key",
        strings=(text("Private-key-format: v1"),),
        judge=lambda seen: _DNSSEC.search(seen.after) is not None,
    ),
    SearchRule(
        kind="private-key",
        strings=(regex(r"untrusted comment: [^\n]{0,100}(secret|private) key", "nocase"),),
        judge=lambda seen: _SIGNIFY.search(seen.after[:256]) is not None,
    ),
)  # fmt: skip
