"""What a file holds is remembered for the very same content at the same path, and nothing else."""

import hashlib
import io
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from builder.basics.errors import StepError
from builder.inside.blocks.kept_files import KeptFiles, SeenFiles
from builder.inside.blocks.store import BlockCache
from builder.inside.blocks.store_key import StoreKey
from builder.inside.search.alone import Request, searched
from builder.inside.search.contents import Looked
from builder.inside.search.memory import FileMemory
from builder.inside.search.recall import Learnt, Recall, file_digests
from builder.inside.search.tree_search import tree_search
from builder.inside.tree.survey import SourceTree
from builder.inside.tree.tree_digest import digest_tree
from tests.support.machines import RecordingSystem as Machine

SECRET = b"password = hunter2\n"
Search = Callable[..., tuple[list[str], int]]


@pytest.fixture
def kept(tmp_path: Path) -> KeptFiles:
    (tmp_path / "store").mkdir()
    store = BlockCache(folder=tmp_path / "store", counts=tmp_path / "counts")
    return KeptFiles(store=store, run="r1", inputs=("image", ()))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for path, data in {"etc/app.conf": SECRET, "etc/plain": b"a = b\n"}.items():
        put(tmp_path / "source", path, data)
    return tmp_path / "source"


@pytest.fixture
def search(kept: KeptFiles, source: Path) -> Search:
    """Search a copy as a build does, and return what was found and how much was remembered."""
    records(source)

    def run(
        root: Path = source, *, kept: KeptFiles = kept, now: bool = True
    ) -> tuple[list[str], int]:
        path = records(source) if now else source.with_name("records")
        memory = FileMemory(kept=kept, source=source, records=path, ready=lambda: None)
        before = memory.recalled()
        recall = Recall(source=source)
        if before is not None:
            recall.seen, recall.digests = SeenFiles.decode(before), file_digests(path)
        found = tree_search(root, ()).whole(root, on_progress=lambda _part: None, memory=recall)
        learnt = Learnt.decode(recall.learnt().encode())
        memory.offer(learnt)
        kept.decide(None)
        return [f"{each.rule} {each.path} {each.member}".strip() for each in found], learnt.reused

    return run


def records(source: Path) -> Path:
    path = source.with_name("records")
    path.unlink(missing_ok=True)
    digest_tree(SourceTree(root=source), records=path)
    return path


def put(root: Path, path: str, data: bytes) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_bytes(data)


FOUND = ["credential /etc/app.conf"]


def test_a_file_is_read_once_and_what_it_holds_is_found_each_time(
    search: Search, source: Path
) -> None:
    assert search() == (FOUND, 0)
    # Were it read again, nothing would be found: only its digest still is that of the secret.
    put(source, "etc/app.conf", b"x = y\n")
    assert search(now=False) == (FOUND, 2)
    assert search(now=False) == (FOUND, 2)


def test_a_changed_a_moved_and_a_new_file_are_read(search: Search, source: Path) -> None:
    search()
    put(source, "etc/plain", SECRET)
    put(source, "etc/new", SECRET)
    (source / "etc/app.conf").rename(source / "etc/other.conf")
    assert search() == ([f"credential /etc/{name}" for name in ("new", "other.conf", "plain")], 0)


def test_where_the_path_decides_the_same_content_is_read_again(
    search: Search, source: Path
) -> None:
    put(source, "usr/share/a/x", b"SQLite format 3\0" + bytes(100))
    assert search() == (FOUND, 0)
    put(source, "opt/x", b"SQLite format 3\0" + bytes(100))
    assert search() == ([*FOUND, "database /opt/x"], 3)


def test_a_copy_of_a_file_is_read_whatever_its_source_says(
    search: Search, source: Path, tmp_path: Path
) -> None:
    search()
    shutil.copytree(source, tmp_path / "copy")
    put(tmp_path / "copy", "etc/plain", SECRET)
    assert search(tmp_path / "copy") == ([*FOUND, "credential /etc/plain"], 0)


def test_what_a_package_brought_is_read_when_the_package_is_gone(
    search: Search, source: Path
) -> None:
    digest = hashlib.md5(SECRET).hexdigest()  # noqa: S324 - dpkg's
    listed = "var/lib/dpkg/info/a.md5sums"
    put(source, listed, f"{digest}  etc/app.conf\n".encode())
    assert search() == ([], 0)
    assert search() == ([], 2)
    (source / listed).unlink()
    assert search() == (FOUND, 1)


