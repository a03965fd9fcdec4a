"""An engine over a real ssh, and over TLS by the name of a Docker context: used, and refused."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from tests.conftest import unable
from tests.support.authority import Authority
from tests.support.command_line import run
from tests.support.containers import SOCKET
from tests.support.far_away import HOST, SshServer, behind_tls, has_sshd, ssh_server
from tests.support.leftovers import left_by

pytestmark = [pytest.mark.container, pytest.mark.usefixtures("builder_image")]


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    """An ssh server on this machine."""
    if not has_sshd():
        unable("an engine over ssh: there is no ssh server here (package openssh-server)")
        pytest.skip("no ssh server")
    with ssh_server(tmp_path_factory.mktemp("ssh")) as server:
        yield server


def address(far: SshServer) -> str:
    return f"ssh://{HOST}:{far.port}{SOCKET}"


def test_an_engine_behind_ssh_can_do_what_it_can_without(
    client: docker.DockerClient, far: SshServer
) -> None:
    far.knows_host_by("host")
    far.lets_in("own")
    ended = run("--engine", address(far), "doctor", environment=far.environment)
    assert ended.data["able"] is True
    checks = {check["name"]: check for check in ended.data["checks"]}
    assert checks["which engine"]["finding"] == f"{address(far)} (--engine)"
    assert checks["isolation confined"]["verdict"] == "ok"
    assert left_by(client, ended.process) == []
    assert "Accepted publickey" in far.log


@pytest.mark.parametrize(
    ("known", "own", "said", "advice"),
    [
        ("other", "own", "IDENTIFICATION HAS CHANGED", "ssh-keygen -R"),
        ("", "own", "Host key verification failed", "compare the key that it shows"),
        ("host", "other", "Permission denied", "ssh-add"),
    ],
    ids=["changed host key", "unknown host key", "refused login"],
)
def test_whoever_is_not_who_was_expected_gets_nothing(
    far: SshServer, known: str, own: str, said: str, advice: str
) -> None:
    far.knows_host_by(known)
    far.lets_in(own)
    before = far.log.count("Accepted")
    ended = run("--engine", address(far), "builds", "list", environment=far.environment)
    assert ended.code == 3
    assert said in ended.error["message"]
    assert advice in ended.error["hint"]
    assert far.log.count("Accepted") == before


def test_a_client_that_is_not_there_is_told(far: SshServer) -> None:
    far.knows_host_by("host")
    far.lets_in("own")
    there = f"ssh://{HOST}:{far.port}/no/such/docker.sock"
    ended = run("--engine", there, "builds", "list", environment=far.environment)
    assert ended.code == 3
    assert "/no/such/docker.sock" in ended.error["message"]
    assert "Start the engine on that machine" in ended.error["hint"]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.made_in(tmp_path_factory.mktemp("keys"))


def context(folder: Path, name: str, host: str, ours: Authority, trusted: Authority) -> None:
    """Make a Docker context of an engine that `trusted` vouches for, as `ours` does for us."""
    ident = hashlib.sha256(name.encode()).hexdigest()
    meta, keys = folder / "contexts/meta" / ident, folder / "contexts/tls" / ident / "docker"
    meta.mkdir(parents=True)
    keys.mkdir(parents=True)
    said = {"Name": name, "Metadata": {}, "Endpoints": {"docker": {"Host": host}}}
    (meta / "meta.json").write_text(json.dumps(said))
    files = ours.files("client")
    assert files.certificate is not None
    assert files.key is not None
    shutil.copyfile(trusted.folder / "authority.pem", keys / "ca.pem")
    shutil.copyfile(files.certificate, keys / "cert.pem")
    shutil.copyfile(files.key, keys / "key.pem")


def test_a_context_names_an_engine_behind_tls_and_only_those_who_trust_each_other_talk(
    client: docker.DockerClient, authority: Authority, tmp_path: Path
) -> None:
    (tmp_path / "keys").mkdir()
    stranger = Authority.made_in(tmp_path / "keys")
    environment = {"DOCKER_CONFIG": str(tmp_path)}
    with behind_tls(SOCKET, authority.server("localhost")) as there:
        context(tmp_path, "far", there, authority, authority)
        context(tmp_path, "false", there, authority, stranger)
        context(tmp_path, "we are strangers", there, stranger, authority)
        ended = run("--context", "far", "doctor", environment=environment)
        assert ended.data["able"] is True
        checks = {check["name"]: check for check in ended.data["checks"]}
        assert checks["which engine"]["finding"] == f"{there} (the Docker context far)"
        assert left_by(client, ended.process) == []
        for name, words in (
            ("false", "ca.pem is of the authority"),
            ("we are strangers", "wants a certificate that it knows"),
        ):
            ended = run("--context", name, "builds", "list", environment=environment)
            assert (ended.code, words in ended.error["hint"]) == (3, True), ended.errors
    ended = run("--context", "nowhere", "builds", "list", environment=environment)
    assert ended.code == 2
    assert ended.error["message"].startswith("There is no Docker context nowhere")
    assert "default, false, far, we are strangers" in ended.error["hint"]
