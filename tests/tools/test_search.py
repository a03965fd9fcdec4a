"""The search with the image's own YARA, which is Debian's."""

import gzip
import zlib
from pathlib import Path

import pytest

from builder.inside.search.tree_search import tree_search
from builder.inside.search.words import Word

pytestmark = pytest.mark.tools

PLANTED = {
    "etc/wg.conf": b"PrivateKey = yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=\n",
    "etc/users": b"a:$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW\n",
    "etc/app.conf": b"password = hunter2\n",
    "opt/old.conf.gz": gzip.compress(b"token = 'aB3dE5gH7jK9mN1p'\n"),
    "opt/two.gz": gzip.compress(b"x\n") + gzip.compress(b"password = hunter2\n"),
    "opt/login.exp": b'expect "assword:"\nsend "hunter2\\r"\n',
    "opt/backup.7z": b"7z\xbc\xaf\x27\x1c\0\4" + bytes(100),
    "opt/loose": zlib.compress(b"blob 33\0token = 'aB3dE5gH7jK9mN1pQ4'\n"),
    "opt/notes": "Zoltan's".encode("utf-16-le"),
}
KINDS = {"private-key", "password-hash", "credential", "user-name", "closed-archive"}


def test_every_engine_of_rules_works_with_the_yara_of_the_image(tmp_path: Path) -> None:
    for path, data in PLANTED.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(data)
    words = (Word(kind="user-name", spelling="zoltan"),)
    found = tree_search(tmp_path, words).whole(tmp_path, on_progress=lambda _fraction: None)
    assert {each.path.removeprefix("/") for each in found} == set(PLANTED)
    assert {each.rule for each in found} == KINDS
