"""One rule which engine is taken, whatever is set, and in which order."""

import hashlib
import json
from pathlib import Path

import pytest

from builder.basics.errors import BuilderError, HostError, UsageError
from builder.host.engine.choice import Asked, Login, candidates
from builder.host.engine.endpoints import Endpoint, Scheme, Why
from builder.host.engine.protocol import Product

DOCKER = ["/var/run/docker.sock", "/run/user/1000/docker.sock"]
PODMAN = ["/run/podman/podman.sock", "/run/user/1000/podman/podman.sock"]


def login(home: Path, **variables: str) -> Login:
    return Login(uid=1000, home=home, variables=variables)


def context(home: Path, name: str, host: object, **more: object) -> Path:
    """Make a Docker context; return the folder of its keys."""
    ident = hashlib.sha256(name.encode()).hexdigest()
    folder = home / ".docker/contexts/meta" / ident
    folder.mkdir(parents=True)
    meta = {"Name": name, "Metadata": {}, "Endpoints": {"docker": {"Host": host, **more}}}
    (folder / "meta.json").write_text(json.dumps(meta))
    return home / ".docker/contexts/tls" / ident / "docker"


def choose_context(home: Path, name: str) -> None:
    (home / ".docker").mkdir(exist_ok=True)
    (home / ".docker/config.json").write_text(json.dumps({"currentContext": name}))


def paths(found: tuple[Endpoint, ...]) -> list[str]:
    return [each.address.path for each in found]


def test_where_nothing_is_said_the_default_sockets_are_tried_docker_s_first(
    tmp_path: Path,
) -> None:
    found = candidates(Asked(), login(tmp_path))
    assert paths(found) == DOCKER + PODMAN
    assert {each.expected for each in found} == {None}


def test_a_login_s_own_folder_holds_its_own_engines(tmp_path: Path) -> None:
    found = candidates(Asked(), login(tmp_path, XDG_RUNTIME_DIR="/run/mine"))
    assert "/run/mine/docker.sock" in paths(found)
    assert "/run/mine/podman/podman.sock" in paths(found)


# What is set, the strongest first: each alone beats all that come after it.
def test_each_level_beats_all_below_it(tmp_path: Path) -> None:
    for name in ("option", "variable", "current"):
        context(tmp_path, name, f"tcp://{name}:1")
    choose_context(tmp_path, "current")
    variables = {
        "DOCKER_HOST": "tcp://docker-host:1",
        "DOCKER_CONTEXT": "variable",
        "CONTAINER_HOST": "tcp://container-host:1",
    }

    def taken(asked: Asked) -> tuple[str, Why]:
        (found,) = candidates(asked, login(tmp_path, **variables))
        return found.address.host, found.why

    assert taken(Asked(engine="tcp://engine:1")) == ("engine", Why.ENGINE_OPTION)
    assert taken(Asked(context="option")) == ("option", Why.CONTEXT_OPTION)
    assert taken(Asked()) == ("docker-host", Why.DOCKER_HOST)
    del variables["DOCKER_HOST"]
    assert taken(Asked()) == ("variable", Why.DOCKER_CONTEXT)
    variables["DOCKER_CONTEXT"] = ""  # as good as none
    assert taken(Asked()) == ("container-host", Why.CONTAINER_HOST)
    del variables["CONTAINER_HOST"]
    assert taken(Asked()) == ("current", Why.CURRENT_CONTEXT)


def test_podman_is_sought_where_its_own_client_seeks_it(tmp_path: Path) -> None:
    choose_context(tmp_path, "current")
    context(tmp_path, "current", "tcp://current:1")
    found = candidates(Asked(engine="podman"), login(tmp_path, DOCKER_HOST="tcp://other:1"))
    assert paths(found) == PODMAN
    (named,) = candidates(
        Asked(engine="podman"), login(tmp_path, CONTAINER_HOST="ssh://root@far/run/p.sock")
    )
    assert named.address.host == "far"
    assert {each.expected for each in (*found, named)} == {Product.PODMAN}


def test_docker_is_sought_where_its_own_client_seeks_it(tmp_path: Path) -> None:
    asked = Asked(engine="docker")
    found = candidates(asked, login(tmp_path, CONTAINER_HOST="tcp://other:1"))
    assert paths(found) == DOCKER
    (named,) = candidates(asked, login(tmp_path, DOCKER_HOST="tcp://engine:1"))
    assert named.address.host == "engine"
    assert {each.expected for each in (*found, named)} == {Product.DOCKER}


def test_the_default_context_is_docker_s_own_sockets(tmp_path: Path) -> None:
    choose_context(tmp_path, "far")
    context(tmp_path, "far", "tcp://far:1")
    assert paths(candidates(Asked(context="default"), login(tmp_path))) == DOCKER
    assert paths(candidates(Asked(), login(tmp_path, DOCKER_CONTEXT="default"))) == DOCKER


