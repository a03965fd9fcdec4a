"""Signs SHA256SUMS, which covers all results, with a key that people already have.

SSH: SSHSIG as `ssh-keygen -Y sign` writes it, namespace `distroclone-builder`. GPG: a detached
OpenPGP signature in ASCII armor. Neither needs a network.
"""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from builder.basics.errors import HostError, UsageError
from builder.basics.signals import undoing
from builder.border.events import OnEvent
from builder.border.handover import SUMS
from builder.host.output.delivery import GPG_SIGNATURE, SSH_SIGNATURE, output_folder
from builder.host.results.result_folder import is_file, opened_folder
from builder.host.results.sums import Sums, compare, read_sums
from builder.host.sign.fingerprint import fingerprint_in
from builder.host.sign.tools import Ran, has_gpg_keyring, run_tool

NAMESPACE: Final = "distroclone-builder"
_TRIAL: Final = b"distroclone-builder: can this key sign?\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class SshKey:
    """A file with a private SSH key (or a public one whose private half ssh-agent has)."""

    file_name: ClassVar[str] = SSH_SIGNATURE

    path: Path

    def sign(self, content: bytes) -> bytes:
        """Return the signature. Raises HostError when there is none."""
        path = os.fspath(self.path)
        argv = ["ssh-keygen", "-q", "-Y", "sign", "-n", NAMESPACE, "-f", path]
        return _signature(argv, run_tool(argv, stdin=content), path)


@dataclass(frozen=True, slots=True, kw_only=True)
class GpgKey:
    """A key of the user's GPG keyring: a fingerprint, a key id or a mail address."""

    file_name: ClassVar[str] = GPG_SIGNATURE

    name: str

    def sign(self, content: bytes) -> bytes:
        """Return the signature. Raises HostError when there is none."""
        if not has_gpg_keyring():
            raise HostError(
                "There is no key {key} to sign with: you have no GPG keyring",
                hint="Give the path of a private SSH key's file, import a GPG key with `gpg "
                "--import FILE`, or set GNUPGHOME to the folder of your keyring; with sudo, the "
                "keyring is root's.",
                key=self.name,
            )
        argv = [
            "gpg", "--batch", "--armor", "--detach-sign", f"--local-user={self.name}",
            "--output", "-",
        ]  # fmt: skip
        return _signature(argv, run_tool(argv, stdin=content), self.name)


Key = SshKey | GpgKey


def signing_key(text: str) -> Key:
    """Return the key that `text` names, after it has signed something.

    So a key that is locked, expired or not there is known before a long build.
    Raises UsageError when there is no such file, HostError when it cannot sign.
    """
    path = Path(text)
    key: Key
    if fingerprint := fingerprint_in(text):
        key = GpgKey(name=fingerprint)
    elif is_file(path):
        key = SshKey(path=path.absolute())
    elif "/" in text or not text.strip():
        raise UsageError(
            "There is no key file {path}",
            hint="Give the file of a private SSH key, or a GPG key's fingerprint or address.",
            path=text,
        )
    else:
        key = GpgKey(name=text)
    key.sign(_TRIAL)
    return key


def sign_folder(path: Path, key: Key, *, on_event: OnEvent) -> Path:
    """Sign a folder's SHA256SUMS, after every file was compared with it.

    Raises UsageError when there is no such folder, VerificationError when a file is not as it is
    listed, HostError when the key cannot sign or a build is writing there.
    """
    with opened_folder(path) as folder, output_folder(path):
        sums = read_sums(folder)
        compared = compare(folder, sums, steps=1, on_event=on_event)
        for fault in compared.faults:
            raise fault
        return _write(path, key, sums)


def sign_result(path: Path, key: Key, *, sums_sha256: str) -> Path:
    """Sign what a build has just delivered: the SHA256SUMS with this digest, and no other."""
    with opened_folder(path) as folder, output_folder(path):
        sums = read_sums(folder)
        if hashlib.sha256(sums.content).hexdigest() != sums_sha256:
            raise HostError(
                "{name} in {path} is no longer from this build; it was not signed",
                hint="Another build replaced it. Check the folder, then run `distroclone-builder "
                "sign`.",
                name=SUMS,
                path=path,
            )
        return _write(path, key, sums)


def _write(path: Path, key: Key, sums: Sums) -> Path:
    signature = key.sign(sums.content)
    target = path / key.file_name
    try:
        descriptor, partial = tempfile.mkstemp(prefix=f".{key.file_name}.", dir=path)
        with undoing(lambda: Path(partial).unlink(missing_ok=True)):
            with os.fdopen(descriptor, "wb") as file:
                file.write(signature)
                os.fchmod(descriptor, 0o644)
                os.fsync(descriptor)
            Path(partial).replace(target)
    except OSError as error:
        raise HostError(
            "The signature cannot be written to {path}: {reason}",
            hint="Make the folder writable, then run `distroclone-builder sign`.",
            path=path,
            reason=error.strerror or error,
        ) from error
    return target


def _signature(argv: list[str], ran: Ran, key: str) -> bytes:
    if ran.code != 0 or not ran.output:
        raise HostError(
            "{tool} cannot sign with {key}",
            hint="Its last lines say why. If the key has a passphrase, type it on the terminal, "
            "or let ssh-agent or gpg-agent hold the key. If the name of a key file looks like a "
            "fingerprint, write ./ in front of it.",
            command=argv,
            output=ran.last_lines,
            tool=argv[0],
            key=key,
        )
    return ran.output
