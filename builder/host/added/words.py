"""What a lock adds, for people."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from builder.basics.sizes import readable_size
from builder.basics.texts import say
from builder.formats.added_packages import AddedPackage, PackagesLock
from builder.host.display import columns


def lock_words(lock: PackagesLock) -> str:
    """Return a line for each package: its version, the one that it replaces, size and origin."""
    rows = [(str(each.name), _row(each)) for each in lock.packages]
    total = say(
        "Packages: {count}, {size}; newer versions among them: {replaced}",
        count=len(lock.packages),
        size=readable_size(lock.size),
        replaced=len(list(_replaced(lock))),
    )
    return (
        f"{columns(rows)}\n{total}"
        if rows
        else say("Nothing is missing: {names}", names=", ".join(lock.wishes))
    )


def _row(package: AddedPackage) -> str:
    old = f"{package.replaces} -> " if package.replaces else ""
    origin = urlsplit(package.url).hostname
    return f"{old}{package.version}  {readable_size(package.size)}  {origin}"


def _replaced(lock: PackagesLock) -> Iterator[AddedPackage]:
    return (each for each in lock.packages if each.replaces)
