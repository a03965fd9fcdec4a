"""What names the builder image, and what is said when it cannot be built."""

import io
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from builder.basics.errors import HostError, Interrupted
from builder.basics.signals import interruptible
from builder.border.events import Event, StepFinished, StepProgress, StepStarted, ToolOutput
from builder.border.labels import LABEL_BASE, LABEL_LOCKED
from builder.formats.identities import ImageIdentity
from builder.host.engine import ImageFacts
from builder.host.image import builder_image
from builder.host.image.base_image import bootstrapped_tag, ensure_base
from builder.host.image.builder_image import (
    build_builder,
    builder_tag,
    ensure_builder,
    find_builder,
    tools_tag,
)
from builder.host.image.package_archive import PackageHashError
from builder.host.image.resources import (
    BuildContext,
    base_pin,
    builder_context,
    code_files,
    pinned_tools,
)
from builder.host.image.workshop import LockOutdatedError
from tests.support.fake_engine import FakeEngine
from tests.support.fake_images import FakeImages, facts
from tests.support.house import imports

_ROOT = Path(__file__).parents[4]
_TAG = "from builder.host.image.builder_image import builder_tag; print(builder_tag(locked=True))"
_PINNED = f"{base_pin().repository}@{base_pin().digest}"


def fake(
    present: Mapping[str, ImageFacts] | None = None,
    *,
    lines: tuple[str, ...] = (),
    needs_every_layer: bool = False,
) -> tuple[FakeEngine, FakeImages]:
    images = FakeImages(
        {_PINNED: facts("sha256:base"), **(present or {})},
        lines=lines,
        needs_every_layer=needs_every_layer,
    )
    return FakeEngine(images=images), images


@pytest.fixture
def unpinned(monkeypatch: pytest.MonkeyPatch) -> None:
    """What tools the fake engine makes depends on the clock: no version can ship that."""
    monkeypatch.setattr(builder_image, "pinned_tools", lambda: None)


def ignore(_event: Event) -> None:
    """An event that nobody waits for."""


def test_the_locked_image_is_taken_before_the_unlocked_one() -> None:
    locked = {builder_tag(locked=True): facts("l", {LABEL_LOCKED: "yes"})}
    unlocked = {builder_tag(locked=False): facts("u", {LABEL_LOCKED: "no"})}
    assert find_builder(fake()[0]) is None
    assert find_builder(fake(unlocked)[0]) == ImageIdentity(id="u", locked=False)
    assert find_builder(fake(locked | unlocked)[0]) == ImageIdentity(id="l", locked=True)


def test_another_image_under_the_name_of_ours_is_not_taken() -> None:
    pinned, code = facts("l").layers
    for layers in ((pinned, "sha256:x"), ("sha256:x", code), (pinned,), (pinned, code, "sha256:x")):
        other = {builder_tag(locked=True): facts("l", {LABEL_LOCKED: "yes"}, layers=layers)}
        assert find_builder(fake(other)[0]) is None


@pytest.mark.usefixtures("unpinned")
def test_other_tools_under_the_name_of_ours_are_made_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine, images = fake()
    build_builder(engine, locked=True, on_event=ignore)
    (made,) = images.present[tools_tag(locked=True)].layers
    monkeypatch.setattr(builder_image, "pinned_tools", lambda: made)
    build_builder(engine, locked=True, on_event=ignore)
    assert len(images.built) == 1
    images.present[tools_tag(locked=True)] = facts("t", layers=("sha256:x",))
    build_builder(engine, locked=True, on_event=ignore)
    assert len(images.built) == 2
    assert images.present[tools_tag(locked=True)].layers == (made,)


def test_tools_that_are_not_those_of_this_version_are_refused_and_not_kept() -> None:
    engine, images = fake()
    with pytest.raises(HostError, match="not those of this version") as caught:
        build_builder(engine, locked=True, on_event=ignore)
    assert "--fresh" in caught.value.advice
    assert set(images.present) == {_PINNED}
    assert not build_builder(engine, locked=False, on_event=ignore).locked


