"""Password hashes and public keys in a build.yaml: what passes, and that no message shows them."""

import base64

import pytest

from builder.basics.errors import UsageError
from builder.host.config.login_checks import (
    MOST_KEYS,
    authorized_key,
    authorized_keys,
    password_hash,
)


def key(kind: str, *, said: str = "", data: bytes = b"\0" * 36) -> str:
    name = (said or kind).encode()
    blob = len(name).to_bytes(4, "big") + name + data
    return f"{kind} {base64.b64encode(blob).decode()}"


GOOD = key("ssh-ed25519")


@pytest.mark.parametrize(
    "text",
    [
        "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7",
        "$6$salt$" + "a" * 86,
        "$6$rounds=656000$salt$" + "a" * 86,
        "$5$salt$" + "a" * 43,
        "$2b$12$" + "a" * 53,
        "$gy$j9T$abc$" + "a" * 43,
        "$7$CU..../....abcdefgh$" + "a" * 43,
    ],
)
def test_a_hash_of_a_strong_method_passes(text: str) -> None:
    assert password_hash(text) == text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("8Ab05sVQ4LLps", "within hours"),
        ("_J9..rasmBYk8r9AiWNc", "within hours"),
        ("$1$salt$" + "a" * 22, "within hours"),
        ("$3$$" + "a" * 32, "within hours"),
        ("secret", "not a password hash"),
        ("", "not a password hash"),
        ("!", "not a password hash"),
        ("$6$salt$" + "a" * 85, "not a password hash"),
        ("$6$rounds=999999999$salt$" + "a" * 86, "not a password hash"),
        ("$2b$31$" + "a" * 53, "not a password hash"),
        ("$6$sa:lt$" + "a" * 86, "not a password hash"),
        ("$6$salt$" + "a" * 86 + "\n", "not a password hash"),
    ],
)
def test_others_are_refused_without_being_shown(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why) as caught:
        password_hash(text)
    assert caught.value.values == {}


@pytest.mark.parametrize(
    "line",
    [
        GOOD,
        key("ssh-rsa", data=b"\1" * 2048),
        key("sk-ssh-ed25519@openssh.com"),
        f'restrict,command="echo a b",from="192.0.2.0/24" {GOOD}',
    ],
)
def test_a_public_key_passes_without_its_comment(line: str) -> None:
    assert authorized_key(f"{line} alice@laptop of mine") == line
    assert authorized_key(line) == line


@pytest.mark.parametrize(
    "line",
    [
        "",
        "ssh-ed25519",
        "ssh-ed25519 AAAA",
        key("ssh-ed25519", said="ssh-rsa"),
        key("ssh-dss"),
        key("ssh-ed25519", data=b""),
        f"{GOOD}\n{GOOD}",
        f'command="unclosed {GOOD}',
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        'a="' * 1300,
    ],
)
def test_what_is_no_key_is_refused_without_being_shown(line: str) -> None:
    with pytest.raises(UsageError, match="not a public key") as caught:
        authorized_key(line)
    assert caught.value.values == {}


def test_too_many_keys_are_refused() -> None:
    with pytest.raises(UsageError, match=str(MOST_KEYS)):
        authorized_keys((GOOD,) * (MOST_KEYS + 1))
