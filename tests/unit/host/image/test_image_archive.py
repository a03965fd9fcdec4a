"""An image's id follows from what it is made of; an archive gives the engine that image."""

import hashlib
import io
import json
import tarfile

import pytest

from builder.basics.errors import HostError
from builder.host.image.image_archive import ImageConfig, Part, image_archive, saved_layer
from builder.host.image.layers import Layer

_CONTENT = b"a layer"
_LAYER = Layer(
    digest=f"sha256:{hashlib.sha256(_CONTENT).hexdigest()}",
    size=len(_CONTENT),
    content=io.BytesIO(_CONTENT),
)
_BELOW = Part(digest="sha256:" + "0" * 64, purpose="tools")


def config(**labels: str) -> ImageConfig:
    return ImageConfig(
        parts=(_BELOW, Part(digest=_LAYER.digest, purpose="code")),
        labels=labels,
        epoch=1_789_689_600,
    )


def test_the_id_depends_on_the_content_and_not_on_the_order_of_labels() -> None:
    one, other = config(a="1", b="2"), config(b="2", a="1")
    assert one.id == other.id == f"sha256:{hashlib.sha256(one.encoded()).hexdigest()}"
    assert config(a="2", b="2").id != one.id
    data = json.loads(one.encoded())
    assert data["created"] == "2026-09-18T00:00:00Z"
    assert data["config"]["Entrypoint"] == ["python3", "-m", "builder.inside"]
    assert data["rootfs"]["diff_ids"] == [_BELOW.digest, _LAYER.digest]
    assert len(data["history"]) == 2


def test_an_archive_holds_the_config_under_its_id_and_the_layers_that_are_given() -> None:
    archive = b"".join(image_archive(config(), tag="builder:1", layers=[_LAYER]))
    assert archive == b"".join(image_archive(config(), tag="builder:1", layers=[_LAYER]))
    with tarfile.open(fileobj=io.BytesIO(archive)) as archive_file:
        contents = {}
        for member in archive_file:
            content = archive_file.extractfile(member)
            assert content is not None
            contents[member.name] = content.read()
    (manifest,) = json.loads(contents["manifest.json"])
    assert manifest["RepoTags"] == ["builder:1"]
    assert contents[manifest["Config"]] == config().encoded()
    below, above = manifest["Layers"]
    assert below not in contents
    assert contents[above] == _CONTENT


def saved(manifest: object, **files: bytes) -> io.BytesIO:
    buffer = io.BytesIO()
    contents = {"manifest.json": json.dumps(manifest).encode(), **files}
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    buffer.seek(0)
    return buffer


def test_the_lowest_layer_of_a_saved_image_is_found() -> None:
    archive = saved([{"Layers": ["one", "two"]}], one=_CONTENT, two=b"another")
    with saved_layer(archive, digest=_LAYER.digest) as layer:
        assert (layer.digest, layer.size) == (_LAYER.digest, len(_CONTENT))
        assert layer.content.read() == _CONTENT


@pytest.mark.parametrize(
    "archive",
    [
        io.BytesIO(b"no tar"),
        saved([]),
        saved({}),
        saved([{"Layers": []}]),
        saved([{"Layers": ["../../etc/passwd"]}]),
    ],
)
def test_an_archive_that_is_no_image_is_refused(archive: io.BytesIO) -> None:
    with (
        pytest.raises(HostError, match="an unreadable image"),
        saved_layer(archive, digest=_LAYER.digest),
    ):
        pass
