"""Reads a provenance that anyone may have written, and compares it with files and manifest."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from builder.basics.codec import Read, read_data
from builder.basics.errors import VerificationError
from builder.basics.printable import short
from builder.formats.private_settings import without_private
from builder.formats.provenance import (
    BUILD_TYPE,
    BUILDER_IMAGE,
    PREDICATE,
    SOURCE_TREE,
    STATEMENT,
    TREE_DIGEST,
)
from builder.formats.recipe import Recipe
from builder.host.results.manifest_reader import RECIPE, ReadManifest
from builder.host.results.strict_json import strict_json

LARGEST: Final = 1024 * 1024  # bytes; ours have some KiB


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What a provenance says that can be compared."""

    subjects: Mapping[str, str]  # sha256 by file name
    builder: str  # version
    recipe: Read[Recipe]
    selector: str
    source_date_epoch: int
    tree: str  # "sha256:" and the digest of the source tree; "" where it is not said
    image: str  # id of the builder image


def parse_provenance(content: bytes, *, name: str) -> Provenance:
    """Return what a provenance says. Raises VerificationError if it is not one of ours."""
    match strict_json(content, name=name):
        case {
            "_type": str(statement),
            "subject": list(subjects),
            "predicateType": str(predicate_type),
            "predicate": dict(predicate),
        }:
            _check_known(name, statement, STATEMENT)
            _check_known(name, predicate_type, PREDICATE)
            return _provenance(predicate, _digests(subjects, name, "sha256"), name)
        case _:
            raise VerificationError("{name} is not an in-toto statement", name=name)


def check_provenance(
    found: Provenance, *, digests: Mapping[str, str], manifest: ReadManifest
) -> None:
    """Raise VerificationError unless it covers exactly these files and agrees with the manifest.

    `digests` are the SHA-256 of the results as read, by name.
    """
    names = found.subjects.keys() | digests.keys()
    if wrong := [each for each in sorted(names) if found.subjects.get(each) != digests.get(each)]:
        raise VerificationError(
            "The provenance does not match {name} in this folder", name=short(wrong[0])
        )
    compared = {
        "recipe": (found.recipe, manifest.recipe),
        "selector": (found.selector, manifest.said.snapshot.selector),
        "source_date_epoch": (found.source_date_epoch, manifest.said.source_date_epoch),
        "builder": (found.builder, manifest.said.builder),
        SOURCE_TREE: (found.tree, manifest.tree),
        BUILDER_IMAGE: (found.image, manifest.said.image.id),
    }
    if differing := [place for place, (ours, other) in compared.items() if ours != other]:
        raise VerificationError(
            "Provenance and manifest disagree about: {places}", places=", ".join(differing)
        )


def _provenance(predicate: Mapping[str, Any], subjects: Mapping[str, str], name: str) -> Provenance:
    match predicate:
        case {
            "buildDefinition": {
                "buildType": str(build_type),
                "externalParameters": {"recipe": dict(recipe), "selector": str(selector)},
                "internalParameters": {"source_date_epoch": int(epoch)},
                "resolvedDependencies": list(rows),
            },
            "runDetails": {"builder": {"version": {"distroclone-builder": str(version)}}},
        }:
            _check_known(name, build_type, BUILD_TYPE)
        case _:
            raise VerificationError("{name} is not a provenance of this builder", name=name)
    trees, images = _digests(rows, name, TREE_DIGEST), _digests(rows, name, "sha256")
    return Provenance(
        subjects=subjects,
        builder=version,
        recipe=_recipe(recipe, name),
        selector=selector,
        source_date_epoch=epoch,
        tree=f"sha256:{trees[SOURCE_TREE]}" if SOURCE_TREE in trees else "",
        image=f"sha256:{images.get(BUILDER_IMAGE, '')}",
    )


def _recipe(data: Mapping[str, Any], name: str) -> Read[Recipe]:
    try:
        return without_private(read_data(Recipe, data, place=(RECIPE,)), RECIPE)
    except ValueError as error:
        raise VerificationError(
            "{name} cannot be read: {reason}", name=name, reason=short(str(error))
        ) from error


def _digests(rows: list[Any], name: str, algorithm: str) -> Mapping[str, str]:
    """Return the digests of one algorithm, by the names of the resources that have one."""
    found: dict[str, str] = {}
    seen: set[str] = set()
    for position, row in enumerate(rows, start=1):
        match row:
            case {"name": str(resource), "digest": dict(digests)} if resource not in seen:
                seen.add(resource)
                if isinstance(digest := digests.get(algorithm), str):
                    found[resource] = digest
            case _:
                raise VerificationError(
                    "In {name}, resource {position} has no unique name or no digest",
                    name=name,
                    position=position,
                )
    return found


def _check_known(name: str, found: str, known: str) -> None:
    if found != known:
        raise VerificationError(
            "{name} is of a type that this version of distroclone-builder does not know: {kind}",
            hint="Update distroclone-builder, then verify again.",
            name=name,
            kind=short(found),
        )
