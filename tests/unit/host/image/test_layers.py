"""A layer depends on the files of a tree, and not on when, how and by whom it was written."""

import hashlib
import io
import tarfile
from collections.abc import Sequence

import pytest

from builder.basics.errors import HostError
from builder.host.image.layers import Layer, files_layer, tree_layer

_EPOCH = 1_789_689_600
_CAPABILITY = "SCHILY.xattr.security.capability"


def member(name: str, kind: bytes = tarfile.REGTYPE, **facts: object) -> tarfile.TarInfo:
    """A member of a tar, with what only the archiving decides set to something."""
    info = tarfile.TarInfo(name)
    info.type, info.mtime, info.uname = kind, 1_000_000, "somebody"
    info.mode = 0o755 if kind == tarfile.DIRTYPE else 0o644
    for fact, value in facts.items():
        setattr(info, fact, value)
    return info


Content = tuple[tarfile.TarInfo, bytes]

TREE: tuple[Content, ...] = (
    (member("root", tarfile.DIRTYPE), b""),
    (member("root/usr", tarfile.DIRTYPE, uid=0, gid=50), b""),
    (member("root/usr/tool", mode=0o4755), b"program"),
    (member("root/usr/twin", tarfile.LNKTYPE, linkname="root/usr/tool", mode=0o4755), b""),
    (member("root/usr/link", tarfile.SYMTYPE, linkname="../tool"), b""),
    (
        member("root/usr/ping", pax_headers={_CAPABILITY: "\x01\udcff\0\x02", "atime": "123.5"}),
        b"ping",
    ),
    (member("root/usr/" + "ü" * 120), b"long"),
    (member("root/var", tarfile.DIRTYPE), b""),
)


def written(tree: Sequence[Content], *, style: int = tarfile.PAX_FORMAT) -> io.BytesIO:
    """A tar of the tree in the order given."""
    buffer = io.BytesIO()
    with tarfile.open(
        fileobj=buffer, mode="w", format=style, encoding="utf-8", errors="surrogateescape"
    ) as archive:
        for info, content in tree:
            if info.isreg():
                info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    buffer.seek(0)
    return buffer


def layer(tree: Sequence[Content], *, style: int = tarfile.PAX_FORMAT) -> bytes:
    target = io.BytesIO()
    made = tree_layer(written(tree, style=style), target, top="root", epoch=_EPOCH)
    content = target.getvalue()
    assert made == Layer(
        digest=f"sha256:{hashlib.sha256(content).hexdigest()}", size=len(content), content=target
    )
    return content


