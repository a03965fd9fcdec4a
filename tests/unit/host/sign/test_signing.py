"""Signatures by the real ssh-keygen and gpg, good ones and all the others."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.basics.errors import HostError
from builder.host.cli import main
from builder.host.command_line.surroundings import Surroundings
from builder.host.sign import signing
from tests.support.fake_engine import without_engine
from tests.support.keys import fingerprint, gpg, gpg_key, ssh_key
from tests.support.results import (
    CONTENT,
    ISO,
    SUMS,
    digest,
    flip_bit,
    manifest_data,
    write_manifest,
    write_results,
)

SURROUNDINGS = Surroundings(open_engine=without_engine)
SSH, GPG = f"{SUMS}.sig", f"{SUMS}.asc"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return write_results(tmp_path / "iso")


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ssh_key(tmp_path_factory.mktemp("ssh") / "alice")


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ssh_key(tmp_path_factory.mktemp("ssh") / "mallory")


@pytest.fixture(scope="module", autouse=True)
def keyring() -> Iterator[Path]:
    """A GPG keyring of our own, at a short path: the agent's socket has to fit."""
    with tempfile.TemporaryDirectory(prefix="gpg") as name, pytest.MonkeyPatch.context() as patch:
        patch.setenv("GNUPGHOME", name)
        for address in ("alice@example.org", "mallory@example.org"):
            gpg_key(address)
        yield Path(name)
        subprocess.run(["gpgconf", "--kill", "gpg-agent"], check=True)


def run(*arguments: object) -> int:
    return main.run([str(each) for each in arguments], surroundings=SURROUNDINGS)


def refused(capsys: pytest.CaptureFixture[str], folder: Path, signer: object) -> str:
    """Verify, expect a refusal for the signature alone, and return what was said."""
    capsys.readouterr()
    assert run("verify", folder, "--signed-by", signer) == 6
    out, _err = capsys.readouterr()
    assert "✔ sums" in out
    assert "✘ signature" in out
    assert "NOT verified" in out
    return out


def rewritten(folder: Path) -> None:
    """Change the results as somebody would who can write there: the sums fit again."""
    write_manifest(folder, json.dumps(manifest_data(volume_id="EVIL")).encode())


