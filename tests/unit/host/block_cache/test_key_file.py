"""The user's key file: refused like a private SSH key, and never handed on as it is."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from builder.basics.codec import to_data
from builder.basics.errors import UsageError
from builder.host.block_cache.key_file import secret_of
from builder.host.config.build_config import Overrides, load_config
from tests.unit.inside.jobs.test_pipeline import PLAN

CONTENT = bytes(range(100, 132))


def written(path: Path, content: bytes = CONTENT, *, mode: int = 0o600) -> Path:
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_a_secret_is_made_of_every_byte_and_shows_none(tmp_path: Path) -> None:
    path = tmp_path / "key"
    secret = secret_of(written(path))
    assert len(bytes.fromhex(secret)) == 32
    assert CONTENT.hex()[:16] not in secret
    assert secret == secret_of(written(path, mode=0o400))
    others = [CONTENT + b"\n", CONTENT[:-1] + b"\0", CONTENT + bytes(32)]
    found = {secret, *(secret_of(written(tmp_path / "other", each)) for each in others)}
    assert len(found) == 4
    assert secret_of(None) == ""


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
def test_a_key_that_others_can_use_is_refused(tmp_path: Path, mode: int) -> None:
    path = written(tmp_path / "key", mode=mode)
    with pytest.raises(UsageError, match="by others than its owner") as caught:
        secret_of(path)
    assert f"`chmod 600 {path}`" in caught.value.advice


def test_a_command_to_copy_takes_the_path_as_one_word(tmp_path: Path) -> None:
    path = written(tmp_path / "my key; reboot", mode=0o644)
    with pytest.raises(UsageError, match="my key; reboot can be used by others") as caught:
        secret_of(path)
    assert f"`chmod 600 '{path}'`" in caught.value.advice


@pytest.mark.parametrize(("size", "told"), [(0, "0"), (31, "31"), (65_537, "more than 65536")])
def test_a_key_of_another_size_is_refused(tmp_path: Path, size: int, told: str) -> None:
    with pytest.raises(UsageError, match=f"has {told} bytes; 32 to 65536 are possible"):
        secret_of(written(tmp_path / "key", bytes(size)))


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    for name in ("absent", "pipe", "."):
        with pytest.raises(UsageError, match="cannot be read") as caught:
            secret_of(tmp_path / name)
        assert "head --bytes=32 /dev/urandom" in caught.value.advice


def test_a_link_leads_to_a_key(tmp_path: Path) -> None:
    written(tmp_path / "key")
    (tmp_path / "link").symlink_to("key")
    assert secret_of(tmp_path / "link") == secret_of(tmp_path / "key")


def test_the_flag_names_the_file_and_needs_a_store(tmp_path: Path) -> None:
    store = load_config(None, Overrides(block_cache_key=tmp_path / "key")).block_store
    assert store is not None
    assert (store.key, store.folder) == (tmp_path / "key", None)
    with pytest.raises(UsageError, match="--block-cache-key; keep one"):
        load_config(None, Overrides(no_block_cache=True, block_cache_key=tmp_path / "key"))


def test_a_plan_hands_the_secret_on_and_does_not_print_it() -> None:
    plan = replace(PLAN, block_cache_key="5ec2e7")
    assert "5ec2e7" not in repr(plan)
    assert to_data(plan)["block_cache_key"] == "5ec2e7"
