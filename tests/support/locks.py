"""A lock of one package."""

from builder.formats.added_packages import (
    Action,
    AddedPackage,
    PackagesLock,
    Phase,
    RemovedPackage,
)

PACKAGE = AddedPackage(
    name="gddrescue",
    version="1:1.29-1",
    architecture="amd64",
    sha256="ab" * 32,
    size=1234,
    url="http://archive.example/pool/gddrescue.deb",
)
LOCK = PackagesLock(
    format=1,
    wishes=("gddrescue",),
    packages=(PACKAGE,),
    phases=(
        Phase(action=Action.UNPACK, packages=(0,)),
        Phase(action=Action.CONFIGURE, packages=(0,)),
        Phase(action=Action.REMOVE, packages=(0,)),
    ),
    removes=("snapd", "tasksel"),
    removed=(RemovedPackage(name="snapd", version="2.72-1", architecture="amd64"),),
)
