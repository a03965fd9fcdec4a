"""`doctor` where no engine answers, and what it says of those that were not taken."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from builder.host.cli.main import run
from builder.host.engine.choice import Login
from builder.host.engine.endpoints import Endpoint, Why, parse_address, unix
from builder.host.engine.troubles import EngineUnreachableError, Trouble
from builder.host.upkeep.doctor import DoctorVerdict, sources_left
from builder.host.upkeep.machine_facts import MachineFacts
from builder.host.upkeep.without_engine import (
    engine_remedy,
    examine_without_engine,
    other_engines,
)
from tests.support.answering import PODMAN, engine, http, listening

DEBIAN = MachineFacts(os_release={"ID": "debian", "PRETTY_NAME": "Debian"}, has_systemd=True)


def unreachable(
    trouble: Trouble, *, url: str = "", why: Why = Why.DOCKER_HOST
) -> EngineUnreachableError:
    address = parse_address(url, why=why) if url else unix("/var/run/docker.sock")
    there = Endpoint(address=address, why=why if url else Why.DEFAULT)
    return EngineUnreachableError("gone", trouble=trouble, endpoint=there)


def checks_of(
    capsys: pytest.CaptureFixture[str], *words: str
) -> tuple[int, Mapping[str, Mapping[str, str]]]:
    code = run([*words, "doctor", "--json"])
    event = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert event["event"] == "result"
    assert event["data"]["able"] is False
    return code, {check["name"]: check for check in event["data"]["checks"]}


def test_doctor_goes_on_without_an_engine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, checks = checks_of(capsys, "--engine", f"unix://{tmp_path}/none")
    assert (code, checks["engine"]["verdict"]) == (3, "failed")
    assert f"{tmp_path}/none (--engine): No such file" in checks["engine"]["finding"]
    assert {"machine", "kinds of source", "space here", "boot test"} <= checks.keys()


def test_doctor_says_what_else_listens_there_and_what_is_too_old(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with listening(tmp_path / "s", http(b"It works!")) as url:
        _code, checks = checks_of(capsys, "--engine", url)
    assert "not a container engine" in checks["engine"]["finding"]
    with listening(tmp_path / "o", engine({"ApiVersion": "1.30"})) as url:
        _code, checks = checks_of(capsys, "--engine", url)
    assert (checks["engine"]["remedy"], "1.30" in checks["engine"]["finding"]) == (
        "Update the engine.", True,
    )  # fmt: skip


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make this a Debian machine where no engine is installed or named."""
    monkeypatch.setattr(
        "builder.host.engine.choice.default_sockets",
        lambda _login: (Endpoint(address=unix(f"{tmp_path}/none"), why=Why.DEFAULT),),
    )
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "CONTAINER_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setattr("builder.host.command_line.surroundings.gathered", lambda: DEBIAN)


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize("command", ["sweep", "snapshots"])
def test_every_command_says_what_to_type_here(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([command]) == 3
    lines = capsys.readouterr().err.splitlines()
    assert "apt-get install docker.io" in lines
    assert "systemctl enable --now docker" in lines


@pytest.mark.usefixtures("bare")
def test_people_see_commands_below_the_finding(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor"]) == 3
    lines = capsys.readouterr().out.splitlines()
    assert "    apt-get install docker.io" in lines
    assert "    systemctl enable --now docker" in lines
    assert lines[-1] == "Nothing can be built like this."


def test_only_what_this_machine_can_mend_is_answered_with_its_commands() -> None:
    def remedy(error: EngineUnreachableError) -> str:
        return engine_remedy(error, DEBIAN)

    assert "apt-get" in remedy(unreachable(Trouble.NOT_THERE))
    silent = unreachable(Trouble.SILENT)
    assert remedy(silent) == silent.advice
    far = unreachable(Trouble.NOT_RUNNING, url="ssh://far")
    assert "apt-get" not in remedy(far)
    named = unreachable(Trouble.NOT_RUNNING, url="unix:///srv/s")
    assert "unset DOCKER_HOST" in remedy(named)
    typed = unreachable(Trouble.NOT_THERE, url="unix:///srv/s", why=Why.ENGINE_OPTION)
    assert "leave out --engine" in remedy(typed)
    context = unreachable(Trouble.NOT_RUNNING, url="unix:///srv/s", why=Why.CURRENT_CONTEXT)
    assert "--context" in remedy(context)


@pytest.mark.parametrize(
    ("btrfs", "loop", "verdict", "words"),
    [
        (True, True, DoctorVerdict.OK, "every kind"),
        (True, False, DoctorVerdict.WARNING, "cache image cannot"),
        (False, True, DoctorVerdict.WARNING, "only a plain tree"),
        (False, False, DoctorVerdict.WARNING, "only a plain tree"),
    ],
)
def test_the_kinds_of_source_that_are_left_are_named(
    words: str, verdict: DoctorVerdict, *, btrfs: bool, loop: bool
) -> None:
    facts = replace(DEBIAN, has_btrfs=btrfs, has_loop=loop)
    checks = {
        each.name: each for each in examine_without_engine(unreachable(Trouble.SILENT), facts)
    }
    found = checks["kinds of source"]
    assert (found.verdict, words in found.finding) == (verdict, True)
    assert bool(found.remedy) is (verdict is not DoctorVerdict.OK)
    assert words in sources_left(btrfs=btrfs, loop=loop)


def test_a_machine_without_linux_is_not_asked_what_its_kernel_has() -> None:
    mac = MachineFacts(system="Darwin", kernel="24.1.0", user="me", uid=501)
    names = [each.name for each in examine_without_engine(unreachable(Trouble.NOT_THERE), mac)]
    assert names == ["machine", "engine"]


@pytest.fixture
def own(tmp_path: Path) -> Login:
    """Somebody whose own sockets, and only those, are ours."""
    (tmp_path / "podman").mkdir()
    variables = {"XDG_RUNTIME_DIR": str(tmp_path), "DOCKER_CONFIG": str(tmp_path)}
    return Login(uid=1000, home=tmp_path, variables=variables)


def others(login: Login, taken: str = "/var/run/docker.sock (a default socket)") -> str:
    return "".join(each.finding for each in other_engines(login, taken=taken))


def test_engines_that_were_not_taken_are_named(tmp_path: Path, own: Login) -> None:
    assert str(tmp_path) not in others(own)
    with (
        listening(tmp_path / "podman/podman.sock", engine(PODMAN)),
        listening(tmp_path / "docker.sock", http(b"It works!")),
    ):
        found = others(own)
        assert f"{tmp_path}/podman/podman.sock: Podman 4.3.1" in found
        assert f"{tmp_path}/docker.sock: does not answer (no engine)" in found


def test_one_engine_under_two_names_is_one(tmp_path: Path, own: Login) -> None:
    with listening(tmp_path / "podman/podman.sock", engine(PODMAN)) as url:
        (tmp_path / "docker.sock").symlink_to(tmp_path / "podman/podman.sock")
        assert "Podman" not in others(own, f"{url} (DOCKER_HOST)")
        assert others(own).count("Podman") == 1


def test_the_docker_contexts_that_were_not_taken_are_named(tmp_path: Path, own: Login) -> None:
    for number, name in enumerate(("far", "near")):
        folder = tmp_path / f"contexts/meta/{number}"
        folder.mkdir(parents=True)
        (folder / "meta.json").write_text(json.dumps({"Name": name}))
    found = others(own, "ssh://far (the Docker context far)")
    assert "the Docker context near" in found
    assert "context far" not in found
