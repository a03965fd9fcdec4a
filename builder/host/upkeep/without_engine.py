"""What `doctor` says where no engine answers, and about the engines that were not taken."""

import os
from collections.abc import Iterator
from pathlib import Path

from builder.basics.errors import HostError
from builder.basics.texts import say
from builder.host.engine.choice import Login, default_sockets
from builder.host.engine.contexts import DEFAULT
from builder.host.engine.endpoints import Endpoint, Scheme, Why
from builder.host.engine.reaching import reached
from builder.host.engine.troubles import EngineUnreachableError, Trouble
from builder.host.upkeep.doctor import DoctorCheck, DoctorVerdict, examine_here, sources_left
from builder.host.upkeep.engine_advice import advice
from builder.host.upkeep.machine_facts import MachineFacts, group_of

_PATIENCE = 3  # seconds for an engine that was not asked for
# What something on this machine can put right; the rest is about addresses, keys and networks.
_LOCAL = (Trouble.NOT_THERE, Trouble.NOT_RUNNING, Trouble.NOT_ALLOWED)


def examine_without_engine(error: HostError, facts: MachineFacts) -> Iterator[DoctorCheck]:
    """Yield what can be said where `error` says why no engine is taken."""
    yield DoctorCheck(
        name=say("machine"),
        verdict=DoctorVerdict.OK,
        finding=say(
            "{system}, {kernel}, as {user}",
            system=facts.name,
            kernel=f"{facts.system} {facts.kernel}".strip(),
            user=facts.user,
        ),
    )
    yield DoctorCheck(
        name=say("engine"),
        verdict=DoctorVerdict.FAILED,
        finding=str(error),
        remedy=error.advice,
    )
    if facts.system == "Linux":
        yield _sources(facts)
        yield from examine_here()


def engine_remedy(error: EngineUnreachableError, facts: MachineFacts) -> str:
    """Return what to do about it on this machine; commands stand on lines of their own."""
    if error.trouble not in _LOCAL:
        return error.advice
    there = error.endpoint
    if there.address.scheme is not Scheme.UNIX:
        return say("Start the engine on that machine, or let it listen there.")
    if there.why is Why.DEFAULT or error.trouble is Trouble.NOT_ALLOWED:
        group = group_of(Path(there.address.path))
        return advice(facts, error.trouble, wanted=there.expected, group=group)
    return _other_choice(error.endpoint.why)


def _other_choice(why: Why) -> str:
    match why:
        case Why.ENGINE_OPTION:
            return say(
                "Start the engine that is meant, or leave out --engine: then the default sockets "
                "are tried."
            )
        case Why.CONTEXT_OPTION | Why.DOCKER_CONTEXT | Why.CURRENT_CONTEXT:
            return say("Start the engine that is meant, or take another one with --context.")
        case _:
            return say(
                "Start the engine that is meant, or unset {source}: then the default sockets are "
                "tried.",
                source=why.value,
            )


def other_engines(login: Login, *, taken: str) -> Iterator[DoctorCheck]:
    """Yield one check that names the engines beside the one that is reached at `taken`, if any."""
    others = [text for each in _elsewhere(login, taken) if (text := _sighted(each))]
    others += [
        say("the Docker context {name}", name=name)
        for name in login.docker.names()
        if name != DEFAULT and f"({name})" not in taken and f" {name})" not in taken
    ]
    if others:
        yield DoctorCheck(
            name=say("other engines"),
            verdict=DoctorVerdict.OK,
            finding="; ".join(others),
            remedy=say("None needed: --engine and --context take another one."),
        )


def _elsewhere(login: Login, taken: str) -> Iterator[Endpoint]:
    """Yield the default sockets but those that are the taken one, by whatever name."""
    words = taken.removeprefix("unix://").split(" (")[0]
    seen = {os.path.realpath(words)} if words else set[str]()
    for each in default_sockets(login):
        real = os.path.realpath(each.address.path)
        if real not in seen:
            seen.add(real)
            yield each


def _sighted(endpoint: Endpoint) -> str:
    """Return what is at a socket; "" for nothing."""
    path = endpoint.address.path
    try:
        found = reached(endpoint, patience=_PATIENCE)
    except EngineUnreachableError as error:
        if error.trouble is Trouble.NOT_THERE:
            return ""
        return say("{path}: does not answer ({trouble})", path=path, trouble=error.trouble.value)
    except HostError as error:
        return str(error)
    found.client.close()
    return say(
        "{path}: {product} {version}",
        path=path,
        product=found.product.value,
        version=found.version,
    )


def _sources(facts: MachineFacts) -> DoctorCheck:
    every = facts.has_btrfs and facts.has_loop
    return DoctorCheck(
        name=say("kinds of source"),
        verdict=DoctorVerdict.OK if every else DoctorVerdict.WARNING,
        finding=sources_left(btrfs=facts.has_btrfs, loop=facts.has_loop),
        remedy=""
        if every
        else say(
            "This kernel lacks btrfs or loop devices; another one, or an engine elsewhere, "
            "may have them."
        ),
    )
