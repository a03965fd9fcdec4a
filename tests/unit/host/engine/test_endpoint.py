"""Which engine is taken: one rule, for whatever is named and whatever is there."""

from collections.abc import Mapping

import pytest

from builder.basics.errors import HostError, UsageError
from builder.host.engine.endpoint import ANY, EngineChoice, endpoints

DOCKER, PODMAN = "unix:///var/run/docker.sock", "unix:///run/podman/podman.sock"
OWN_DOCKER, OWN_PODMAN = "unix:///run/user/7/docker.sock", "unix:///run/user/7/podman/podman.sock"
EVERYTHING = {
    "DOCKER_HOST": "ssh://a@host",
    "DOCKER_CONTEXT": "work",
    "CONTAINER_HOST": "unix:///c.sock",
    "XDG_RUNTIME_DIR": "/run/user/7",
}


def found(
    choice: EngineChoice = ANY,
    environment: Mapping[str, str] | None = None,
    *,
    there: tuple[str, ...] = (DOCKER, PODMAN, OWN_DOCKER, OWN_PODMAN),
    current: str = "default",
) -> list[str]:
    given = {"XDG_RUNTIME_DIR": "/run/user/7"} if environment is None else environment
    return [
        each.address or each.context
        for each in endpoints(
            choice,
            given,
            current_context=current,
            exists=lambda path: f"unix://{path}" in there,
        )
    ]


def test_without_a_word_it_is_docker_and_then_podman() -> None:
    assert found() == [DOCKER, OWN_DOCKER, PODMAN, OWN_PODMAN]
    assert found(there=(OWN_PODMAN, PODMAN)) == [PODMAN, OWN_PODMAN]
    assert found(there=()) == []
    assert found(environment={}) == [DOCKER, PODMAN]
    assert found(environment={"XDG_RUNTIME_DIR": "relative"}) == [DOCKER, PODMAN]


def test_what_is_named_is_taken_and_nothing_else_is_tried() -> None:
    left = dict(EVERYTHING)
    assert found(EngineChoice(engine="tcp://h:1"), left, current="other") == ["tcp://h:1"]
    assert found(EngineChoice(context="mine"), left, current="other") == ["mine"]
    for name, taken in (
        ("DOCKER_HOST", "ssh://a@host"),
        ("DOCKER_CONTEXT", "work"),
        ("CONTAINER_HOST", "unix:///c.sock"),
    ):
        assert found(ANY, left, current="other") == [taken]
        del left[name]
    assert found(ANY, left, current="other") == ["other"]
    assert found(ANY, left)[0] == DOCKER


def test_an_engine_by_name_is_that_one_whatever_the_environment_says() -> None:
    assert found(EngineChoice(engine="docker"), EVERYTHING) == [DOCKER, OWN_DOCKER]
    assert found(EngineChoice(engine="podman"), EVERYTHING) == ["unix:///c.sock"]
    without = {name: value for name, value in EVERYTHING.items() if name != "CONTAINER_HOST"}
    assert found(EngineChoice(engine="podman"), without) == [PODMAN, OWN_PODMAN]


@pytest.mark.parametrize(
    "engine",
    [
        "ftp://x",
        "Docker",
        "unix:/x",
        "unix://",
        "tcp://",
        "ssh://",
        "x",
        "tcp://a b",
        "ssh://-oProxyCommand=x",
    ],
)
def test_what_is_no_address_is_refused_with_examples(engine: str) -> None:
    with pytest.raises(UsageError, match="neither docker nor podman nor an address") as caught:
        EngineChoice(engine=engine)
    assert "ssh://user@host" in caught.value.advice
    if engine != "unix://":
        with pytest.raises(HostError, match="DOCKER_HOST is not the address") as other:
            found(ANY, {"DOCKER_HOST": engine})
        assert "ssh://user@host" in other.value.advice


def test_two_choices_are_none() -> None:
    with pytest.raises(UsageError, match="together"):
        EngineChoice(engine="docker", context="x")


def test_an_empty_variable_names_nothing() -> None:
    empty = {"DOCKER_HOST": "", "DOCKER_CONTEXT": "", "CONTAINER_HOST": ""}
    assert found(ANY, empty) == [DOCKER, PODMAN]
    assert found(ANY, {"DOCKER_CONTEXT": "default"}) == [DOCKER, PODMAN]
