"""Which packages were added, removed, or have a different version."""

from collections.abc import Iterable, Mapping

from builder.basics.debian_version import compare_versions
from builder.formats.inventory import InstalledPackage
from builder.host.diff.model import PackageChange, PackageChanges

_Key = tuple[str, str]
_NONE = InstalledPackage(name="", architecture="", version="", installed_size=0)


def compare_packages(
    before: Iterable[InstalledPackage], after: Iterable[InstalledPackage]
) -> PackageChanges:
    """Return what happened to the packages; one of another architecture is another one."""
    old, new = _by_key(before), _by_key(after)
    changed = [
        _change(key, old[key], new[key])
        for key in sorted(old.keys() & new.keys())
        if old[key].version != new[key].version
    ]
    return PackageChanges(
        added=tuple(_change(key, _NONE, new[key]) for key in sorted(new.keys() - old.keys())),
        removed=tuple(_change(key, old[key], _NONE) for key in sorted(old.keys() - new.keys())),
        upgraded=tuple(each for each in changed if not _is_downgrade(each)),
        downgraded=tuple(each for each in changed if _is_downgrade(each)),
    )


def _by_key(packages: Iterable[InstalledPackage]) -> Mapping[_Key, InstalledPackage]:
    return {(each.name, each.architecture): each for each in packages}


def _is_downgrade(change: PackageChange) -> bool:
    return compare_versions(change.before, change.after) > 0


def _change(key: _Key, before: InstalledPackage, after: InstalledPackage) -> PackageChange:
    name, architecture = key
    return PackageChange(
        name=name,
        architecture=architecture,
        before=before.version,
        after=after.version,
        size_before=before.installed_size,
        size_after=after.installed_size,
    )
