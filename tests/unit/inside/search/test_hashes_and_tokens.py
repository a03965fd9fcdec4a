"""Hashes of passwords and tokens of services, by their shapes."""

import subprocess

import pytest

from builder.inside.search.contents import ContentSearch
from builder.inside.search.engine import compiled
from builder.inside.search_rules.hashes import HASH_RULES
from builder.inside.search_rules.tokens import TOKEN_RULES

SEARCH = ContentSearch(engine=compiled((*HASH_RULES, *TOKEN_RULES)))

# Put together here, so that no scanner of code takes them for tokens of ours.
A, D, H = "aB3dE5gH7jK9mN1pQ3sT5vW7yZ", "13579024681357902468", "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
LONG = (A + D) * 5


def found(path: str, text: str) -> set[str]:
    return {each.kind for each in SEARCH.in_bytes(text.encode(), path=path.encode())}


@pytest.mark.parametrize("scheme", ["-1", "-apr1", "-5", "-6"])
def test_what_openssl_passwd_makes_is_found(scheme: str) -> None:
    made = subprocess.run(["openssl", "passwd", scheme, "x"], check=True, capture_output=True)
    assert "password-hash" in found("/opt/x/users", f"x:{made.stdout.decode()}")


HASHES = (
    ("/x", "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7"),
    ("/x", "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW"),
    ("/x", "$2y$10$92IXUNpkjO0rOQ5byMi.Ye4oKoEa3Ro9llC/.og/at2.uheWG/igi"),
    ("/x", "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub+b4dWRWJTmaaJObG"),
    ("/x", "{SSHA}5en6G6MezRroT3XKqkdPOmY/BfQ1Yl0f"),
    ("/x", "userPassword:: e1NTSEF9NWVuNkc2TWV6UnJvVDNYS3FrZFBPbVk="),
    ("/x", "grub.pbkdf2.sha512.10000." + "A1" * 64 + "." + "B2" * 64),
    ("/x", "SCRAM-SHA-256$4096:c2FsdHNhbHRzYWx0$" + "Q" * 43 + "=:" + "R" * 43 + "="),
    ("/x", "'*94BDCEBE19083CE2A1F959FD02F964C7AF4CFC29'"),
    ("/x", "CREATE ROLE a PASSWORD 'md5a3556571e93b0d20722ba62be61e8c2d';"),
    ("/x", "pbkdf2_sha256$260000$abcdefgh$PJ0h8Kq2mVxw1dZlKk3n5pYvQ4tUuXr0s6aBcDeFgHi="),
    ("/x", "pbkdf2:sha256:260000$abcdefgh$" + "0f" * 32),
    ("/x", "$P$B9d2RkKqF1vYt0aZ5xWc3eUi7oLmN41"),
    ("/x", "alice:1000:" + "X" * 32 + ":8846F7EAEE8FB117AD06BDD830B7586C:[U          ]:LCT-5F"),
    ("/x", 'NT-Password := "8846f7eaee8fb117ad06bdd830b7586c"'),
    ("/x", "a:$7$101$abcdefgh12345678$" + "ABCDEFGHIJKLMNOPQRSTUVWXYZ" * 3 + "abcdefgh=="),
    ("/etc/shadow.bak1", "alice:$6$short$demo:20607:0:99999:7:::"),
    ("/x", "bob:abJnggxhB/yWI:18000:0:99999:7:::"),
    ("/opt/x/.htpasswd", "bob:abJnggxhB/yWI\n"),
    ("/opt/x/passwd", "bob:x:1:1:b:/home:/bin/sh\nbob:/bJnggxhB/yWI\n"),
    ("/opt/x/digest.users", "bob:Realm:0123456789abcdef0123456789abcdef\n"),
)
NO_HASHES = (
    ("/etc/shadow", "root:*:20607:0:99999:7:::\nbin:!:20607:0:99999:7:::\n"),
    ("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n"),
    ("/etc/passwd", "root:x:0:0:root:/root:/usr/bin/fish\nd:x:9:9:DHCP:/:/sbin/nologin\n"),
    ("/x", "price $1$ and $5$ and $6$"),
    ("/x", "$6$rounds=5000$"),
    ("/x", "d41d8cd98f00b204e9800998ecf8427e  file"),
    ("/x", "sha1 da39a3ee5e6b4b0d3255bfef95601890afd80709"),
    ("/x", "{SHA} is a scheme, {CRYPT} another"),
    ("/x", "grub.pbkdf2.sha512.10000.SALT.HASH"),
    ("/opt/x/list", "name:abcdefghijklm\n"),
)


@pytest.mark.parametrize(("path", "text"), HASHES)
def test_a_hash_of_a_password_is_found(path: str, text: str) -> None:
    assert "password-hash" in found(path, text)


@pytest.mark.parametrize(("path", "text"), NO_HASHES)
def test_what_is_like_a_hash_is_none(path: str, text: str) -> None:
    assert "password-hash" not in found(path, text)


TOKENS = (
    "AKIA" + "QW2ERTY3UIOP4ASD", "ghp_" + (A + D)[:36], "github_pat_" + LONG[:22] + "_" + LONG[:59],
    "glpat-" + LONG[:20], "xoxb-" + D[:12] + "-" + A, "sk_live_" + A, "AIza" + LONG[:35],
    "GOCSPX-" + LONG[:28], "npm_" + LONG[:36], "pypi-AgE" + LONG[:60], D[:10] + ":AA" + LONG[:33],
    "AccountKey=" + LONG[:86] + "==", "https://hooks.slack.com/services/T0" + D[:8] + "/B0" + D[:8]
    + "/" + A, "https://discord.com/api/webhooks/" + D[:18] + "/" + LONG[:68],
    "SG." + LONG[:22] + "." + LONG[:43], "SK" + H, "dop_v1_" + H * 2, "hvs." + LONG[:24],
    "dp.pt." + LONG[:40], "dckr_pat_" + LONG[:27], '"auth": "' + LONG[:24] + '"',
    "sk-ant-api03-" + LONG[:80], "sk-proj-" + LONG[:40], "shpat_" + H, "key-" + H, "dapi" + H,
    "glsa_" + LONG[:32], "tskey-auth-" + LONG[:30], "sbp_" + H + H[:8], "ATATT3" + LONG[:80],
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NSJ9." + LONG[:43],
)  # fmt: skip
NO_TOKENS = (
    "AKIAIOSFODNN7EXAMPLE", "ghp_" + "x" * 36, "glpat-short", "task-force-of-the-united-nations",
    "risk-assessment-and-more-words-here", "AIza is a prefix", "sk_live_...", "xoxb-",
    "monkey-see", "eyJ is base64 of {", '"auth": "none"', "https://hooks.slack.com/services/",
)  # fmt: skip


@pytest.mark.parametrize("text", TOKENS)
def test_a_token_is_found(text: str) -> None:
    assert "token" in found("/opt/x/notes", f"x = '{text}'\n")


@pytest.mark.parametrize("text", NO_TOKENS)
def test_what_is_like_a_token_is_none(text: str) -> None:
    assert "token" not in found("/opt/x/notes", f"x = '{text}'\n")
