"""The search that other tests trust: a word that is planted anywhere in results is found there."""

import json
from pathlib import Path

import docker
import pytest

from builder.formats.identities import ImageIdentity
from tests.support.containers import known_as
from tests.support.probing import run_module, searched

pytestmark = pytest.mark.container

# Where no word can be found without unpacking, decoding or looking at names.
HIDDEN_IN_ISO = ("plain", "upper", "gz", "xz", "bz2", "in-tar", "in-zip", "deep", "second")


def test_a_word_is_found_wherever_it_is_planted(
    client: docker.DockerClient, builder_image: ImageIdentity, tmp_path: Path
) -> None:
    words = ("tests.container.planted_iso",)
    planted = json.loads(
        run_module(client, known_as(client, builder_image), tmp_path, *words, may_write=True),
    )
    content = (tmp_path / "a.iso").read_bytes()
    assert [each for each in HIDDEN_IN_ISO if f"dcbword-{each}".encode() in content] == []
    absent = ["dcbword-nowhere", "dcbword-log"]
    found = searched(client, builder_image, tmp_path, [*planted, *absent], names=["wordless"])
    assert found["found"] == list(planted)
    wrong = {
        each: found["places"][each]
        for each, place in planted.items()
        if not any(one.endswith(place) for one in found["places"][each])
    }
    assert wrong == {}
    assert found["named"] == []


def test_a_name_is_told_apart_from_a_content(
    client: docker.DockerClient, builder_image: ImageIdentity, tmp_path: Path
) -> None:
    run_module(
        client,
        known_as(client, builder_image),
        tmp_path,
        "tests.container.planted_iso",
        may_write=True,
    )
    found = searched(client, builder_image, tmp_path, [], names=["dcbword-folder", "plain"])
    assert found["named"] == [
        "a.iso:/plain.txt", "a.iso:filesystem.squashfs:/dcbword-folder",
        "a.iso:filesystem.squashfs:/plain",
    ]  # fmt: skip
