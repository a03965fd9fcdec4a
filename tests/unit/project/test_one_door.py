"""The host opens files through one door: under their names, anyone may have put something else."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.support.command_line import PROJECT

OPENERS = {"open", "read_text", "read_bytes"}
MODULES = {"tarfile", "webbrowser"}  # whose `open` takes a stream
# What nobody else can have put there, and what is made anew or must be a folder.
OWN = {
    "config/pages.py": "our own documentation",
    "report/as_html.py": "our own package",
    "image/lock_refresh.py": "our own lock file",
    "image/resources.py": "our own package",
    "source/local_zone.py": "the machine's time zone",
    "engine/owner.py": "the kernel's files",
    "backup/planning.py": "the kernel's files",
    "backup/target_disk.py": "the kernel's files",
    "backup/timer.py": "made anew",
    "source/open_files.py": "the kernel's files",
    "source/other_backups.py": "the kernel's files",
    "output/archive_stream.py": "made anew",
    "output/delivery.py": "must be a folder",
    "results/result_folder.py": "must be a folder",
    "reproduce/temporary.py": "must be a folder",
    "cli/main.py": "/dev/null",
    "command_line/started_with.py": "/dev/null",
    "stick/disks.py": "the kernel's files",
    "stick/reading_back.py": "what is open already",
    "stick/target.py": "a disk, or a file made anew or looked at once it is open",
}


def opening(source: str) -> Iterator[str]:
    """Yield what opens a file by its name."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Name(id="open")):
                yield "open"
            case ast.Call(func=ast.Attribute(value=ast.Name(id=module), attr=name)) if (
                name in OPENERS and module in MODULES
            ):
                continue
            case ast.Call(func=ast.Attribute(attr=name)) if name in OPENERS:
                yield name


def test_the_host_opens_what_others_may_have_named_through_the_one_door() -> None:
    folder = PROJECT / "builder/host"
    found = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*.py")
        if any(opening(path.read_text()))
    }
    assert found == set(OWN)


def test_an_opened_file_is_noticed() -> None:
    for source in ("open(p)", "p.open('rb')", "Path(p).read_bytes()", "os.open(p, 0)"):
        assert list(opening(source))
    assert not list(opening("tarfile.open(fileobj=p)"))
    assert not list(opening(Path(PROJECT / "builder/host/yaml/reader.py").read_text()))
