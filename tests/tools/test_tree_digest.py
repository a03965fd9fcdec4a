"""The digest on real trees with all that only root can make, and its rules against the real rsync.

The source, with the rules applied by us, and the copy, in which rsync applied them, must have the
same digest: whatever one of them sees otherwise would show.
"""

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.inside.selection.source_tree import source_tree
from builder.inside.system.real_system import RealSystem
from builder.inside.tree.excludes import EXCLUDES
from builder.inside.tree.survey import SourceTree, survey_tree
from builder.inside.tree.tree_digest import digest_tree
from tests.support import tree_vectors
from tests.support.staging import stage_step

pytestmark = pytest.mark.tools

# What a pattern's wildcards may stand for; the last ones are hostile.
_FILLINGS = (b"x", b"x-1.d", b"new\nline", b"\xff\xfe", b"**", b"[a]", b"\\", b"*")
_ODD_NAMES = (
    b"a", b"b", b"ab", b"a-b", b"aa", b"a.b", b"[a]", b"a*", b"a\\b", b"new\nline", b"\xff\xfe",
    b" ", b"-", b"]", b"**", b"a?", b"!", b"^a", "\N{LATIN SMALL LETTER A WITH DIAERESIS}".encode(),
    b"\\", b"#", b"+ a",
)  # fmt: skip
_PARTS = (
    "a", "b", "*", "**", "***", "?", "[a-b]", "[!a]", "[^a]", "[[:alpha:]]", "[]]", "[", "\\",
    "\\*", "\\a", "-", "a*", "*b", ".", "\N{LATIN SMALL LETTER A WITH DIAERESIS}", "[a\\]]", "[a",
    "[[:foo:]]", "[\\!-]", "[--b]", "[b-a]", "[a-]", "[[:punct:]x]", "[!]]", "[[a]", "[:alpha:]",
    "#", " ",
)  # fmt: skip


def rsync(source: Path, target: Path, rules: tuple[str, ...]) -> Path:
    """Copy as the stage step does, but with `rules` alone."""
    own = (*rules, "+x security.capability", "-x *")
    step = stage_step(source, target, rules=own)
    step.write_filters()
    target.mkdir()
    subprocess.run(step.argv(), check=True, capture_output=True)
    return target


def digest(root: Path, *rules: str) -> str:
    return digest_tree(SourceTree(root=root, rules=rules)).digest


def paths(root: Path, *rules: str) -> tuple[bytes, ...]:
    return survey_tree(SourceTree(root=root, rules=rules)).paths


def by_the_page(root: Path) -> str:
    """Run the program of docs/tree-digest.md."""
    argv = [sys.executable, "-c", tree_vectors.page_block("python"), os.fspath(root)]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.parametrize("path", tree_vectors.VECTORS, ids=lambda path: path.stem)
def test_a_vectors_tree_and_its_copy_have_its_digest(path: Path, tmp_path: Path) -> None:
    vector = tree_vectors.load(path)
    first = tree_vectors.make(tmp_path / "first", vector["entries"], seed=1)
    second = tree_vectors.make(tmp_path / "second", vector["entries"], seed=2)
    assert digest(first, *vector["rules"]) == vector["digest"]
    assert digest(second, *vector["rules"]) == vector["digest"]
    copy = rsync(second, tmp_path / "copy", tuple(vector["rules"]))
    assert digest(copy) == vector["digest"]
    assert by_the_page(copy) == vector["digest"]


def test_the_pages_example_is_made_by_its_commands(tmp_path: Path) -> None:
    subprocess.run(["sh", "-ec", tree_vectors.page_block("example")], check=True, cwd=tmp_path)
    assert digest(tmp_path / "tree") == tree_vectors.page_block("digest").strip()


def matching(pattern: str) -> Iterator[bytes]:
    """Yield paths that an exclude is about, and some that only look like it."""
    for filling in _FILLINGS:
        path = pattern.replace("**", "*/*").replace("*", "\0").encode().replace(b"\0", filling)
        path = b"/" + path.lstrip(b"/")
        yield from (path, path + b"x", b"/srv" + path, b"/srv/not" + path[1:])


