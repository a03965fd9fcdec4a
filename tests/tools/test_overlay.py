"""An overlay in place of the copy: the same tree and the same squashfs, whatever is in them."""

import array
import fcntl
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from builder.basics.errors import HostError
from builder.basics.texts import render
from builder.border.events import Event, Note
from builder.border.plan import Staging
from builder.host.config.compression_text import parse_compression
from builder.inside.linux.mounts import mount_points_below
from builder.inside.source.cache_image import make_loop_devices
from builder.inside.tree.survey import SourceTree
from builder.inside.tree.tree_digest import digest_tree
from tests.support.hard_tree import CLOCK, RULES, change, make_hard_tree
from tests.support.media import EPOCH, Work, real_system, squashfs_step
from tests.support.staging import stage_step

pytestmark = pytest.mark.tools

_GET_FLAGS, _SET_FLAGS, _IMMUTABLE = 0x80086601, 0x40086602, 0x10  # linux/fs.h


@dataclass(frozen=True, slots=True, kw_only=True)
class Hard:
    """The hard tree, and a folder beside it for what is made of it."""

    source: Path
    work: Path

    def staged(self, staging: Staging, then: Callable[[Path], str]) -> tuple[str, str]:
        """Return what `then` makes of the staged tree, and what the step said."""
        events: list[Event] = []
        target = Path(tempfile.mkdtemp(dir=self.work))
        with ExitStack() as mounts:
            step = stage_step(self.source, target, rules=RULES, staging=staging, mounts=mounts)
            step.run(real_system(events))
            found = then(target)
        notes = [each for each in events if isinstance(each, Note)]
        return found, "\n".join(render(each.message, each.values) for each in notes)

    def check_same(self, then: Callable[[Path], str]) -> None:
        """Assert that `then` makes the same of an overlay and of a copy."""
        mounted, told = self.staged(Staging.OVERLAY, then)
        assert told.startswith("The system is not copied")
        copied, told = self.staged(Staging.RSYNC, then)
        assert told.startswith("The system is copied with rsync, as requested")
        assert mounted == copied

    def check_copied(self, reason: str) -> None:
        """Assert that only a copy is made, because of `reason`, and that it is faithful."""
        named = digest_tree(SourceTree(root=self.source, rules=RULES)).digest
        copied, told = self.staged(Staging.AUTO, digest)
        note, _line_end, because = told.partition("\n")
        assert note == "The system is copied with rsync: an overlay is not possible here"
        assert reason in because
        assert copied == named
        with pytest.raises(HostError) as caught:
            self.staged(Staging.OVERLAY, digest)
        assert reason in str(caught.value)
        assert "--staging auto" in caught.value.advice


@pytest.fixture
def work() -> Iterator[Path]:
    """A folder on the container's volume: nothing can be written over an overlay on an overlay."""
    with tempfile.TemporaryDirectory(dir="/work") as name:
        yield Path(name)
        assert mount_points_below(Path(name)) == []


@pytest.fixture
def hard(work: Path) -> Hard:
    """The tree on the volume itself."""
    return Hard(source=made(work / "source"), work=work)


@pytest.fixture(params=["volume", "btrfs"])
def anywhere(request: pytest.FixtureRequest, work: Path) -> Iterator[Hard]:
    """The tree on the volume, and on a btrfs of its own, read-only as a cache image is."""
    if request.param == "volume":
        yield Hard(source=made(work / "source"), work=work)
        return
    image, mount = work / "image", work / "btrfs"
    with image.open("wb") as stream:
        stream.truncate(256 << 20)
    real_system().run(["mkfs.btrfs", "--quiet", str(image)])
    mount.mkdir()
    with attached(image, mount, "rw"):
        made(mount / "source")
    with attached(image, mount, "ro"):
        yield Hard(source=mount / "source", work=work)


@contextmanager
def attached(image: Path, mount: Path, mode: str) -> Iterator[None]:
    make_loop_devices()
    with real_system().mounted(str(image), mount, kind="btrfs", options=["loop", mode]):
        yield


def made(root: Path) -> Path:
    make_hard_tree(root)
    (root / "var/lib/dpkg").mkdir()
    (root / "var/lib/dpkg/status").write_text("")
    return root


def digest(root: Path) -> str:
    return digest_tree(SourceTree(root=root)).digest


def packed(root: Path, *, compression: str = "fast") -> str:
    """Return the digest of the squashfs of a staged tree."""
    work = Work(base=root.with_name(f"{root.name}.packed"))
    work.root.mkdir(parents=True)
    step = replace(squashfs_step(work), root=root, compression=parse_compression(compression))
    os.utime(root, (EPOCH, EPOCH))
    step.run(real_system())
    found = hashlib.sha256(step.target.read_bytes()).hexdigest()
    shutil.rmtree(work.base)
    return found


