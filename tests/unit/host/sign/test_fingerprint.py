"""What looks like a fingerprint is one, also where a file has the same name."""

from pathlib import Path

import pytest

from builder.basics.errors import HostError, UsageError
from builder.host.sign.fingerprint import fingerprint_in
from builder.host.sign.signatures import SshSigner, trusted_signer
from builder.host.sign.signing import signing_key
from tests.support.keys import ssh_key

SHORT, LONG = "0123456789ABCDEF0123456789abcdef01234567", "ab" * 32
SPACED = " ".join(SHORT[at : at + 4] for at in range(0, 40, 4))
WRITTEN = [SHORT, SHORT.lower(), LONG, SPACED, f"0x{SHORT}", f"0X{LONG}", f"0x{SPACED}"]


@pytest.fixture(autouse=True)
def no_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty keyring, and a current folder of our own."""
    (tmp_path / "gpg").mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(tmp_path / "gpg"))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("text", WRITTEN)
def test_a_file_with_the_name_of_a_fingerprint_is_not_the_signer(tmp_path: Path, text: str) -> None:
    key = ssh_key(tmp_path / "mallory")
    Path(text).write_bytes(key.with_suffix(".pub").read_bytes())
    with pytest.raises(UsageError, match="keyring has no key") as error:
        trusted_signer(text)
    assert "./" in error.value.advice
    assert isinstance(trusted_signer(f"./{text}"), SshSigner)
    assert isinstance(trusted_signer(str(tmp_path / text)), SshSigner)


@pytest.mark.parametrize("text", WRITTEN)
def test_a_file_with_the_name_of_a_fingerprint_is_not_the_key_that_signs(
    tmp_path: Path, text: str
) -> None:
    ssh_key(tmp_path / "mallory").rename(text)
    (tmp_path / "gpg/gpg.conf").touch()
    with pytest.raises(HostError, match="gpg cannot sign with") as error:
        signing_key(text)
    assert "./" in error.value.advice
    assert signing_key(f"./{text}").file_name == "SHA256SUMS.sig"


@pytest.mark.parametrize("home", ["GNUPGHOME", "HOME"])
@pytest.mark.parametrize("made", [True, False])
def test_who_has_no_keyring_gets_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, home: str, made: bool
) -> None:
    monkeypatch.delenv("GNUPGHOME")
    monkeypatch.setenv(home, str(tmp_path / "home"))
    if made:
        (tmp_path / "home").mkdir(mode=0o700)
    with pytest.raises(UsageError, match=f"keyring has no key {LONG.upper()}"):
        trusted_signer(LONG)
    if home == "HOME" or not made:
        with pytest.raises(HostError, match="no key alice to sign with: you have no GPG keyring"):
            signing_key("alice")
    assert [*tmp_path.glob("home/*")] == []


@pytest.mark.parametrize(
    "text", [SHORT[1:], f"{SHORT}0", f"{SHORT}.asc", "alice", "", f"./{SHORT}"]
)
def test_what_is_no_fingerprint_may_be_a_file(text: str) -> None:
    assert not fingerprint_in(text)


def test_a_fingerprint_is_known_however_it_is_written() -> None:
    assert {fingerprint_in(text) for text in WRITTEN} == {SHORT.upper(), LONG.upper()}
