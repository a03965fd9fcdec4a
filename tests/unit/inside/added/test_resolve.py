"""What apt says becomes a lock: the files, and the order in which dpkg gets them."""

import base64
import zlib
from collections.abc import Sequence
from dataclasses import replace

import pytest

from builder.basics.errors import SourceError, StepError
from builder.border.added_packages import AptData, AptSource, ResolveRequest
from builder.formats.added_packages import Action, Phase, RemovedPackage
from builder.inside.added.resolve import resolve
from builder.inside.added.simulation import files, lock_from, planned
from builder.inside.system.tool_error import ToolError
from tests.support.machines import RecordingSystem

SIMULATED = """\
Reading package lists...
Inst libneed [1:0.9-1] (1:1.0-2+b1 Debian:13.1/stable [amd64]) []
Conf libneed (1:1.0-2+b1 Debian:13.1/stable [amd64])
Inst data (2.0 Debian:13.1/stable, Debian-Security:13/stable-security [all])
Inst wish:i386 (3.0 Other:1 [i386])
Conf data (2.0 Debian:13.1/stable [all])
Conf wish:i386 (3.0 Other:1 [i386])
"""
LISTED = f"""\
'http://a.example/n_1.0-2%2bb1_amd64.deb' libneed_1%3a1.0-2+b1_amd64.deb 10 SHA256:{"1" * 64}
'http://a.example/p/data_2.0_all.deb' data_2.0_all.deb 20 SHA256:{"2" * 64}
'https://o.example/p/wish_3.0_i386.deb' wish_3.0_i386.deb 30 SHA256:{"3" * 64}
"""
REQUEST = ResolveRequest(
    data=AptData(
        architecture="amd64",
        foreign=("i386",),
        status=base64.b64encode(zlib.compress(b"Package: dpkg\n")).decode(),
        extended_states="",
        sources=(
            AptSource(
                uri="http://a.example",
                suite="x",
                components=("main",),
                architectures=(),
                signed_by=("0.gpg",),
            ),
        ),
        left_out=("deb file:/x y: only http and https archives are used",),
        keys=(),
        trusted=(),
        preferences=(),
    ),
    wishes=("wish",),
    removes=(),
)
STATUS = """\
Package: old
Status: install ok installed
Architecture: all
Version: 1:2

Package: both
Status: install ok installed
Architecture: amd64
Version: 3

Package: both
Status: install ok installed
Architecture: i386
Version: 3
"""
REMOVING = replace(
    REQUEST,
    removes=("both", "gone", "old"),
    data=replace(
        REQUEST.data, status=base64.b64encode(zlib.compress(STATUS.encode())).decode("ascii")
    ),
)


def apt(*, simulated: str = SIMULATED, listed: str = LISTED, update: str = "") -> RecordingSystem:
    """Stand in for apt; what begins with an exclamation mark is how it fails."""

    def answer(argv: Sequence[str]) -> str:
        text = update if "update" in argv else listed if "--print-uris" in argv else simulated
        if text.startswith("!"):
            lines = text[1:].splitlines()
            raise ToolError("{tool} failed", command=argv, output=lines, tool="apt-get")
        return text

    return RecordingSystem(answer)


def test_a_simulation_and_the_files_are_a_lock() -> None:
    system = apt()
    lock = resolve(REQUEST, system=system).lock
    assert [str(each) for each in lock.packages] == [
        "data:all=2.0",
        "libneed:amd64=1:1.0-2+b1",
        "wish:i386=3.0",
    ]
    assert [each.replaces for each in lock.packages] == ["", "1:0.9-1", ""]
    assert [each.size for each in lock.packages] == [20, 10, 30]
    assert lock.phases == (
        Phase(action=Action.UNPACK, packages=(1,)),
        Phase(action=Action.CONFIGURE, packages=(1,)),
        Phase(action=Action.UNPACK, packages=(0, 2)),
        Phase(action=Action.CONFIGURE, packages=(0, 2)),
    )
    assert "An archive of the system is not used" in system.notes[0]


def test_no_setting_of_the_system_is_read_and_nothing_is_trusted_that_is_not_signed() -> None:
    system = apt()
    resolve(REQUEST, system=system)
    for command in system.commands:
        assert command[0] == "apt-get"
        assert "Dir::Etc::main=/dev/null" in command
        assert "Dir::Etc::parts=/dev/null" in command
        assert "APT::Cmd::Pattern-Only=true" in command
        assert "Acquire::AllowInsecureRepositories=false" in command
        assert not any("allow-unauthenticated" in word.lower() for word in command)


