"""The units of a tree as a manager of systemd.unit(5) sees them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from builder.inside.leftovers.texts import read_lines
from builder.inside.tree.tree import Tree
from builder.inside.units.text import Setting, in_force, parsed, resolved, settings_of

KINDS: Final = ("service", "socket", "timer", "path", "mount", "automount", "swap", "target",
                "slice", "device", "scope")  # fmt: skip
_LINKING: Final = ("wants", "requires", "upholds")
MASK: Final = "/dev/null"


def own_folder(manager: str) -> str:
    """Return where the administrator's units of a manager ("system" or "user") lie."""
    return f"/etc/systemd/{manager}"


def folders(tree: Tree, manager: str) -> list[str]:
    """Return the folders of a manager's units, those that win first, each once."""
    named = (
        own_folder(manager),
        f"/usr/local/lib/systemd/{manager}",
        f"/usr/lib/systemd/{manager}",
        f"/lib/systemd/{manager}",
    )
    real = {tree.resolve(path): path for path in reversed(named) if tree.is_dir(path)}
    return [path for path in named if path in real.values()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """What the folders of one manager hold, by the name of the unit.

    `files` has the path that counts; `links` those in `*.wants` and the like; `aliases` symlinks
    to another unit's name; `drop_ins` the `*.conf` of the unit's own folders.
    """

    manager: str
    files: Mapping[str, str]
    links: Mapping[str, tuple[str, ...]]
    aliases: Mapping[str, tuple[str, ...]]
    drop_ins: Mapping[str, tuple[str, ...]]

    def names(self) -> list[str]:
        """Return every name that has a file, or is an instance that something starts, sorted."""
        return sorted({*self.files, *self.links, *self.drop_ins})

    def file_of(self, name: str) -> str | None:
        """Return the file that a unit is made from: its own, or its template."""
        template = parsed(name).template
        return self.files.get(name) or (self.files.get(template) if template else None)

    def extras_of(self, name: str) -> tuple[str, ...]:
        """Return the drop-ins of a unit, its template's first."""
        template = parsed(name).template
        shared = self.drop_ins.get(template, ()) if template else ()
        return (*shared, *self.drop_ins.get(name, ()))

    def settings(self, tree: Tree, name: str) -> list[Setting]:
        """Return the assignments of a unit that count, with its specifiers replaced."""
        path = self.file_of(name)
        parts = ([path] if path else []) + list(self.extras_of(name))
        found = [each for part in parts for each in settings_of(read_lines(tree, part) or ())]
        return [
            Setting(each.section, each.key, resolved(each.value, name)) for each in in_force(found)
        ]


@dataclass(slots=True)
class _Found:
    files: dict[str, str] = field(default_factory=dict)
    links: dict[str, list[str]] = field(default_factory=dict)
    aliases: dict[str, list[str]] = field(default_factory=dict)
    drop_ins: dict[str, list[str]] = field(default_factory=dict)


def read_units(tree: Tree, manager: str) -> Units:
    """Return the units of a manager in `tree`; texts are not read yet."""
    found = _Found()
    for folder in folders(tree, manager):
        for name in tree.listdir(folder):
            _add(found, tree, folder, name)
    return Units(
        manager=manager,
        files=found.files,
        links={name: tuple(paths) for name, paths in found.links.items()},
        aliases={name: tuple(paths) for name, paths in found.aliases.items()},
        drop_ins={name: tuple(paths) for name, paths in found.drop_ins.items()},
    )


def _add(found: _Found, tree: Tree, folder: str, name: str) -> None:
    path = f"{folder}/{name}"
    stem, _dot, kind = name.rpartition(".")
    if kind in _LINKING:
        for each in tree.listdir(path):
            if _is_unit(each):
                found.links.setdefault(each, []).append(f"{path}/{each}")
    elif kind == "d" and _is_unit(stem):
        for each in tree.glob(path, "*.conf"):
            found.drop_ins.setdefault(stem, []).append(each)
    elif _is_unit(name):
        target = tree.link_target(path)
        other = (target or "").rpartition("/")[2]
        if target and other != name and _is_unit(other):
            found.aliases.setdefault(other, []).append(path)
        else:
            found.files.setdefault(name, path)


def _is_unit(name: str) -> bool:
    return name.rpartition(".")[2] in KINDS and not name.startswith(".")


def values(settings: list[Setting], *keys: str) -> Iterator[str]:
    """Yield the values of the assignments with one of these keys."""
    return (each.value for each in settings if each.key in keys)
