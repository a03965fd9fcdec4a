"""The container engine. Nothing outside this package imports `docker`."""

from builder.host.engine.connection import Engine, connect
from builder.host.engine.container import Bind, ContainerSpec, NamedVolume, RunningJob

__all__ = ["Bind", "ContainerSpec", "Engine", "NamedVolume", "RunningJob", "connect"]
