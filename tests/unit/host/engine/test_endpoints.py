"""Addresses of engines, as people write them."""

import pytest

from builder.basics.errors import HostError, UsageError
from builder.host.engine.endpoints import Address, Endpoint, Scheme, Why, parse_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("unix:///run/p.sock", Address(scheme=Scheme.UNIX, path="/run/p.sock")),
        ("tcp://engine:2375", Address(scheme=Scheme.HTTP, host="engine", port=2375)),
        ("tcp://engine", Address(scheme=Scheme.HTTP, host="engine", port=2375)),
        ("engine:4243", Address(scheme=Scheme.HTTP, host="engine", port=4243)),
        ("tcp://[fd00::1]:2375", Address(scheme=Scheme.HTTP, host="fd00::1", port=2375)),
        ("http://engine:80/", Address(scheme=Scheme.HTTP, host="engine", port=80)),
        ("https://engine", Address(scheme=Scheme.HTTPS, host="engine", port=2376)),
        ("ssh://engine", Address(scheme=Scheme.SSH, host="engine")),
        ("ssh://me@10.0.0.7:22", Address(scheme=Scheme.SSH, host="10.0.0.7", port=22, user="me")),
        ("ssh://root@far/run/podman/podman.sock",
         Address(scheme=Scheme.SSH, host="far", user="root", path="/run/podman/podman.sock")),
    ],
)  # fmt: skip
def test_an_address_is_understood_as_by_the_clients_of_the_engines(
    text: str, address: Address
) -> None:
    assert parse_address(text, why=Why.DOCKER_HOST) == address


def test_tcp_means_tls_where_there_are_keys_for_it() -> None:
    found = parse_address("tcp://engine", why=Why.DOCKER_HOST, with_tls=True)
    assert found == Address(scheme=Scheme.HTTPS, host="engine", port=2376)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ftp://engine", "ftp://"),
        ("npipe:////./pipe/docker_engine", "npipe://"),
        ("fd://", "fd://"),
        ("unix://", "path of the socket is missing"),
        ("unix://docker.sock", "whole path"),
        ("unix:///run/", "whole path"),
        ("/var/run/docker.sock", "does not say how"),
        ("dcoker", "does not say how"),
        ("tcp://", "host is missing"),
        ("tcp://:2375", "host is missing"),
        ("tcp://engine:0", "port 0"),
        ("tcp://engine:port", "port"),
        ("tcp://engine:123456", "ort"),
        ("tcp://me@engine:2375", "ssh://"),
        ("tcp://engine:2375/v1.41", "no path"),
        ("tcp://[fd00::1", "IPv6"),
        ("tcp://engine:2375?tls=1", "query"),
        ("ssh://", "host is missing"),
        ("ssh://-oProxyCommand=reboot", "strange name"),
        ("ssh://-l@engine", "user has a strange name"),
        ("ssh://me:secret@engine", "password"),
        ("ssh://engine\n", "control characters"),
        ("unix:///run/my engine.sock", "spaces"),
    ],
)
def test_what_is_no_address_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(UsageError, match=r"--engine gives .* is not the address") as caught:
        parse_address(text, why=Why.ENGINE_OPTION)
    assert reason in str(caught.value)
    assert "`docker`, `podman`, `unix:///PATH`" in caught.value.advice


def test_a_wrong_variable_is_a_fault_of_the_machine_and_not_of_the_command_line() -> None:
    with pytest.raises(HostError, match="DOCKER_HOST gives 'ftp://x'") as caught:
        parse_address("ftp://x", why=Why.DOCKER_HOST)
    assert "unix:///PATH" in caught.value.advice
    assert "`docker`" not in caught.value.advice  # only the option takes the products' names


def test_people_see_what_named_an_engine() -> None:
    address = parse_address("tcp://engine", why=Why.DOCKER_HOST)
    named = {why: Endpoint(address=address, why=why, context="far").where for why in Why}
    assert named[Why.DOCKER_HOST] == "tcp://engine:2375 (DOCKER_HOST)"
    assert named[Why.CURRENT_CONTEXT] == "tcp://engine:2375 (the Docker context far)"
