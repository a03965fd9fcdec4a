"""What a lock adds, for people."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from builder.basics.sizes import readable_size
from builder.basics.texts import say
from builder.formats.added_packages import AddedPackage, PackagesLock
from builder.host.display import columns


def lock_words(lock: PackagesLock) -> str:
    """Return a line for each package: its version, the one that it replaces, size and origin.

    Those that go come after those that are added.
    """
    rows = [(each.name, _row(each)) for each in lock.packages]
    rows += [(each.name, f"{each.version}  {say('is removed')}") for each in lock.removed]
    if not rows:
        return say(
            "Nothing is to be done: what is wished for is there ({wishes}), "
            "and what is to go is not ({removes})",
            wishes=", ".join(lock.wishes) or "-",
            removes=", ".join(lock.removes) or "-",
        )
    total = say(
        "Packages: {count}, {size}; newer versions among them: {replaced}; removed: {removed}",
        count=len(lock.packages),
        size=readable_size(lock.size),
        replaced=len(list(_replaced(lock))),
        removed=len(lock.removed),
    )
    return f"{columns(rows)}\n{total}"


def _row(package: AddedPackage) -> str:
    old = f"{package.replaces} -> " if package.replaces else ""
    origin = urlsplit(package.url).hostname
    return f"{old}{package.version}  {readable_size(package.size)}  {origin}"


def _replaced(lock: PackagesLock) -> Iterator[AddedPackage]:
    return (each for each in lock.packages if each.replaces)