def test_an_archive_is_read_again_when_other_contents_are_public(
    search: Search, source: Path
) -> None:
    (source / "etc/app.conf").unlink()
    put(source, "opt/a.tar", _tar("app.conf", SECRET))
    digest = hashlib.md5(SECRET).hexdigest()  # noqa: S324 - dpkg's
    listed = "var/lib/dpkg/info/a.md5sums"
    put(source, listed, f"{digest}  etc/app.conf\n".encode())
    assert "credential /opt/a.tar app.conf" not in search()[0]
    (source / listed).unlink()
    assert "credential /opt/a.tar app.conf" in search()[0]


@pytest.mark.parametrize(
    "other",
    [
        {"inputs": ("image", ("zoltan",))},
        {"inputs": ("other image", ())},
    ],
)
def test_other_words_and_another_image_remember_nothing(
    other: dict[str, object], search: Search, kept: KeptFiles
) -> None:
    search()
    assert search(kept=replace(kept, **other)) == (FOUND, 0)  # type: ignore[arg-type]


def test_without_the_key_nobody_makes_what_is_remembered(search: Search, kept: KeptFiles) -> None:
    keyed = replace(kept, store=replace(kept.store, key=StoreKey(secret=b"k" * 32)))
    search()  # without a key
    assert search(kept=keyed) == (FOUND, 0)
    (plain, value) = sorted(
        (path for path in kept.store.folder.rglob("*") if path.is_file()),
        key=lambda path: path.stat().st_mtime_ns,
    )
    value.write_bytes(plain.read_bytes())  # somebody puts another value in its place
    assert search(kept=keyed) == (FOUND, 0)
    assert value.stat().st_mode & 0o777 == 0o600


def test_a_damaged_value_remembers_nothing(search: Search, kept: KeptFiles) -> None:
    search()
    (value,) = [path for path in kept.store.folder.rglob("*") if path.is_file()]
    value.write_bytes(value.read_bytes().replace(b'"credential"', b'"credentiam"'))
    assert search() == (FOUND, 0)


def test_a_search_in_a_process_of_its_own_remembers_too(kept: KeptFiles, source: Path) -> None:
    read = records(source)
    memory = FileMemory(kept=kept, source=source, records=read, ready=lambda: None)
    request = Request(root=str(source), words=(), images=None)
    system = Machine(lambda argv: _run(argv, system.stdins[-1]))
    for _ in range(2):
        found = searched(request, system, scratch=source.parent, memory=memory)
        assert [each.path for each in found] == ["/etc/app.conf"]
        kept.decide(None)
        put(source, "etc/app.conf", b"x = y\n")  # is read, were it not remembered
    assert [sight.reads for sight in system.sights] == [
        (source, source),
        (source, source, read),
    ]
    assert sorted(each.name for each in source.parent.iterdir()) == [
        "records", "source", "store",
    ]  # fmt: skip


@pytest.mark.parametrize("learnt", [b"", b"{}", b"x" * 40, b"{}\n/a"])
def test_what_makes_no_sense_is_not_remembered(
    kept: KeptFiles, source: Path, learnt: bytes
) -> None:
    def reply(argv: Sequence[str]) -> str:
        folder = Path(argv[-1])
        (folder / "answer").write_bytes(b'{"found": []}')
        (folder / "learnt").write_bytes(learnt)
        return ""

    memory = FileMemory(kept=kept, source=source, records=records(source), ready=lambda: None)
    request = Request(root=str(source), words=(), images=None)
    with pytest.raises(StepError, match="gave no answer"):
        searched(request, Machine(reply), scratch=source.parent, memory=memory)
    kept.decide(None)
    assert kept.restore() is None


def test_files_that_are_not_in_the_tree_are_not_remembered(kept: KeptFiles, source: Path) -> None:
    """The process that says what it learnt read what strangers made."""
    memory = FileMemory(kept=kept, source=source, records=records(source), ready=lambda: None)
    looked = Looked(md5=bytes(16), searched=True)
    files = {b"/etc/plain": looked, b"/etc/other": looked}
    memory.offer(Learnt(public="", reused=0, files=files))
    kept.decide(None)
    value = kept.restore()
    assert value is not None
    assert [each.path for each in SeenFiles.decode(value).searched.values()] == ["/etc/plain"]


def _run(argv: Sequence[str], stdin: bytes) -> str:
    return subprocess.run(argv, check=True, capture_output=True, input=stdin).stdout.decode()


def _tar(name: str, data: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()
