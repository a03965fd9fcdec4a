"""The container engine. Nothing outside this package imports `docker`."""

from builder.host.engine.connection import connect
from builder.host.engine.endpoint import EngineChoice
from builder.host.engine.protocol import (
    Engine,
    EngineFacts,
    ImageFacts,
    Images,
    Leftover,
    OpenEngine,
    Product,
    RunningJob,
)
from builder.host.engine.spec import Bind, ContainerSpec, NamedVolume

__all__ = [
    "Bind",
    "ContainerSpec",
    "Engine",
    "EngineChoice",
    "EngineFacts",
    "ImageFacts",
    "Images",
    "Leftover",
    "NamedVolume",
    "OpenEngine",
    "Product",
    "RunningJob",
    "connect",
]