def test_the_layer_that_ships_is_that_of_the_recipes_as_they_are() -> None:
    again = "run `python -m tests.support.tools_layer --write`, which takes some minutes"
    assert pinned_tools() is not None, again


def test_an_image_that_fits_is_not_built_again() -> None:
    engine, images = fake({builder_tag(locked=True): facts("l", {LABEL_LOCKED: "yes"})})
    assert ensure_builder(engine, on_event=ignore).id == "l"
    assert images.built == []


@pytest.mark.parametrize(("locked", "word"), [(True, "yes"), (False, "no")])
@pytest.mark.usefixtures("unpinned")
def test_the_image_says_whether_it_is_locked_and_its_tools_where_they_were_made(
    locked: bool, word: str
) -> None:
    engine, images = fake()
    built = build_builder(engine, locked=locked, on_event=ignore)
    (asked,) = images.built
    assert (asked.arguments["BASE"], asked.arguments["LOCKED"]) == ("sha256:base", word)
    assert asked.labels == {LABEL_BASE: "registry"}
    image = images.present[builder_tag(locked=locked)]
    assert built == ImageIdentity(id=image.id, locked=locked)
    assert image.labels == {LABEL_LOCKED: word}
    tools = images.present[tools_tag(locked=locked)]
    assert tools.labels == {LABEL_LOCKED: word, LABEL_BASE: "registry"}
    assert image.layers[:1] == tools.layers
    assert len(image.layers) == 2


@pytest.mark.usefixtures("unpinned")
def test_the_same_files_make_the_same_image_whatever_they_were_put_together_in() -> None:
    one, _images = fake()
    other, images = fake({bootstrapped_tag(base_pin()): facts("sha256:other-base")})
    del images.present[_PINNED]
    first = build_builder(one, locked=True, on_event=ignore)
    time.sleep(1.1)  # what the fake puts together is dated by the clock
    assert build_builder(other, locked=True, on_event=ignore) == first
    assert images.present[tools_tag(locked=True)].labels[LABEL_BASE] == "bootstrapped"


@pytest.mark.usefixtures("unpinned")
def test_no_workshop_stays() -> None:
    engine, images = fake()
    build_builder(engine, locked=True, on_event=ignore)
    assert set(images.present) == {_PINNED, builder_tag(locked=True), tools_tag(locked=True)}


@pytest.mark.usefixtures("unpinned")
def test_tools_that_are_there_are_not_made_again_unless_asked() -> None:
    engine, images = fake()
    first = build_builder(engine, locked=True, on_event=ignore)
    assert build_builder(engine, locked=True, on_event=ignore) == first
    assert len(images.built) == 1
    assert build_builder(engine, locked=True, fresh=True, on_event=ignore) == first
    assert len(images.built) == 2


@pytest.mark.parametrize(("needs_every_layer", "times"), [(False, 1), (True, 2)])
@pytest.mark.usefixtures("unpinned")
def test_an_engine_gets_the_layers_that_it_wants_and_has_the_same_image(
    needs_every_layer: bool, times: int
) -> None:
    engine, images = fake(needs_every_layer=needs_every_layer)
    built = build_builder(engine, locked=True, on_event=ignore)
    (tools,) = images.present[tools_tag(locked=True)].layers
    assert images.loaded.count(tools) == times
    assert built == build_builder(fake()[0], locked=True, on_event=ignore)


