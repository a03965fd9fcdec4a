"""Throw-away keys for signatures, made by the real tools."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def ssh_key(path: Path, *, locked: bool = False) -> Path:
    """Make an SSH key pair and return the private half's file."""
    passphrase = "correct horse" if locked else ""
    argv = ["ssh-keygen", "-q", "-t", "ed25519", "-C", "test", "-N", passphrase, "-f", str(path)]
    subprocess.run(argv, check=True)
    return path


@contextmanager
def keyring() -> Iterator[None]:
    """Give gpg a keyring of its own with one key; its agent ends with the body."""
    with tempfile.TemporaryDirectory() as home, pytest.MonkeyPatch.context() as patch:
        patch.setenv("GNUPGHOME", home)  # a short path: the agent's socket is in it
        try:
            gpg("--quick-generate-key", "archive@example.org", "ed25519")
            yield
        finally:
            subprocess.run(["gpgconf", "--kill", "all"], check=True)


def gpg(*arguments: str, stdin: bytes = b"") -> bytes:
    """Run gpg with the keyring that the environment names."""
    argv = ["gpg", "--batch", "--yes", "--quiet", "--pinentry-mode=loopback", "--passphrase="]
    return subprocess.run([*argv, *arguments], input=stdin, check=True, capture_output=True).stdout


def gpg_key(address: str, *, created: str = "", expires: str = "never") -> str:
    """Make a GPG key and return its fingerprint; `created` is a day, e.g. "20200101"."""
    past = [f"--faked-system-time={created}T000000"] if created else []
    gpg(*past, "--quick-gen-key", address, "ed25519", "sign", expires)
    return fingerprint(address)


def fingerprint(address: str) -> str:
    """Return the fingerprint of a key in the keyring."""
    lines = gpg("--with-colons", "--list-keys", address).decode().splitlines()
    return next(line.split(":")[9] for line in lines if line.startswith("fpr:"))
