"""What the scripts share, on machines that lack this and that."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]
# Stands in for python3: makes an environment whose python says yes to everything.
_PYTHON = """#!/bin/sh
echo "$@" >> {log}
[ "$1 $2" != "-m venv" ] || {{ mkdir -p .venv/bin && cp {itself} .venv/bin/python; }}
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder like ours, and a python3 that only writes down what it is asked."""
    tools = tmp_path / "tools"
    tools.mkdir()
    python = tools / "python3"
    python.write_text(_PYTHON.format(log=tmp_path / "log", itself=python))
    python.chmod(0o755)
    folder = tmp_path / "checkout"
    (folder / "scripts").mkdir(parents=True)
    (folder / "pyproject.toml").write_text("[project]\n")
    for name in ("lib.sh", "requirements.txt", "dev-requirements.txt"):
        shutil.copy(PROJECT / "scripts" / name, folder / "scripts" / name)
    return folder


def shell(folder: Path, script: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    tools = folder.parent / "tools"
    return subprocess.run(
        ["bash", "-c", f"set -euo pipefail; . scripts/lib.sh; {script}"],
        cwd=folder,
        env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def asked(folder: Path) -> list[str]:
    log = folder.parent / "log"
    lines = log.read_text().splitlines() if log.exists() else []
    log.unlink(missing_ok=True)
    return [line for line in lines if line.startswith("-m")]


def test_a_virtual_environment_is_made_once(checkout: Path) -> None:
    shell(checkout, "ensure_venv ''").check_returncode()
    assert any("venv" in line for line in asked(checkout))
    shell(checkout, "ensure_venv ''").check_returncode()
    assert asked(checkout) == []


@pytest.mark.parametrize(
    ("extras", "pins"), [("", "requirements.txt"), ("[dev]", "dev-requirements.txt")]
)
def test_only_what_is_pinned_is_installed(checkout: Path, extras: str, pins: str) -> None:
    shell(checkout, f"ensure_venv '{extras}'").check_returncode()
    _venv, packages, project = asked(checkout)
    assert packages.endswith(f"--require-hashes --requirement scripts/{pins}")
    assert project.endswith("--no-deps --no-build-isolation --editable .")


def test_the_demo_is_content_with_what_the_tests_need(checkout: Path) -> None:
    shell(checkout, "ensure_venv '[dev]'").check_returncode()
    asked(checkout)
    shell(checkout, "ensure_venv ''").check_returncode()
    assert asked(checkout) == []


@pytest.mark.parametrize("staleness", ["changed", "pinned anew", "moved", "without python"])
def test_a_stale_virtual_environment_is_made_again(checkout: Path, staleness: str) -> None:
    shell(checkout, "ensure_venv ''").check_returncode()
    asked(checkout)
    match staleness:
        case "changed":
            (checkout / "pyproject.toml").write_text("[project]\nname = 'other'\n")
        case "pinned anew":
            (checkout / "scripts/requirements.txt").write_text("click==8.2\n")
        case "moved":
            checkout = checkout.rename(checkout.with_name("elsewhere"))
        case _:
            (checkout / ".venv/bin/python").unlink()
    shell(checkout, "ensure_venv ''").check_returncode()
    assert any("venv" in line for line in asked(checkout))


def test_an_engine_that_does_not_answer_where_it_was_sought_is_not_started(checkout: Path) -> None:
    ended = shell(
        checkout,
        f"python={sys.executable}; cd {PROJECT}; ensure_engine",
        DOCKER_HOST="unix:///no/such/socket",
    )
    assert ended.returncode == 3
    assert "/no/such/socket (DOCKER_HOST)" in ended.stderr
    assert "unset DOCKER_HOST" in ended.stderr


@pytest.mark.parametrize("words", ["--engine podman", "--engine unix:///no/such", "--context no"])
def test_only_the_engine_that_was_named_is_sought(checkout: Path, words: str) -> None:
    ended = shell(
        checkout,
        f"python={sys.executable}; cd {PROJECT}; need() {{ echo installing; }}; "
        f"start_docker() {{ echo starting; }}; ensure_engine {words}",
        CONTAINER_HOST="unix:///no/such/podman",
    )
    assert (ended.returncode, ended.stdout) == (3, ""), ended.stderr
    assert "no/such" in ended.stderr or "no Docker context no" in ended.stderr


# What is here, whether we may install, and what the script then does.
@pytest.mark.parametrize(
    ("programs", "installer", "done"),
    [
        ("dockerd", True, "starting"),
        ("dockerd podman", False, "starting"),
        ("", True, "installing starting"),
        ("podman", True, "doctor"),
        ("", False, "doctor"),
    ],
)
def test_an_engine_is_started_where_it_is_and_installed_only_where_there_is_none(
    checkout: Path, programs: str, done: str, *, installer: bool
) -> None:
    ended = shell(
        checkout,
        'engine_problem() { [ -n "$up" ] && return; return 4; }; up=; id() { echo 0; }; '
        f"command() {{ case ' {programs} ' in *\" $2 \"*) return 0 ;; esac; return 1; }}; "
        f"may_install() {{ {'true' if installer else 'false'}; }}; need() {{ echo installing; }}; "
        "start_docker() { echo starting; up=yes; }; no_engine() { echo doctor; exit 3; }; "
        "ensure_engine",
    )
    assert ended.stdout.split() == done.split(), ended.stderr
    assert ended.returncode == (3 if done == "doctor" else 0)


def test_where_none_may_be_started_the_program_says_what_to_type(checkout: Path) -> None:
    ended = shell(
        checkout,
        f"python={sys.executable}; cd {PROJECT}; no_engine --engine unix:///no/such",
    )
    assert ended.returncode == 3
    assert "engine: No container engine answers at unix:///no/such" in ended.stderr
    assert "machine: " in ended.stderr


def test_a_process_that_took_the_number_of_our_engine_is_not_stopped(checkout: Path) -> None:
    ended = shell(
        checkout,
        "sleep 30 & started_engine=$!; engine_state=$(mktemp -d); other=$started_engine; "
        "stop_engine; kill -0 $other && echo alive; kill $other",
    )
    assert "alive" in ended.stdout, ended.stderr


def test_podman_is_started_where_what_it_leaves_goes_with_it(checkout: Path) -> None:
    """A container that runs out of memory leaves a file `oom` there."""
    podman = checkout.parent / "tools" / "podman"
    podman.write_text('#!/bin/sh\ntouch oom "$PWD.seen"\nexec sleep 60\n')
    podman.chmod(0o755)
    ended = shell(
        checkout,
        f". {PROJECT}/scripts/podman.sh; id() {{ echo 0; }}; need() {{ :; }}; "
        "install_package() { :; }; open_podman() { :; }; "
        'engine_problem() { [ -e "$podman_state/oom" ]; }; '
        'start_podman; echo "$podman_state"; stop_podman',
        TMPDIR=str(checkout.parent),
    )
    ended.check_returncode()
    state = Path(ended.stdout.strip())
    assert state.with_name(state.name + ".seen").exists()
    assert not state.exists()
    assert not (checkout / "oom").exists()


def test_a_package_that_may_not_be_installed_is_named(checkout: Path) -> None:
    ended = shell(
        checkout, 'may_install() { false; }; install_package "Python\'s venv" some-package'
    )
    assert ended.returncode == 3
    assert "some-package" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "engine"),
    [
        ("tests/unit", False),
        ("-q tests/unit/host/cli/test_main.py tests/unit/host/image/test_lock.py", False),
        ("", True),
        ("--full", True),
        ("-k unit", True),
        ("tests", True),
        ("tests/unit tests/container", True),
        ("tests/container tests/unit", True),
    ],
)
def test_only_unit_tests_are_run_without_an_engine(
    checkout: Path, arguments: str, *, engine: bool
) -> None:
    ended = shell(checkout, f"names_units_only {arguments} && echo no || echo yes")
    assert ended.stdout.strip() == ("yes" if engine else "no"), ended.stderr