def test_two_answers_of_the_command_line_are_one_too_many(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--engine and --context"):
        candidates(Asked(engine="docker", context="x"), login(tmp_path))


@pytest.mark.parametrize(
    ("asked", "variables", "kind"),
    [
        (Asked(context="nowhere"), {}, UsageError),
        (Asked(), {"DOCKER_CONTEXT": "nowhere"}, HostError),
    ],
)
def test_a_context_that_does_not_exist_is_told_with_those_that_do(
    tmp_path: Path, asked: Asked, variables: dict[str, str], kind: type[BuilderError]
) -> None:
    context(tmp_path, "far", "ssh://far")
    with pytest.raises(kind, match="no Docker context nowhere") as caught:
        candidates(asked, login(tmp_path, **variables))
    assert "default, far" in caught.value.advice


def test_a_current_context_that_is_gone_is_not_passed_over(tmp_path: Path) -> None:
    choose_context(tmp_path, "gone")
    with pytest.raises(HostError, match="no Docker context gone"):
        candidates(Asked(), login(tmp_path))


def test_docker_s_folder_may_be_elsewhere(tmp_path: Path) -> None:
    context(tmp_path, "far", "ssh://far")
    elsewhere = login(tmp_path / "other", DOCKER_CONFIG=str(tmp_path / ".docker"))
    (found,) = candidates(Asked(context="far"), elsewhere)
    assert found.address.host == "far"


@pytest.mark.parametrize("folder", ["/dev/null", "/none", "/" + "x" * 300])
def test_a_folder_that_cannot_be_entered_has_no_contexts(tmp_path: Path, folder: str) -> None:
    own = login(tmp_path, DOCKER_CONFIG=folder)
    assert paths(candidates(Asked(), own)) == DOCKER + PODMAN
    assert own.docker.names() == ("default",)
    with pytest.raises(BuilderError, match=r"no Docker context far|cannot be read"):
        candidates(Asked(context="far"), own)


@pytest.mark.parametrize("content", ["{", "[]", "null", '{"currentContext": 7}', "\x00"])
def test_settings_that_docker_s_client_would_pass_over_choose_nothing(
    tmp_path: Path, content: str
) -> None:
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker/config.json").write_text(content)
    assert paths(candidates(Asked(), login(tmp_path))) == DOCKER + PODMAN


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "{}", '{"Endpoints": []}', '{"Endpoints": {"docker": {"Host": 7}}}',
     '{"Endpoints": {"docker": {"Host": ""}}}', '{"Endpoints": {"docker": {"Host": "ftp://x"}}}',
     '{"Endpoints": {"kubernetes": {}}}', "[" * 100_000],
)  # fmt: skip
def test_a_broken_context_is_told_by_its_name_or_file(tmp_path: Path, content: str) -> None:
    folder = context(tmp_path, "far", "ssh://far")
    (file,) = (tmp_path / ".docker/contexts/meta").glob("*/meta.json")
    file.write_text(content)
    assert not folder.exists()
    with pytest.raises(BuilderError, match=r"Docker context far|meta\.json|context far gives"):
        candidates(Asked(context="far"), login(tmp_path))


def test_the_keys_of_a_context_are_used(tmp_path: Path) -> None:
    keys = context(tmp_path, "far", "tcp://far:2376", SkipTLSVerify=False)
    keys.mkdir(parents=True)
    for name in ("ca.pem", "cert.pem", "key.pem"):
        (keys / name).touch()
    (found,) = candidates(Asked(context="far"), login(tmp_path))
    assert found.address.scheme is Scheme.HTTPS
    assert found.tls is not None
    assert found.tls.authority == keys / "ca.pem"
    assert (found.tls.certificate, found.tls.key) == (keys / "cert.pem", keys / "key.pem")
    assert found.tls.verify


def test_the_variables_for_tls_are_those_of_docker_s_client(tmp_path: Path) -> None:
    def tls(address: str = "tcp://far", **variables: str) -> tuple[Scheme, object]:
        (found,) = candidates(Asked(), login(tmp_path, DOCKER_HOST=address, **variables))
        return found.address.scheme, found.tls and (found.tls.key, found.tls.verify)

    own = tmp_path / ".docker/key.pem"
    assert tls() == (Scheme.HTTP, None)
    assert tls(DOCKER_TLS_VERIFY="1") == (Scheme.HTTPS, (own, True))
    assert tls(DOCKER_CERT_PATH="/keys") == (Scheme.HTTPS, (Path("/keys/key.pem"), False))
    assert tls("unix:///x", DOCKER_TLS_VERIFY="1") == (Scheme.UNIX, None)
    assert tls("ssh://x", DOCKER_TLS_VERIFY="1") == (Scheme.SSH, None)