def test_wishes_are_never_options() -> None:
    system = apt()
    resolve(REQUEST, system=system)
    assert [command[-2:] for command in system.commands[1:]] == [("--", "wish")] * 2


def test_nothing_to_add_is_a_lock_too() -> None:
    lock = resolve(REQUEST, system=apt(simulated="Nothing\n", listed="")).lock
    assert (lock.packages, lock.phases) == ((), ())


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"simulated": SIMULATED + "Remv dracut [106]\n"}, "others would have to go: dracut"),
        ({"simulated": SIMULATED + "Purg dracut [106]\n"}, "others would have to go: dracut"),
        (
            {"simulated": "!E: Unable to locate package wish\n"},
            "cannot be added: Unable to locate package wish",
        ),
        (
            {
                "simulated": "!The following packages have unmet dependencies:\n"
                " wish : Depends: missing but it is not installable\n"
                "E: Unable to correct problems, you have held broken packages.\n"
            },
            "wish : Depends: missing but it is not installable; Unable to correct problems",
        ),
        (
            {"listed": "!E: Held packages were changed and -y was used without a flag.\n"},
            "cannot be added: Held packages were changed",
        ),
        ({"listed": LISTED.replace("SHA256", "MD5Sum")}, "No archive gives a SHA-256"),
        (
            {"update": "!E: The repository 'http://a.example x' is not signed.\n"},
            "None of the system's archives can be used: http://a.example x: The repository",
        ),
        ({"update": "!"}, "http://a.example x: it cannot be reached"),
    ],
)
def test_what_cannot_be_is_refused_with_apts_reason(answers: dict[str, str], said: str) -> None:
    with pytest.raises(SourceError) as caught:
        resolve(REQUEST, system=apt(**answers))
    assert said in str(caught.value)
    assert caught.value.hint


def test_a_kernel_is_refused() -> None:
    lines = planned("Inst linux-image-6.12.1-amd64 (6.12.1-1 Debian:13 [amd64])\n", ())
    with pytest.raises(SourceError, match="A kernel cannot be added"):
        lock_from(["linux-image-amd64"], (), lines, files(LISTED))


def test_a_kernel_stays() -> None:
    lines = planned("Remv linux-image-6.12.1-amd64 [6.12.1-1]\n", ())
    with pytest.raises(SourceError, match="A kernel cannot be removed"):
        lock_from((), ["linux-image-6.12.1-amd64"], lines, {})


def test_what_would_be_configured_and_never_unpacked_is_no_lock() -> None:
    lines = planned("Conf other (1 Debian:13 [amd64])\n", ())
    with pytest.raises(StepError, match="apt would configure other"):
        lock_from(["wish"], (), lines, files(LISTED))


def test_what_is_named_goes_in_its_turn() -> None:
    system = apt(simulated="Remv old [1:2]\nRemv both:i386 [3] [x ]\n" + SIMULATED)
    lock = resolve(REMOVING, system=system).lock
    assert lock.removes == ("both", "gone", "old")
    assert lock.removed == (
        RemovedPackage(name="both", version="3", architecture="i386"),
        RemovedPackage(name="old", version="1:2", architecture="all"),
    )
    assert lock.phases[0] == Phase(action=Action.REMOVE, packages=(1, 0))
    assert system.commands[-1][-5:] == ("--", "wish", "both-", "gone-", "old-")


def test_to_remove_alone_asks_no_archive() -> None:
    system = apt(simulated="Remv old [1:2]\n", listed="", update="!E: no network\n")
    lock = resolve(replace(REMOVING, wishes=()), system=system).lock
    assert [each.name for each in lock.removed] == ["old"]
    assert not any("update" in command for command in system.commands)


def test_what_depends_on_it_is_named_before_it_goes() -> None:
    simulated = "Remv other [1]\nRemv old [1:2]\n"
    with pytest.raises(SourceError, match=r"others would have to go: other$") as caught:
        resolve(REMOVING, system=apt(simulated=simulated))
    assert "--remove {first}" in caught.value.hint
    assert caught.value.values["first"] == "other"
