"""The container engine. Nothing outside this package imports `docker`."""

from builder.host.engine.choice import NOTHING_ASKED, Asked
from builder.host.engine.connection import connect
from builder.host.engine.protocol import (
    Engine,
    EngineFacts,
    ImageFacts,
    Images,
    Leftover,
    OpenEngine,
    Product,
    RunningJob,
    State,
)
from builder.host.engine.spec import Bind, ContainerSpec, NamedVolume

__all__ = [
    "NOTHING_ASKED",
    "Asked",
    "Bind",
    "ContainerSpec",
    "Engine",
    "EngineFacts",
    "ImageFacts",
    "Images",
    "Leftover",
    "NamedVolume",
    "OpenEngine",
    "Product",
    "RunningJob",
    "State",
    "connect",
]
