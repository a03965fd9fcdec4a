"""A tree's digest: what its definition says, blind to what does not matter, and to nothing else."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes

import pytest

from builder.basics.errors import StepError
from builder.inside.tree.survey import SourceTree
from builder.inside.tree.tree_digest import digest_tree, read_in_background
from tests.support import tree_vectors

SECOND = 1_000_000_000
NOON = 1_750_170_600 * SECOND


def make(root: Path, *, names: tuple[str, ...] = ("one", "two", "odd\udcff", "new\nline")) -> Path:
    (root / "dir/empty").mkdir(parents=True)
    for name in names:
        (root / "dir" / name).write_bytes(os.fsencode(name))
    (root / "link").symlink_to("dir/one")
    os.link(root / "dir/one", root / "another")
    os.mkfifo(root / "fifo")
    for path in (*root.rglob("*"), root):
        os.utime(path, ns=(NOON, NOON), follow_symlinks=False)
    return root


def digest(root: Path, *rules: str) -> str:
    return digest_tree(SourceTree(root=root, rules=rules)).digest


def by_the_page(root: Path) -> str:
    """Run the program of docs/tree-digest.md."""
    argv = [sys.executable, "-c", tree_vectors.page_block("python"), os.fspath(root)]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.parametrize("path", tree_vectors.VECTORS, ids=lambda path: path.stem)
def test_the_vectors_are_what_the_page_says(path: Path) -> None:
    vector = tree_vectors.load(path)
    records = tree_vectors.records_of(vector["entries"])
    assert [[quote(field) for field in record] for record in records] == [
        [quote(unquote_to_bytes(field)) for field in record] for record in vector["records"]
    ]
    assert tree_vectors.digest_of(vector["records"]) == vector["digest"]


def test_the_pages_example_is_one_of_the_vectors() -> None:
    vector = tree_vectors.load(tree_vectors.PROJECT / "fixtures/tree-digest/example.json")
    lines = tree_vectors.page_block("records").splitlines()
    assert [line.split("|")[:-1] for line in lines] == vector["records"]
    assert tree_vectors.page_block("digest").strip() == vector["digest"]


def test_the_pages_program_finds_the_same(tmp_path: Path) -> None:
    root = make(tmp_path / "root")
    os.utime(root / "dir/two", ns=(0, -SECOND // 2))
    assert by_the_page(root) == digest(root)


def test_files_and_bytes_are_counted(tmp_path: Path) -> None:
    found = digest_tree(SourceTree(root=make(tmp_path / "root"), rules=("- /dir/two",)))
    assert (found.files, found.size, found.format) == (4, 3 + 4 + 8, 1)


def test_place_order_and_other_times_do_not_matter(tmp_path: Path) -> None:
    first = make(tmp_path / "first")
    other = make(tmp_path / "a longer name\n", names=("new\nline", "two", "one", "odd\udcff"))
    (other / "gone").touch()
    (other / "gone").unlink()
    (other / "dir/one").chmod(0o600)
    (other / "dir/one").chmod((first / "dir/one").stat().st_mode & 0o7777)
    os.utime(other / "dir/two", ns=(1, NOON + SECOND - 1))
    os.utime(other, (5, 5))
    assert digest(first) == digest(other)


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "dir/one").chmod(0o600),
        lambda root: (root / "dir/empty").chmod(0o1755),
        lambda root: root.chmod(0o700),
        lambda root: os.utime(root / "dir/one", ns=(NOON, NOON - 1)),
        lambda root: os.utime(root / "dir", ns=(NOON, NOON + SECOND)),
        lambda root: os.utime(root / "link", ns=(NOON, NOON + SECOND), follow_symlinks=False),
        lambda root: _kept_times(root, lambda: (root / "dir/one").write_text("eno")),
        lambda root: _kept_times(root, lambda: (root / "dir/one").write_text("ones")),
        lambda root: _kept_times(root, lambda: (root / "dir/empty").rename(root / "dir/void")),
        lambda root: _kept_times(root, (root / "dir/empty/new").touch),
        lambda root: _kept_times(root, (root / "another").unlink),
        lambda root: _kept_times(root, lambda: _replace_link(root, "dir/two")),
        lambda root: _kept_times(root, lambda: _split(root)),
    ],
)
def test_whatever_may_matter_does(tmp_path: Path, change: Callable[[Path], object]) -> None:
    root = make(tmp_path / "root")
    before = digest(root)
    assert before == digest(root)
    change(root)
    assert digest(root) != before


def _kept_times(root: Path, change: Callable[[], object]) -> None:
    change()
    for path in root.rglob("*"):
        os.utime(path, ns=(NOON, NOON), follow_symlinks=False)


def _replace_link(root: Path, target: str) -> None:
    (root / "link").unlink()
    (root / "link").symlink_to(target)


def _split(root: Path) -> None:
    """Make the second name a file of its own, with the same content and mode."""
    (root / "another").unlink()
    (root / "another").write_text("one")
    (root / "another").chmod((root / "dir/one").stat().st_mode & 0o7777)


def test_what_is_left_out_does_not_matter(tmp_path: Path) -> None:
    root = make(tmp_path / "root")
    before = digest(root, "- /dir/*", "- /fifo")
    _kept_times(root, (root / "dir/one").unlink)
    _kept_times(root, (root / "fifo").unlink)
    assert digest(root, "- /dir/*", "- /fifo") == before
    os.utime(root / "dir", (1, 1))
    assert digest(root, "- /dir/*", "- /fifo") != before


def secret(root: Path) -> str:
    return digest_tree(SourceTree(root=root, rules=())).secret


@pytest.mark.parametrize("place", ["etc/machine-id", "var/lib/dbus/machine-id"])
def test_a_tree_with_a_machine_id_has_a_secret_that_only_its_owner_can_compute(
    tmp_path: Path, place: str
) -> None:
    here, there = (make(tmp_path / name) for name in ("here", "there"))
    found = set()
    for root, content in ((here, "7" * 32), (there, "7" * 32 + "\n")):
        path = root / place
        path.parent.mkdir(parents=True)
        path.write_text(content)
        found.add(secret(root))
        assert secret(root) not in digest(root)
        assert secret(root) == secret(root)
    assert len(found) == 2, "it follows from the whole tree"
    assert all(len(bytes.fromhex(each)) == 32 for each in found)


@pytest.mark.parametrize("content", ["", "\n", "uninitialized\n", "7" * 40])
def test_a_tree_without_one_has_none(tmp_path: Path, content: str) -> None:
    root = make(tmp_path / "root")
    assert secret(root) == ""
    (root / "etc").mkdir()
    (root / "etc/machine-id").write_text(content)
    assert secret(root) == ""


def test_fields_cannot_flow_into_each_other(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    (first / "ab").mkdir(parents=True)
    (second / "a").mkdir(parents=True)
    (first / "ab/c").symlink_to("x")
    (second / "a/bc").symlink_to("x")
    assert digest(first) != digest(second)


def test_a_source_that_is_gone_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StepError, match=r"^/ in the source changed or disappeared"):
        digest(tmp_path / "none")


def test_a_file_that_vanishes_is_an_error() -> None:
    # What is open to list the directory is listed in it, and closed when its turn comes.
    with pytest.raises(StepError, match=r"^/\d+ in the source changed or disappeared"):
        digest(Path("/proc/self/fd"))


def test_a_file_with_more_in_it_than_it_said_is_an_error() -> None:
    with pytest.raises(StepError, match=r"^/\w+ in the source changed or disappeared"):
        digest(Path("/proc/sys/kernel/random"))


def test_the_reading_beside_other_work_ends_with_it(tmp_path: Path) -> None:
    with (tmp_path / "endless").open("wb") as stream:
        stream.truncate(1 << 38)
    with (
        pytest.raises(ZeroDivisionError),
        read_in_background(SourceTree(root=tmp_path)) as reading,
    ):
        raise ZeroDivisionError
    assert isinstance(reading.digest.exception(), StepError)
