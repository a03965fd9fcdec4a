"""Checks offline that SHA256SUMS was signed by the signer whom the user names.

SSH: `ssh-keygen -Y verify` (ssh-keygen(1)). GPG: the status lines of GnuPG's doc/DETAILS, in a
keyring of its own that holds the signer's key and nothing else.
"""

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from builder.basics.errors import UsageError, VerificationError
from builder.basics.regular import read_start
from builder.host.output.delivery import GPG_SIGNATURE, SSH_SIGNATURE
from builder.host.results.result_folder import is_file
from builder.host.sign.fingerprint import fingerprint_in
from builder.host.sign.signing import NAMESPACE
from builder.host.sign.tools import Ran, has_gpg_keyring, run_tool

_LARGEST_KEY: Final = 4 * 1024 * 1024  # bytes
_KEY_FILES: Final = (
    "Give an SSH public key (one line, e.g. ssh-ed25519 AAAA…), an allowed_signers file, or what "
    "`gpg --armor --export` prints."
)
_PATIENCE: Final = 60.0  # seconds; a hostile signature may hold a compressed gigabyte
_SSH_KEY: Final = re.compile(r"(?:ssh|ecdsa|sk-ssh|sk-ecdsa)-[\w@.-]+ +[A-Za-z0-9+/=]+(?: .*)?")
_SSH_GOOD: Final = re.compile(r"Good .* with (?P<kind>\S+) key (?P<key>SHA256:\S+)")
_STATUS: Final = re.compile(r"\[GNUPG:\] (?P<word>[A-Z_]+) ?(?P<rest>.*)")
# RFC 9580, 9.5: SHA-256, SHA-384, SHA-512, SHA-224, SHA3-256, SHA3-512.
_STRONG_DIGESTS: Final = frozenset({"8", "9", "10", "11", "12", "14"})
_BINARY_DOCUMENT: Final = "00"  # RFC 9580, 5.2.1; a text signature ignores line ends
_BAD: Final = {
    "BADSIG": "it does not belong to this SHA256SUMS",
    "EXPKEYSIG": "the key has expired",
    "EXPSIG": "it has expired",
    "REVKEYSIG": "the key was revoked",
    "ERRSIG": "it was made with another key, or cannot be checked",
    "NODATA": "it is not a signature",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SshSigner:
    """Who may have signed, as the lines of an allowed_signers file (ssh-keygen(1))."""

    signature: ClassVar[str] = SSH_SIGNATURE

    allowed: bytes

    def check(self, content: bytes, signature: bytes) -> str:
        """Return the key that signed `content`. Raises VerificationError when none of ours did."""
        with _scratch() as folder:
            allowed, sig = _written(folder, allowed=self.allowed, signature=signature)
            ran = run_tool(
                ["ssh-keygen", "-Y", "find-principals", "-s", sig, "-f", allowed],
                timeout=_PATIENCE,
            )
            names = ran.output.decode("utf-8", "replace").splitlines() if ran.code == 0 else []
            for name in names:
                argv = ["ssh-keygen", "-Y", "verify", "-n", NAMESPACE, "-f", allowed]
                ran = run_tool([*argv, "-I", name, "-s", sig], stdin=content, timeout=_PATIENCE)
                good = _SSH_GOOD.search(ran.output.decode("utf-8", "replace"))
                if ran.code == 0 and good:
                    return f"{good['kind']} {good['key']}"
        reason = "it was made with another key, or is not a signature"
        if names:
            reason = "it does not belong to this SHA256SUMS, or the key is not valid now"
        raise _refused(self.signature, reason, ran)


@dataclass(frozen=True, slots=True, kw_only=True)
class GpgSigner:
    """Who may have signed, as OpenPGP public keys."""

    signature: ClassVar[str] = GPG_SIGNATURE

    keys: bytes
    fingerprint: str  # the one that is trusted; "" for any of `keys`

    def check(self, content: bytes, signature: bytes) -> str:
        """Return the fingerprint of the key. Raises VerificationError when none of ours signed."""
        with _scratch() as folder:
            keys, sums, sig = _written(folder, keys=self.keys, sums=content, signature=signature)
            gpg = [
                "gpg", "--batch", "--no-options", "--no-autostart", "--no-auto-key-retrieve",
                "--disable-dirmngr", "--homedir", os.fspath(folder),
            ]  # fmt: skip
            imported = run_tool([*gpg, "--import", keys], timeout=_PATIENCE)
            listed = run_tool([*gpg, "--with-colons", "--list-keys"], timeout=_PATIENCE)
            if b"pub:" not in listed.output:
                raise UsageError(
                    "The file that --signed-by names has no OpenPGP key",
                    hint="Create the file with `gpg --armor --export FINGERPRINT`.",
                    output=imported.last_lines,
                )
            ran = run_tool(
                [*gpg, "--status-fd", "1", "--verify", "--", sig, sums], timeout=_PATIENCE
            )
        return self._signer(ran)

    def _signer(self, ran: Ran) -> str:
        lines = ran.output.decode("utf-8", "replace").splitlines()
        rows = [(row["word"], row["rest"]) for line in lines if (row := _STATUS.fullmatch(line))]
        words = [word for word, _rest in rows]
        for word, reason in _BAD.items():
            if word in words:
                raise _refused(self.signature, reason, ran)
        valid = [rest.split() for word, rest in rows if word == "VALIDSIG"]
        one = words.count("NEWSIG") == words.count("GOODSIG") == len(valid) == 1
        if ran.code != 0 or not one or len(valid[0]) < 10:
            raise _refused(self.signature, "it is not exactly one good signature", ran)
        fields = valid[0]
        used, digest, kind, primary = fields[0], fields[7], fields[8], fields[9]
        if digest not in _STRONG_DIGESTS or kind != _BINARY_DOCUMENT:
            raise _refused(self.signature, "it is of a type that can be forged", ran)
        if self.fingerprint and self.fingerprint not in (used, primary):
            raise _refused(self.signature, _BAD["ERRSIG"], ran)
        return f"GPG {primary}"


Signer = SshSigner | GpgSigner


def trusted_signer(text: str) -> Signer:
    """Return the signer that --signed-by names: a file with public keys, or a GPG fingerprint.

    Raises UsageError for what is neither.
    """
    if fingerprint := fingerprint_in(text):
        return _of_keyring(fingerprint)
    path = Path(text)
    if not is_file(path):
        raise UsageError(
            "--signed-by {text} is neither a file nor a fingerprint",
            hint="Give an SSH public key or allowed_signers file, a GPG public key file, or all "
            "40 digits of a GPG fingerprint: shorter ones can be forged.",
            text=text,
        )
    return _of_file(path)


def _of_keyring(fingerprint: str) -> Signer:
    ran = Ran(code=0, output=b"", errors="")
    if has_gpg_keyring():
        ran = run_tool(["gpg", "--batch", "--no-auto-key-locate", "--export", fingerprint])
    if not ran.output:
        raise UsageError(
            "Your GPG keyring has no key {fingerprint}",
            hint="Import it with `gpg --import FILE`, or give its file to --signed-by. If the name "
            "of that file looks like a fingerprint, write ./ in front of it.",
            output=ran.last_lines,
            fingerprint=fingerprint,
        )
    return GpgSigner(keys=ran.output, fingerprint=fingerprint)


def _of_file(path: Path) -> Signer:
    try:
        content, whole = read_start(path, limit=_LARGEST_KEY, follow=True)
    except OSError as error:
        raise UsageError(
            "{path} cannot be read: {reason}",
            hint="Check the path given with --signed-by, and its permissions.",
            path=path,
            reason=error.strerror or error,
        ) from error
    if not whole:
        raise UsageError("{path} is too large for a key file", hint=_KEY_FILES, path=path)
    if b"PRIVATE KEY" in content:
        raise UsageError(
            "{path} contains a private key",
            hint="Give the public key; for SSH, its file ends in .pub. Keep the private key to "
            "yourself.",
            path=path,
        )
    if b"-----BEGIN PGP PUBLIC KEY BLOCK-----" in content or content[:1] >= b"\x80":
        return GpgSigner(keys=content, fingerprint="")
    return SshSigner(allowed=_allowed_signers(content, path))


def _allowed_signers(content: bytes, path: Path) -> bytes:
    """Return the lines of an allowed_signers file; lines with only a key get a name."""
    text = content.decode("utf-8", "replace").replace("\r\n", "\n")
    lines = [line.strip() for line in text.split("\n")]
    rows = [line for line in lines if line and not line.startswith("#")]
    if not rows or "\0" in text or not all(re.search(r"\bAAAA[A-Za-z0-9+/]", row) for row in rows):
        raise UsageError(
            "{path} contains no public key",
            hint=_KEY_FILES,
            path=path,
        )
    named = (f"signer {row}" if _SSH_KEY.fullmatch(row) else row for row in rows)
    return "".join(f"{row}\n" for row in named).encode()


@contextlib.contextmanager
def _scratch() -> Iterator[Path]:
    """Make a folder that only we can read; it is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="dcb-") as name:
        yield Path(name)


def _written(folder: Path, **contents: bytes) -> list[str]:
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [os.fspath(folder / name) for name in contents]


def _refused(signature: str, reason: str, ran: Ran) -> VerificationError:
    return VerificationError(
        "The signature {name} is not accepted: {reason}",
        hint="Get SHA256SUMS and its signature again from someone you trust, and the signer's "
        "key from a different source.",
        output=ran.last_lines,
        name=signature,
        reason=reason,
    )