def test_an_ssh_signature_is_verified_by_us_and_by_plain_ssh_keygen(
    results: Path, key: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("sign", results, "--key", key) == 0
    assert run("verify", results, "--signed-by", f"{key}.pub") == 0
    assert "✔ signature: signed by ED25519 SHA256:" in capsys.readouterr().out
    public = Path(f"{key}.pub").read_text()
    allowed = tmp_path / "allowed"
    allowed.write_text(f'# ours\nalice@example.org namespaces="distroclone-builder" {public}')
    assert run("verify", results, "--signed-by", allowed) == 0
    argv = ["ssh-keygen", "-Y", "verify", "-n", "distroclone-builder", "-f", str(allowed)]
    argv += ["-I", "alice@example.org", "-s", str(results / SSH)]
    subprocess.run(argv, input=(results / SUMS).read_bytes(), check=True, capture_output=True)


def test_a_gpg_signature_is_verified_by_us_and_by_plain_gpg(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alice = fingerprint("alice@example.org")
    assert run("sign", results, "--key", "alice@example.org") == 0
    spaced = " ".join(alice[start : start + 4] for start in range(0, 40, 4)).lower()
    (tmp_path / "key.asc").write_bytes(gpg("--armor", "--export", alice))
    (tmp_path / "key.gpg").write_bytes(gpg("--export", alice))
    for signer in (alice, spaced, tmp_path / "key.asc", tmp_path / "key.gpg"):
        assert run("verify", results, "--signed-by", signer) == 0
        assert f"✔ signature: signed by GPG {alice}" in capsys.readouterr().out
    gpg("--verify", str(results / GPG), str(results / SUMS))


def test_a_signature_without_a_word_about_the_signer_is_not_taken_for_checked(
    results: Path, key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("sign", results, "--key", key)
    assert run("verify", results) == 0
    out = capsys.readouterr().out
    assert f"- signature: signed ({SSH}), signer not checked" in out
    assert "Not checked: content, signature" in out


def test_nobodys_results_are_not_signed_by_anybody(
    results: Path, key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert f"{SSH} is missing" in refused(capsys, results, f"{key}.pub")
    assert f"{GPG} is missing" in refused(capsys, results, fingerprint("alice@example.org"))


def test_a_foreign_key_is_refused(
    results: Path, key: Path, foreign: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("sign", results, "--key", foreign)
    run("sign", results, "--key", "mallory@example.org")
    assert "another key" in refused(capsys, results, f"{key}.pub")
    alice = fingerprint("alice@example.org")
    assert "another key" in refused(capsys, results, alice)
    (tmp_path / "key.asc").write_bytes(gpg("--armor", "--export", alice))
    assert "another key" in refused(capsys, results, tmp_path / "key.asc")


def test_a_signature_of_other_sums_is_refused(
    results: Path, key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("sign", results, "--key", key)
    run("sign", results, "--key", "alice@example.org")
    rewritten(results)
    assert "does not belong" in refused(capsys, results, f"{key}.pub")
    assert "does not belong" in refused(capsys, results, fingerprint("alice@example.org"))


def test_an_ssh_signature_for_another_purpose_is_refused(
    results: Path, key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["ssh-keygen", "-q", "-Y", "sign", "-n", "git", "-f", str(key), str(results / SUMS)]
    subprocess.run(argv, check=True, capture_output=True)
    refused(capsys, results, f"{key}.pub")


def test_an_ssh_key_whose_time_is_over_is_refused(
    results: Path, key: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("sign", results, "--key", key)
    public = Path(f"{key}.pub").read_text()
    allowed = tmp_path / "allowed"
    allowed.write_text(f'alice@example.org valid-before="20200101" {public}')
    refused(capsys, results, allowed)


def test_an_expired_gpg_key_is_refused(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = gpg_key("old@example.org", created="20200101", expires="2d")
    past = "--faked-system-time=20200102T000000"
    signature = gpg(past, "-ab", "-u", old, stdin=(results / SUMS).read_bytes())
    (results / GPG).write_bytes(signature)
    assert "the key has expired" in refused(capsys, results, old)
    assert run("sign", results, "--key", old) == 3
    assert "cannot sign with" in capsys.readouterr().err


def test_a_revoked_gpg_key_is_refused(
    results: Path, keyring: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lost = gpg_key("lost@example.org")
    assert run("sign", results, "--key", lost) == 0
    assert run("verify", results, "--signed-by", lost) == 0
    certificate = (keyring / f"openpgp-revocs.d/{lost}.rev").read_text().replace(":-----", "-----")
    gpg("--import", stdin=certificate.encode())
    assert "the key was revoked" in refused(capsys, results, lost)


@pytest.mark.parametrize(
    "how",
    [("--textmode", "-ab"), ("--digest-algo=SHA1", "-ab"), ("--sign", "-a"), ("--clear-sign",)],
    ids=["text", "SHA-1", "inline", "clear text"],
)
def test_a_gpg_signature_of_a_weaker_kind_is_refused(
    results: Path, how: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    alice = fingerprint("alice@example.org")
    (results / GPG).write_bytes(gpg("-u", alice, *how, stdin=(results / SUMS).read_bytes()))
    refused(capsys, results, alice)


def test_a_damaged_signature_is_refused(
    results: Path, key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("sign", results, "--key", key)
    run("sign", results, "--key", "alice@example.org")
    signers = {SSH: f"{key}.pub", GPG: fingerprint("alice@example.org")}
    for name, signer in signers.items():
        whole = (results / name).read_bytes()
        flip_bit(results / name, len(whole) // 2)
        refused(capsys, results, signer)
        for content in (whole[: len(whole) // 2], b"", b"\0" * 1000, b"x" * (2 << 20)):
            (results / name).write_bytes(content)
            refused(capsys, results, signer)
        (results / name).unlink()
        os.mkfifo(results / name)
        assert "not a regular file" in refused(capsys, results, signer)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no public key"),
        (b"hello\n", "no public key"),
        (b"-----BEGIN OPENSSH PRIVATE KEY-----\n", "private key"),
        (b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n", "private key"),
        (b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n", "no OpenPGP key"),
        (b"\x99" * 50, "no OpenPGP key"),
        (b"\0" * (5 << 20), "too large"),
    ],
)
def test_a_file_that_names_no_signer_is_a_mistake_in_the_command(
    results: Path,
    tmp_path: Path,
    content: bytes,
    reason: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run("sign", results, "--key", "alice@example.org")
    (tmp_path / "signer").write_bytes(content)
    assert run("verify", results, "--signed-by", tmp_path / "signer") == 2
    assert reason in capsys.readouterr().err


@pytest.mark.parametrize(
    ("signer", "reason"),
    [
        ("0" * 40, "keyring has no key"),
        ("0123456789ABCDEF", "40 digits"),  # a key id can be forged
        ("alice@example.org", "neither a file nor a fingerprint"),
        ("/nothing/there.pub", "neither a file nor a fingerprint"),
    ],
)
def test_a_signer_that_cannot_be_meant_is_a_mistake_in_the_command(
    results: Path, signer: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("verify", results, "--signed-by", signer) == 2
    assert reason in capsys.readouterr().err


def test_results_that_are_not_whole_are_not_signed(
    results: Path, key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flip_bit(results / ISO, 100)
    assert run("sign", results, "--key", key) == 6
    assert f"{ISO} is not the file that SHA256SUMS lists" in capsys.readouterr().err
    (results / ISO).unlink()
    assert run("sign", results, "--key", key) == 6
    assert f"{ISO} is missing" in capsys.readouterr().err
    assert run("sign", results / "nothing", "--key", key) == 2
    assert "cannot be opened: No such file" in capsys.readouterr().err
    assert not (results / SSH).exists()


def test_a_key_that_cannot_sign_is_said_before_a_build_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    locked = ssh_key(tmp_path / "locked", locked=True)
    monkeypatch.setenv("SSH_ASKPASS_REQUIRE", "force")
    monkeypatch.setenv("SSH_ASKPASS", shutil.which("false") or "")
    no_key = tmp_path / "text"
    no_key.write_text("hello")
    for name in (locked, no_key, "nobody@example.org"):
        assert run("build", "--cache", tmp_path, "--sign", name) == 3
        assert "cannot sign with" in capsys.readouterr().err
    assert run("build", "--cache", tmp_path, "--sign", "/nothing/there") == 2
    assert "no key file /nothing/there" in capsys.readouterr().err


@pytest.mark.parametrize("tool", ["ssh-keygen", "gpg"])
def test_a_tool_that_is_not_installed_is_named_with_its_package(
    results: Path,
    key: Path,
    tool: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    package = {"ssh-keygen": "openssh-client", "gpg": "gnupg"}[tool]
    name = {"ssh-keygen": str(key), "gpg": "alice@example.org"}[tool]
    assert run("sign", results, "--key", name) == 0
    monkeypatch.setenv("PATH", "/nothing")
    signer = {"ssh-keygen": f"{key}.pub", "gpg": "0" * 40}[tool]
    for words in (("sign", results, "--key", name), ("verify", results, "--signed-by", signer)):
        assert run(*words) == 3
        error = capsys.readouterr().err
        assert f"{tool} is not installed" in error
        assert package in error
    assert run("verify", results) == 0


def test_signing_again_replaces_the_signature_and_leaves_nothing_else(
    results: Path, key: Path, foreign: Path
) -> None:
    before = {each.name for each in results.iterdir()}
    run("sign", results, "--key", foreign)
    assert run("sign", results, "--key", key) == 0
    assert {each.name for each in results.iterdir()} == before | {SSH}
    assert (results / SSH).stat().st_mode & 0o777 == 0o644
    assert run("verify", results, "--signed-by", f"{key}.pub") == 0


def test_the_signature_cannot_be_made_to_lead_elsewhere(
    results: Path, key: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine").write_text("mine")
    (results / SSH).symlink_to(tmp_path / "mine")
    assert run("sign", results, "--key", key) == 0
    assert (tmp_path / "mine").read_text() == "mine"
    assert not (results / SSH).is_symlink()


def test_a_build_signs_its_own_sums_and_no_others(results: Path, key: Path) -> None:
    chosen = signing.signing_key(str(key))
    whole = digest((results / SUMS).read_bytes())
    assert signing.sign_result(results, chosen, sums_sha256=whole) == results / SSH
    (results / SSH).unlink()
    rewritten(results)
    with pytest.raises(HostError, match="no longer from this build"):
        signing.sign_result(results, chosen, sums_sha256=whole)
    assert not (results / SSH).exists()
    assert (results / ISO).read_bytes() == CONTENT