def test_versions_that_the_archive_has_left_behind_are_all_named() -> None:
    lines = (
        "Step 4/8 : RUN sh fetch",
        "locked-version-gone: xorriso=1.5.6-1 (the archive has 1.5.8-1)",
        "\x1b[0mlocked-version-gone: mtools=4.0.48-1 (the archive has nothing)",
        "Reading package lists...",
        "error: The command returned a non-zero code: 90",
    )
    engine, images = fake(lines=lines)
    heard: list[Event] = []
    with pytest.raises(LockOutdatedError) as caught:
        build_builder(engine, locked=True, on_event=heard.append)
    assert str(caught.value) == (
        "Debian's archive no longer has the locked packages: xorriso=1.5.6-1 (the archive has "
        "1.5.8-1); mtools=4.0.48-1 (the archive has nothing)"
    )
    for remedy in ("image lock", "--unlocked", "--archive"):
        assert remedy in caught.value.advice
    assert caught.value.output == lines[-2:]
    told = [event for event in heard if isinstance(event, ToolOutput)]
    assert told == [ToolOutput(step="image", text=line) for line in lines]
    assert find_builder(engine) is None
    assert set(images.present) == {_PINNED}


def test_a_package_with_another_content_is_never_taken_for_an_outdated_lock() -> None:
    lines = (
        "locked-version-gone: mtools=4.0.48-1 (the archive has nothing)",
        "locked-hash-differs: xorriso=1.5.6-1 has 12, not 34",
    )
    with pytest.raises(PackageHashError, match=r"xorriso=1\.5\.6-1 has 12, not 34"):
        build_builder(fake(lines=lines)[0], locked=True, on_event=ignore)
    assert not issubclass(PackageHashError, LockOutdatedError)


def test_an_archive_that_does_not_answer_is_said() -> None:
    lines = ("archive-unreachable: the sources of the base image",)
    with pytest.raises(HostError, match="No package archive answers") as caught:
        build_builder(fake(lines=lines)[0], locked=True, on_event=ignore)
    assert caught.value.temporary


def test_a_build_that_fails_otherwise_is_not_blamed_on_the_lock() -> None:
    engine, _images = fake(lines=("E: Unable to fetch some archives",))
    with pytest.raises(HostError, match="could not be built"):
        build_builder(engine, locked=True, on_event=ignore)


def test_a_context_gives_the_same_archive_whatever_its_order() -> None:
    files = {"b/c": b"2", "a": b"1", "ü": b"3"}
    one = BuildContext(files=files)
    other = BuildContext(files=dict(reversed(files.items())))
    assert one.archive().read() == other.archive().read()
    assert one.digest == other.digest
    with tarfile.open(fileobj=one.archive()) as archive:
        assert {(each.mtime, each.uid, each.mode) for each in archive} == {(0, 0, 0o644)}
        assert archive.getnames() == ["a", "b/c", "ü"]


@pytest.mark.parametrize(
    "files",
    [{"a": b"12"}, {"a1": b"2"}, {"a": b"1", "2": b""}, {"a": b"1", "b": b"2"}],
)
def test_a_context_with_other_content_has_another_digest(files: dict[str, bytes]) -> None:
    assert BuildContext(files=files).digest != BuildContext(files={"a": b"1", "2": b"3"}).digest


def test_the_context_holds_the_code_of_the_container_and_not_the_hosts() -> None:
    with tarfile.open(fileobj=io.BytesIO(builder_context().archive().read())) as archive:
        names = archive.getnames()
    assert {
        "Dockerfile",
        "packages.lock",
        "builder/border/plan.py",
        "builder/inside/jobs/build.py",
    } <= {*names}
    assert [name for name in names if "host" in name or "__pycache__" in name] == []


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A checkout of its own, and its tag."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("builder", "containers"):
        shutil.copytree(_ROOT / name, folder / name)
    return folder, tag_of(folder)


