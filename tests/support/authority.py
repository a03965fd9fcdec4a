"""Certificates for TLS, made anew with openssl: an authority, and what it signs."""

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

from builder.host.engine.endpoints import TlsFiles


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """One that engines and their users may trust."""

    folder: Path

    @classmethod
    def made_in(cls, folder: Path) -> "Authority":
        """Make one whose certificate lies in `folder`."""
        made = cls(folder=folder)
        made._sign("authority", "-addext", "basicConstraints=critical,CA:TRUE")
        return made

    def files(self, name: str) -> TlsFiles:
        """Return what somebody of that name needs."""
        self._sign(
            name, "-CA", str(self.folder / "authority.pem"),
            "-CAkey", str(self.folder / "authority.key.pem"),
            "-addext", f"subjectAltName=DNS:{name}", "-addext", "basicConstraints=CA:FALSE",
        )  # fmt: skip
        return TlsFiles(
            authority=self.folder / "authority.pem",
            certificate=self.folder / f"{name}.pem",
            key=self.folder / f"{name}.key.pem",
        )

    def server(self, name: str) -> ssl.SSLContext:
        """Return what a server of that name uses; it lets in whom the authority signed."""
        files = self.files(name)
        assert files.certificate is not None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files.certificate, files.key)
        context.load_verify_locations(files.authority)
        context.verify_mode = ssl.CERT_REQUIRED
        return context

    def _sign(self, name: str, *more: str) -> None:
        _openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-days", "2", "-subj", f"/CN={name}", "-out", str(self.folder / f"{name}.pem"),
            "-keyout", str(self.folder / f"{name}.key.pem"), *more,
        )  # fmt: skip


def locked(key: Path, target: Path) -> Path:
    """Write a key once more, with a passphrase."""
    _openssl("pkey", "-in", str(key), "-aes256", "-passout", "pass:secret", "-out", str(target))
    return target


def _openssl(*words: str) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True, timeout=60)