def content_of(layer: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(
        fileobj=io.BytesIO(layer), encoding="utf-8", errors="surrogateescape"
    ) as archive:
        return {each.name: each for each in archive}


def test_order_and_what_only_the_archiving_decides_make_no_difference() -> None:
    other = [
        (
            member(
                info.name,
                info.type,
                mode=info.mode,
                gid=info.gid,
                linkname=info.linkname,
                uname="another",
                gname="crowd",
                pax_headers={
                    key: value for key, value in info.pax_headers.items() if key == _CAPABILITY
                },
            ),
            content,
        )
        for info, content in TREE
    ]
    assert layer(list(reversed(other))) == layer(TREE)


def test_whichever_of_two_hard_links_has_the_content_the_first_by_name_gets_it() -> None:
    swapped = [
        (member("root/a", mode=0o755), b"same"),
        (member("root/b", tarfile.LNKTYPE, linkname="root/a", mode=0o755), b""),
    ]
    plain = [
        (member("root/b", mode=0o755), b"same"),
        (member("root/a", tarfile.LNKTYPE, linkname="root/b", mode=0o755), b""),
    ]
    assert layer(swapped) == layer(plain)
    found = content_of(layer(plain))
    assert (found["a"].type, found["a"].size) == (tarfile.REGTYPE, 4)
    assert (found["b"].type, found["b"].linkname) == (tarfile.LNKTYPE, "a")


def test_times_after_the_date_become_the_date_and_others_lose_their_fraction() -> None:
    def dated(*times: float) -> bytes:
        return layer(
            [(member(f"root/{number}", mtime=time), b"") for number, time in enumerate(times)]
        )

    assert dated(_EPOCH + 5, 7.75) == dated(_EPOCH + 9999.5, 7.25) == dated(_EPOCH, 7)
    assert dated(_EPOCH, 7) != dated(_EPOCH, 8)


def test_what_belongs_to_a_file_is_kept() -> None:
    found = content_of(layer(TREE))
    assert list(found) == sorted(found)
    assert "" not in found
    assert found["usr/tool"].mode == 0o4755
    assert found["usr"].gid == 50
    assert found["usr/link"].linkname == "../tool"
    assert found["usr/twin"].islnk()
    assert found["usr/ping"].pax_headers[_CAPABILITY] == "\x01\udcff\0\x02"
    assert "atime" not in found["usr/ping"].pax_headers
    assert found["usr/" + "ü" * 120].size == 4


@pytest.mark.parametrize(
    "path",
    [
        "dev/null", "tmp/x", "var/tmp/deep/x", "proc/1", "run/lock/x", "etc/machine-id",
        "etc/hostname", "etc/resolv.conf", "var/log/dpkg.log", "var/log/apt/term.log",
        "var/cache/ldconfig/aux-cache", "var/cache/apt/pkgcache.bin",
        "var/lib/apt/lists/x_Packages", "var/lib/dpkg/status-old",
    ],
)  # fmt: skip
def test_what_differs_from_run_to_run_is_left_out(path: str) -> None:
    assert layer([*TREE, (member(f"root/{path}"), b"12:34:56")]) == layer(TREE)


@pytest.mark.parametrize(
    "path", ["etc/hosts", "usr/tmp/x", "etc/passwd-old", "var/lib/dpkg/status", "srv/dev/null"]
)
def test_what_only_looks_like_it_stays(path: str) -> None:
    assert path in content_of(layer([*TREE, (member(f"root/{path}"), b"")]))


def test_the_folders_of_logs_and_caches_stay() -> None:
    found = content_of(layer([*TREE, (member("root/var/log/apt", tarfile.DIRTYPE), b"")]))
    assert found["var/log/apt"].isdir()


@pytest.mark.parametrize(
    "hostile",
    [
        member("etc/passwd"),
        member("/etc/passwd"),
        member("root/../etc/passwd"),
        member("rooted/etc"),
        member("root/x", tarfile.LNKTYPE, linkname="etc/passwd"),
        member("root/x", tarfile.LNKTYPE, linkname="root/absent"),
    ],
)
def test_a_tar_of_anything_else_is_refused(hostile: tarfile.TarInfo) -> None:
    with pytest.raises(HostError, match="an incomplete file system"):
        layer([*TREE, (hostile, b"")])


@pytest.mark.parametrize("cut", [0, 100, 5000])
def test_a_tar_that_ends_too_early_is_refused(cut: int) -> None:
    whole = written([(member("root/big"), bytes(20_000))]).getvalue()
    with pytest.raises(HostError, match="an incomplete file system"):
        tree_layer(io.BytesIO(whole[:cut]), io.BytesIO(), top="root", epoch=_EPOCH)


def test_a_layer_of_files_has_their_folders_and_one_date() -> None:
    target = io.BytesIO()
    files_layer({"opt/x/b.py": b"2", "opt/x/a.py": b"1"}, target, epoch=_EPOCH)
    found = content_of(target.getvalue())
    assert list(found) == ["opt", "opt/x", "opt/x/a.py", "opt/x/b.py"]
    assert {each.mtime for each in found.values()} == {_EPOCH}
    assert [each.mode for each in found.values()] == [0o755, 0o755, 0o644, 0o644]
    again = io.BytesIO()
    files_layer({"opt/x/a.py": b"1", "opt/x/b.py": b"2"}, again, epoch=_EPOCH)
    assert again.getvalue() == target.getvalue()