def tag_of(checkout: Path) -> str:
    """Ask the code of a checkout which image fits it."""
    return subprocess.run(
        [sys.executable, "-c", _TAG],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(checkout)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout.strip()


@pytest.mark.parametrize(
    ("path", "differs"),
    [
        ("builder/border/plan.py", True),
        ("builder/inside/steps/iso.py", True),
        ("builder/inside/files/boot-report", True),
        ("containers/packages.lock", True),
        ("containers/workshop/choose", True),
        ("containers/workshop/fetch", True),
        ("containers/workshop/assemble", True),
        ("builder/host/image/layers.py", True),
        ("builder/host/image/image_archive.py", True),
        ("containers/Dockerfile", True),
        ("containers/block-cache/block_cache.c", True),
        ("containers/block-cache/blake2b.h", True),
        ("builder/host/cli/root.py", False),
    ],
)
def test_the_tag_follows_what_decides_a_byte(
    pristine: tuple[Path, str], path: str, differs: bool
) -> None:
    checkout, before = pristine
    original = (checkout / path).read_bytes()
    (checkout / path).write_bytes(original + b"# changed\n")
    try:
        assert (tag_of(checkout) != before) is differs
    finally:
        (checkout / path).write_bytes(original)


def test_a_build_of_minutes_shows_how_far_it_is() -> None:
    engine, _images = fake(lines=("Step 1/4 : FROM x", "Step 3/4 : RUN y"))
    heard: list[Event] = []
    with pytest.raises(HostError, match="could not be built"):
        build_builder(engine, locked=True, on_event=heard.append)
    assert heard[0] == StepStarted(step="image", position=1, total=1)
    assert [each.fraction for each in heard if isinstance(each, StepProgress)] == [0.0, 0.5]
    assert not any(isinstance(each, StepFinished) for each in heard)


def test_an_interrupted_bootstrap_may_clean_up_after_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "mmdebstrap"
    tool.write_text(
        f"#!/bin/sh\ntrap 'touch {tmp_path}/cleaned; exit 1' TERM\ntouch {tmp_path}/began\n"
        "while :; do sleep 0.05; done\n"
    )
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    engine, images = fake()
    images.present.clear()
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM))
    timer.start()
    with pytest.raises(Interrupted), interruptible():
        ensure_base(engine, on_event=ignore)
    assert (tmp_path / "began").exists()
    assert (tmp_path / "cleaned").exists()


def test_the_image_holds_just_what_the_container_imports() -> None:
    known = {
        ".".join(Path(path).with_suffix("").parts).removesuffix(".__init__"): content.decode()
        for path, content in code_files().items()
        if path.endswith(".py")
    }
    reached: set[str] = set()
    # The second starts in a root of its own, of which the image is made.
    waiting = ["builder.inside.__main__", "builder.inside.installing.__main__"]
    while waiting:
        module = waiting.pop()
        if module in reached or module not in known:
            continue
        reached.add(module)
        named = imports(known[module], module)
        waiting += (part for name in named for part in (name, name.rpartition(".")[0]))
        waiting.append(module.rpartition(".")[0])
    started_as_files = {"builder.inside.system.enter"}
    assert set(known) - reached - started_as_files == set()


def test_no_other_module_of_the_host_decides_which_image_is_needed(
    pristine: tuple[Path, str],
) -> None:
    checkout, before = pristine
    deciding = {"image/layers.py", "image/image_archive.py"}  # which write the layers
    host = checkout / "builder/host"
    changed = [path for path in host.rglob("*.py") if str(path.relative_to(host)) not in deciding]
    originals = {path: path.read_bytes() for path in changed}
    try:
        for path, content in originals.items():
            path.write_bytes(content + b"# changed\n")
        assert tag_of(checkout) == before
    finally:
        for path, content in originals.items():
            path.write_bytes(content)


@pytest.mark.usefixtures("unpinned")
def test_an_engine_that_knows_images_by_their_manifests_learns_the_id_of_ours() -> None:
    engine, images = fake()
    usual = build_builder(engine, locked=False, on_event=ignore).id
    tag = builder_tag(locked=False)
    images.present[tag] = own = replace(images.present[tag], id="sha256:m", has_manifest_id=True)
    assert find_builder(engine) == ImageIdentity(id=usual, locked=False)
    assert images.known == {usual: "sha256:m"}
    images.present[tag] = replace(own, entrypoint=("sh",))
    assert find_builder(engine) == ImageIdentity(id="sha256:m", locked=False)