@pytest.fixture
def nasty(tmp_path: Path) -> Path:
    """A tree with something for every row of the table, as a file and as a directory."""
    root = tmp_path / "nasty"
    top = os.fsencode(root)
    chance = random.Random(7)  # noqa: S311
    rows = [row.pattern for row in EXCLUDES] + ["/swap files/*one[1]", "/opt/*/cache", "/opt/b**z"]
    paths = sorted({path for pattern in rows for path in matching(pattern)})
    chance.shuffle(paths)
    shared = top + b"/shared"
    root.mkdir()
    root.joinpath("shared").write_text("shared")
    for path in paths:
        place = top + path
        if os.path.lexists(place) or not _parents_made(place):
            continue
        match chance.randrange(5):
            case 0:
                os.mkdir(place, 0o2750)  # noqa: PTH102
                os.mkfifo(place + b"/pipe")
            case 1:
                os.symlink(b"/nowhere", place)  # noqa: PTH211
            case 2:
                os.link(shared, place)
            case _:
                with open(place, "xb") as stream:  # noqa: PTH123
                    stream.write(path)
    _parents_made(top + b"/etc/fstab")
    if not os.path.lexists(root / "etc/fstab"):
        (root / "etc/fstab").write_text("/swap\\040files/*one[1] none swap sw 0 0\n")
    return root


def _parents_made(place: bytes) -> bool:
    try:
        os.makedirs(os.path.dirname(place), exist_ok=True)  # noqa: PTH103, PTH120
    except (FileExistsError, NotADirectoryError):  # a file of another row is in the way
        return False
    return True


def test_the_whole_table_leaves_out_what_rsync_leaves_out(nasty: Path, tmp_path: Path) -> None:
    chosen = source_tree(nasty, exclude=("/opt/*/cache", "/opt/b**z"), keep=("/srv", "/?wap*"))
    assert "- /swap files/\\*one\\[1]" in chosen.rules
    step = stage_step(nasty, tmp_path / "copy", rules=chosen.rules)
    step.run(RealSystem(lambda _event: None))
    belongs = paths(nasty, *step.tree.rules)
    assert belongs == paths(step.target)
    assert 100 < len(belongs) < len(paths(nasty)) - 100
    assert digest(nasty, *step.tree.rules) == digest(step.target)
    assert by_the_page(step.target) == digest(step.target)


def odd_tree(folder: bytes, chance: random.Random, depth: int = 0) -> None:
    for name in chance.sample(_ODD_NAMES, 6 if depth else 12):
        place = folder + b"/" + name
        if depth < 3 and chance.random() < 0.5:
            os.mkdir(place)  # noqa: PTH102
            odd_tree(place, chance, depth + 1)
        else:
            os.mknod(place)


def odd_rule(chance: random.Random) -> str:
    names = ("".join(chance.choices(_PARTS, k=chance.randint(1, 3))) for _ in range(3))
    pattern = chance.choice(("", "/")) + "/".join(list(names)[: chance.choice((1, 1, 2, 3))])
    return chance.choice("--+") + " " + pattern + chance.choice(("", "", "", "/", "/**", "/***"))


@pytest.mark.parametrize("seed", range(3))
def test_any_rules_leave_out_what_rsync_leaves_out(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)  # noqa: S311
    root = tmp_path / "root"
    root.mkdir()
    odd_tree(os.fsencode(root), chance)
    left_out = 0
    for number in range(40):
        rules = tuple(odd_rule(chance) for _ in range(chance.randint(1, 4)))
        copy = rsync(root, tmp_path / f"copy{number}", rules)
        belongs = paths(root, *rules)
        assert belongs == paths(copy), rules
        left_out += len(paths(root)) - len(belongs)
    assert left_out > 500
