"""The provenance that a build writes is the one that `verify` reads."""

import json
from pathlib import Path

import pytest

from builder.basics.errors import VerificationError
from builder.host.results.manifest_reader import read_manifest
from builder.host.results.provenance_reader import check_provenance, parse_provenance
from builder.inside.steps.provenance import ProvenanceStep
from tests.support.results import ISO, MANIFEST, PROVENANCE, SUMS, as_json, digest, manifest_data
from tests.support.systems import RecordingSystem


def written(folder: Path, **changed: object) -> tuple[bytes, dict[str, str]]:
    """Run the step on a manifest; return the provenance, and the digests of what it is about."""
    folder.mkdir(exist_ok=True)
    content = as_json(manifest_data(**changed))
    (folder / MANIFEST).write_bytes(content)
    (folder / "packages.lock").write_text("xorriso=1.5.6\n")
    step = ProvenanceStep(
        iso=folder / ISO, manifest=folder / MANIFEST, lock=folder / "packages.lock"
    )
    step.run(RecordingSystem())
    digests = {row["path"]: row["sha256"] for row in manifest_data(**changed)["artefacts"]}
    return (folder / PROVENANCE).read_bytes(), digests | {MANIFEST: digest(content)}


def test_what_is_written_can_be_read_and_agrees_with_its_manifest(tmp_path: Path) -> None:
    content, digests = written(tmp_path)
    found = parse_provenance(content, name=PROVENANCE)
    manifest = read_manifest(as_json(manifest_data()))
    check_provenance(found, digests=digests, manifest=manifest)
    other = manifest_data(image={"id": "sha256:1", "locked": True})
    with pytest.raises(VerificationError, match="builder image"):
        check_provenance(found, digests=digests, manifest=read_manifest(as_json(other)))


def test_a_manifest_without_a_source_tree_has_a_provenance_without_one(tmp_path: Path) -> None:
    data = manifest_data()
    del data["source"]
    (tmp_path / MANIFEST).write_bytes(as_json(data))
    (tmp_path / "lock").write_bytes(b"")
    step = ProvenanceStep(iso=tmp_path / ISO, manifest=tmp_path / MANIFEST, lock=tmp_path / "lock")
    step.run(RecordingSystem())
    found = parse_provenance((tmp_path / PROVENANCE).read_bytes(), name=PROVENANCE)
    assert found.tree == read_manifest(as_json(data)).tree == ""


def test_the_sums_list_all_results_in_order(tmp_path: Path) -> None:
    content, digests = written(tmp_path)
    rows = digests | {PROVENANCE: digest(content)}
    expected = "".join(f"{value}  {name}\n" for name, value in sorted(rows.items()))
    assert (tmp_path / SUMS).read_text() == expected


def test_the_place_decides_nothing(tmp_path: Path) -> None:
    here, there = written(tmp_path / "here"), written(tmp_path / "elsewhere")
    assert here == there
    assert str(tmp_path) not in here[0].decode()
    text = json.dumps(json.loads(here[0]), indent=2, sort_keys=True)
    assert here[0].decode() == f"{text}\n"
