"""Which small files share blocks: stable against changes, and a function of the tree only."""

import os
import random
from collections.abc import Iterable
from pathlib import Path

import pytest

from builder.inside.blocks.packing import (
    MOST_GROUPS,
    Group,
    SmallFile,
    grouped,
    key_of,
    write_actions,
)

KIB = 1024


def files(*rows: tuple[str, int]) -> list[SmallFile]:
    found = (SmallFile(key=key_of(path.encode()), size=size) for path, size in rows)
    return sorted(found, key=lambda file: file.key)


def many(folder: str, count: int, size: int = 32 * KIB) -> list[tuple[str, int]]:
    return [(f"{folder}/{chr(97 + number % 26)}{number:05}", size) for number in range(count)]


def fits(group: Group, key: bytes) -> bool:
    following = key[len(group.beginning) :]
    return key.startswith(group.beginning) and group.first <= following[0] <= group.last


def members(groups: list[Group], tree: Iterable[SmallFile]) -> dict[Group | None, list[bytes]]:
    """Put each file where mksquashfs does: into the first group that fits, else into none."""
    found: dict[Group | None, list[bytes]] = {}
    for file in tree:
        home = next((group for group in groups if fits(group, file.key)), None)
        found.setdefault(home, []).append(file.key)
    return found


def test_a_small_tree_is_one_group() -> None:
    assert grouped(files(*many("usr/bin", 20))) == []
    assert grouped([]) == []


def test_a_folder_with_enough_in_it_gets_blocks_of_its_own() -> None:
    tree = files(*many("usr/bin", 30), *many("usr/lib/x", 12), ("usr/share/one", 5))
    assert [group.action() for group in grouped(tree)] == [
        b'fragment(group)@subpathname("/usr/b*")\n',
        b'fragment(group)@subpathname("/usr/l*")\n',
    ]


def test_a_large_folder_is_cut_by_the_beginnings_of_names() -> None:
    tree = files(*many("var/lib/dpkg/info", 2000, 5 * KIB))
    groups = grouped(tree)
    assert len(groups) > 10
    assert all(group.beginning.startswith(b"var/lib/dpkg/info/") for group in groups)
    sizes = [len(paths) * 5 * KIB for paths in members(groups, tree).values()]
    assert max(sizes) < 2 << 20


def test_names_that_begin_with_anything_are_cut_by_ranges_of_letters() -> None:
    chance = random.Random(3)  # noqa: S311
    tree = files(*((f"usr/{chance.randbytes(4).hex()}", 5 * KIB) for _ in range(600)))
    actions = [group.action() for group in grouped(tree)]
    assert any(b'"/usr/[0-' in action for action in actions)
    sizes = [len(paths) * 5 * KIB for paths in members(grouped(tree), tree).values()]
    assert max(sizes) <= 3 << 19


def test_a_group_comes_after_those_that_refine_it() -> None:
    groups = grouped(files(*many("usr/bin", 300), *many("usr/lib/x/y", 400)))
    for position, group in enumerate(groups):
        assert not any(fits(group, later.beginning + b" ") for later in groups[position + 1 :])


def test_one_more_file_moves_only_its_own_group() -> None:
    tree = files(*many("usr/bin", 300), *many("usr/lib/x/y", 400), *many("var/d", 200))
    more = files(("usr/lib/x/y/a00000-more", 7 * KIB), *((f.key.decode(), f.size) for f in tree))
    before, after = members(grouped(tree), tree), members(grouped(more), more)
    changed = [group for group in after if before.get(group) != after[group]]
    assert len(changed) == 1
    assert sum(map(len, before.values())) == len(tree)


def test_the_number_of_groups_is_limited_however_large_the_tree() -> None:
    chance = random.Random(5)  # noqa: S311
    tree = files(*((f"usr/{chance.randbytes(3).hex()}", 900 * KIB) for _ in range(6000)))
    assert 40 < len(grouped(tree)) <= MOST_GROUPS


@pytest.mark.parametrize("seed", [1, 2])
def test_the_actions_do_not_depend_on_the_order_of_the_disk(tmp_path: Path, seed: int) -> None:
    names = [f"usr/{letter}/{number}" for letter in "abc" for number in range(30)]
    written = []
    for order in (0, seed):
        root = tmp_path / str(order)
        random.Random(order).shuffle(names)  # noqa: S311
        for name in names:
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(bytes(25 * KIB))
        write_actions(root, tmp_path / "actions", block_size=1 << 20)
        written.append((tmp_path / "actions").read_bytes())
    assert written[0] == written[1]
    assert written[0].splitlines()[1] == b'fragment(group)@subpathname("/usr/a*")'


def test_only_small_files_share_blocks(tmp_path: Path) -> None:
    for name, size in (("a/1", 64 * KIB), ("b/1", 64 * KIB - 1), ("c/1", 0)):
        for number in range(40):
            path = tmp_path / f"root/{name}{number}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"")
            os.truncate(path, size)
    (tmp_path / "root/d").symlink_to("/usr")
    write_actions(tmp_path / "root", tmp_path / "actions", block_size=1 << 20)
    alone, *groups = (tmp_path / "actions").read_bytes().splitlines()
    assert alone == b"no-fragments@filesize(+65535)"
    assert groups
    assert all(group.startswith(b'fragment(group)@subpathname("/b/1') for group in groups)


def test_no_file_of_a_whole_block_is_small(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    write_actions(tmp_path / "root", tmp_path / "actions", block_size=4 * KIB)
    assert (tmp_path / "actions").read_bytes() == b"no-fragments@filesize(+4095)\n"


def test_odd_names_cannot_leave_their_pattern(tmp_path: Path) -> None:
    odd = b'x"\n)@ ,&|!\\[*?(\xff\xe4\x01-'
    folder = os.fsencode(tmp_path / "root") + b"/" + odd
    os.makedirs(folder)  # noqa: PTH103 - bytes
    for number in range(80):
        with open(folder + b"/%d" % number, "wb") as file:  # noqa: PTH123 - bytes
            file.truncate(50 * KIB)
    write_actions(tmp_path / "root", tmp_path / "actions", block_size=1 << 20)
    _alone, *lines = (tmp_path / "actions").read_bytes().splitlines()
    assert lines
    for line in lines:
        assert line.startswith(b'fragment(group)@subpathname("/x' + b"?" * (len(odd) - 2) + b"-/")


def test_catalogues_are_grouped_by_their_names_across_the_languages() -> None:
    languages = [f"{one}{other}" for one in "abcdefgh" for other in "klmnopqrs"]
    rows = [(f"usr/share/locale/{language}/LC_MESSAGES/{name}.mo", 40 * KIB)
            for language in languages for name in ("alpha", "beta", "gamma")]  # fmt: skip
    actions = [group.action() for group in grouped(files(*rows))]
    for letter in (b"a", b"b", b"g"):
        place = b"/usr/share/locale/*/LC_MESSAGES/" + letter
        assert b'fragment(group)@subpathname("%s*")\n' % place in actions


def test_paths_that_are_alike_for_long_end_the_cutting() -> None:
    deep = "/".join("ab" for _ in range(1300))
    tree = files(*((f"{deep[: 2 * number]}x{number}", 4096 * KIB) for number in range(1, 1900)))
    assert all(len(group.beginning) <= 250 for group in grouped(tree))
    same = files(*((f"usr/share/locale/{number}/LC_MESSAGES/x", 400 * KIB) for number in range(99)))
    assert all(b"LC_MESSAGES/x" not in group.beginning for group in grouped(same))
