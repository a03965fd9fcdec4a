"""Takes units out of the copy that refer to what is gone, and those that need such a unit."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from builder.inside.leftovers.gone import Gone
from builder.inside.leftovers.texts import read_lines
from builder.inside.tree.tree import Tree
from builder.inside.units.folders import MASK, Units, own_folder, read_units, values
from builder.inside.units.needs import needs_of_drop_in, refers_to_gone
from builder.inside.units.text import Setting, escaped, parsed, settings_of

# What starts another unit, and the setting that says which.
_TRIGGERS: Final = {"timer": "Unit", "path": "Unit", "socket": "Service"}
_NEEDS: Final = ("Requires", "BindsTo", "Requisite")
# Without these no system starts: what a package ships of them stays, whatever it refers to.
_VITAL: Final = ("systemd-", "dbus", "udev", "initrd-", "emergency", "rescue", "getty", "user")
_LOGIN_SCREEN: Final = "display-manager.service"
_PACKAGES: Final = ("/usr/lib/systemd/", "/lib/systemd/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """The units that were removed or masked, sorted."""

    names: tuple[str, ...] = ()
    login_screen: str = ""  # that of the system, if it was one of them


def sweep_units(tree: Tree, gone: Gone, manager: str) -> Swept:
    """Remove or mask the units of a manager, "system" or "user", that refer to what is gone.

    The administrator's own units are removed with their links and drop-ins; those of a package
    lose their links, and are masked. Drop-ins, and copies of a package's unit with changes, are
    removed by themselves: then the package's own settings count. Links that lead nowhere then are
    those of `builder.inside.leftovers.links`.
    """
    for path in _stale_changes(tree, gone, read_units(tree, manager)):
        tree.remove(path)
    _drop_folders_of_people(tree, gone, manager)
    units = read_units(tree, manager)
    generated = _generated(gone, units)
    names = sorted(name for name in {*units.names(), *generated} if units.file_of(name))
    settings = {name: units.settings(tree, name) for name in names}
    lost = set(_lost(settings, units, gone))
    _follow_needs(lost, settings, units)
    login = _login_screen(tree) if manager == "system" else ""
    for name in sorted(lost):
        _take_out(tree, gone, units, name)
    _mask(tree, units, lost, generated)
    return Swept(names=tuple(sorted(lost)), login_screen=login if login in lost else "")


def _stale_changes(tree: Tree, gone: Gone, units: Units) -> Iterator[str]:
    before = read_units(gone.source, units.manager)
    for name, paths in sorted(units.drop_ins.items()):
        orphaned = not units.file_of(name) and bool(before.file_of(name))
        for path in paths:
            if not path.startswith(_PACKAGES) and (orphaned or _changes_to_gone(tree, path, gone)):
                yield path
    for name, path in sorted(units.files.items()):
        shipped = any(tree.is_file(f"{each}{units.manager}/{name}") for each in _PACKAGES)
        if shipped and not path.startswith(_PACKAGES) and _changes_to_gone(tree, path, gone):
            yield path


def _drop_folders_of_people(tree: Tree, gone: Gone, manager: str) -> None:
    """Remove what is set for a person's instances: the name of such a folder is the person's."""
    for folder in (own_folder(manager), f"/usr/local/lib/systemd/{manager}"):
        for path in tree.glob(folder, "*@*.d"):
            name = path.rpartition("/")[2].removesuffix(".d")
            if parsed(name).instance in gone.users:
                tree.remove(path)


def _changes_to_gone(tree: Tree, path: str, gone: Gone) -> bool:
    return needs_of_drop_in(list(settings_of(read_lines(tree, path) or ())), gone)


def _generated(gone: Gone, units: Units) -> frozenset[str]:
    """Return the instances that a generator makes for the settings that a template asserts."""
    found = set()
    for template, path in units.files.items():
        if parsed(template).instance == "":
            settings = list(settings_of(read_lines(gone.tree, path) or ()))
            for value in values(settings, "AssertPathExists", "ConditionPathExists"):
                found |= {_instance(template, text) for text in _asserted(gone, value)}
    return frozenset(found)


def _asserted(gone: Gone, value: str) -> Iterator[str]:
    """Find what `%I` may be in /etc/postgresql/%I/postgresql.conf: one folder or two."""
    before, sign, after = value.partition("%I")
    if not sign or not before.startswith("/etc/") or "%" in after:
        return
    for first in gone.tree.listdir(before):
        for path in (first, *(f"{first}/{each}" for each in gone.tree.listdir(f"{before}{first}"))):
            if gone.tree.exists(f"{before}{path}{after}"):
                yield path


def _instance(template: str, text: str) -> str:
    unit = parsed(template)
    return f"{unit.prefix}@{escaped(text)}.{unit.kind}"


def _lost(settings: Mapping[str, list[Setting]], units: Units, gone: Gone) -> Iterator[str]:
    for name, found in settings.items():
        path = units.file_of(name) or ""
        if _is_vital(name, path):
            continue
        if parsed(name).instance == "":
            continue  # a template by itself does nothing
        packaged = path.startswith(_PACKAGES) and gone.is_packaged(path)
        if gone.dangles(path) or refers_to_gone(name, found, gone, packaged=packaged):
            yield name


def _is_vital(name: str, path: str) -> bool:
    if not path.startswith(_PACKAGES):
        return False
    unit = parsed(name)
    return unit.kind == "target" or (
        (unit.prefix + "-").startswith(_VITAL)
        and not (unit.instance and unit.prefix.startswith("systemd-"))
    )


def _follow_needs(lost: set[str], settings: Mapping[str, list[Setting]], units: Units) -> None:
    """Add what starts a lost unit or cannot start without one, until nothing more is found."""
    needs = {
        name: {*_needs(name, found)}
        for name, found in settings.items()
        if not _is_vital(name, units.file_of(name) or "")
    }
    while more := {name for name, wanted in needs.items() if wanted & lost} - lost:
        lost |= more


def _needs(name: str, settings: list[Setting]) -> Iterator[str]:
    for value in values(settings, *_NEEDS):
        yield from value.split()
    unit = parsed(name)
    if key := _TRIGGERS.get(unit.kind):
        started = list(values(settings, key))
        yield from started or [f"{name.removesuffix(unit.kind)}service"]
    if unit.kind == "automount":
        yield f"{name.removesuffix('automount')}mount"


def _login_screen(tree: Tree) -> str:
    target = tree.link_target(f"{own_folder('system')}/{_LOGIN_SCREEN}") or ""
    return target.rpartition("/")[2]


def _take_out(tree: Tree, gone: Gone, units: Units, name: str) -> None:
    own = [units.files[name]] if name in units.files else []
    for path in (*units.links.get(name, ()), *units.aliases.get(name, ()), *own):
        if not (path.startswith(_PACKAGES) and gone.is_packaged(path)):
            tree.remove(path)
    for folder in (own_folder(units.manager), f"/usr/local/lib/systemd/{units.manager}"):
        for ending in ("d", "wants", "requires", "upholds"):
            tree.remove(f"{folder}/{name}.{ending}")


def _mask(tree: Tree, units: Units, lost: set[str], generated: frozenset[str]) -> None:
    """Mask what a package's link, a bus or a generator may still start.

    An instance is not masked for its own sake: its name may be a person's.
    """
    left = read_units(tree, units.manager)
    for name in sorted(lost):
        startable = name in left.links or name in generated or parsed(name).instance is None
        if startable and left.file_of(name):
            tree.symlink(f"{own_folder(units.manager)}/{name}", MASK)