def changed(root: Path) -> str:
    """Change the staged tree; what that dates with the time of day gets a date that stays."""
    change(root)
    for place, _folders, names in os.walk(os.fsencode(root)):
        for path in (place, *(place + b"/" + name for name in names)):
            if os.lstat(path).st_mtime > CLOCK:
                os.utime(path, (CLOCK, CLOCK), follow_symlinks=False)
    return digest(root)


def test_the_merged_tree_is_what_rsync_copies(anywhere: Hard) -> None:
    named = digest_tree(SourceTree(root=anywhere.source, rules=RULES)).digest
    for staging in Staging:
        assert anywhere.staged(staging, digest)[0] == named


def test_after_changes_it_is_still_the_same(anywhere: Hard) -> None:
    before = digest(anywhere.source)
    anywhere.check_same(changed)
    assert digest(anywhere.source) == before


@pytest.mark.parametrize("compression", ["fast", "zstd,level=3,block=4K", "xz,block=128K"])
def test_the_squashfs_is_the_same(hard: Hard, compression: str) -> None:
    hard.check_same(lambda root: packed(root, compression=compression))


def test_the_squashfs_is_the_same_after_changes(anywhere: Hard) -> None:
    anywhere.check_same(lambda root: changed(root) + packed(root))


def test_zeros_are_holes_wherever_the_tree_lies(hard: Hard) -> None:
    # The source keeps them as blocks, and rsync makes holes of them.
    zeros = "usr/share/zeros-in"
    blocks = {
        staging: hard.staged(staging, lambda root: str((root / zeros).stat().st_blocks))[0]
        for staging in (Staging.OVERLAY, Staging.RSYNC)
    }
    assert int(blocks[Staging.OVERLAY]) > int(blocks[Staging.RSYNC])


def test_what_an_overlay_would_take_for_its_own_is_copied(hard: Hard) -> None:
    os.mknod(hard.source / "srv/data/\x1b[31mnode", stat.S_IFCHR, os.makedev(0, 0))
    hard.check_copied(
        "/srv/data/[31mnode in the source is a whiteout, or has an attribute of an overlay"
    )


@pytest.mark.parametrize("name", ["opaque", "redirect", "metacopy", "overlay.whiteout"])
def test_folders_of_other_overlays_are_copied(hard: Hard, name: str) -> None:
    os.setxattr(hard.source / "usr/share", f"trusted.overlay.{name}", b"y")
    hard.check_copied("/usr/share in the source is a whiteout, or has an attribute of an overlay")


def test_marks_in_what_is_left_out_do_not_matter(hard: Hard) -> None:
    os.mknod(hard.source / "home/alice/node", stat.S_IFCHR, os.makedev(0, 0))
    os.setxattr(hard.source / "srv/hidden", "trusted.overlay.opaque", b"y")
    hard.check_same(digest)


def test_what_may_not_be_changed_is_copied(hard: Hard) -> None:
    with immutable(hard.source / "etc/issue"):
        hard.check_copied("/etc/issue in the source is immutable")


@contextmanager
def immutable(path: Path) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        before = array.array("l", [0])
        fcntl.ioctl(descriptor, _GET_FLAGS, before)
        fcntl.ioctl(descriptor, _SET_FLAGS, array.array("l", [before[0] | _IMMUTABLE]))
        yield
        fcntl.ioctl(descriptor, _SET_FLAGS, before)
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("kind", ["tmpfs", "the same file system"])
def test_what_is_mounted_inside_the_source_is_copied(hard: Hard, kind: str) -> None:
    place = hard.source / "etc/empty"
    if kind == "tmpfs":
        mount = real_system().mounted("none", place, kind="tmpfs")
    else:
        mount = real_system().mounted(str(hard.source / "boot"), place, kind="none",
                                      options=["bind"])  # fmt: skip
    with mount:
        hard.check_copied("Something else is mounted inside the source")


def test_subvolumes_inside_the_source_are_copied(work: Path) -> None:
    image, mount = work / "image", work / "btrfs"
    with image.open("wb") as stream:
        stream.truncate(256 << 20)
    real_system().run(["mkfs.btrfs", "--quiet", str(image)])
    mount.mkdir()
    with attached(image, mount, "rw"):
        for name in ("source", "source/inner"):
            real_system().run(["btrfs", "subvolume", "create", str(mount / name)])
        (mount / "source/inner/file").write_text("content")
        hard = Hard(source=mount / "source", work=work)
        hard.check_copied("The source spans several subvolumes")


def test_where_no_layer_can_lie_the_system_is_copied(hard: Hard) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        replace(hard, work=Path(name)).check_copied(
            "The writable layer of the overlay cannot be written"
        )


def test_an_overlay_is_unmounted_whatever_happens(hard: Hard) -> None:
    def fail(root: Path) -> str:
        assert mount_points_below(root) == [str(root)]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        hard.staged(Staging.AUTO, fail)
    assert mount_points_below(hard.work) == []
