"""Both SBOMs of a realistic system, checked by their formats' own tools."""

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from packageurl import PackageURL

from builder.formats.package import Distribution, Package, package_url
from builder.host.results.sbom_reader import check_same, listed, parse_cyclonedx, parse_spdx
from builder.inside.sbom.components import Inventory, LiveSystem, read_components
from builder.inside.sbom.cyclonedx_document import cyclonedx_text
from builder.inside.sbom.spdx_document import spdx_text
from builder.inside.tree.tree import Tree
from tests.support.sboms import cyclonedx_problems, spdx_problems
from tests.support.trees import put

DEBIAN = Distribution(id="debian", version="13")
NOWHERE = Path("/nowhere")
SYSTEM = LiveSystem(
    name="Debian-13-xfce",
    version="13",
    description='Debian "quoted" <x> \N{SNOWMAN}',
    medium_id="0123456789abcdef" * 2,
    tree_digest="sha256:" + "1" * 64,
)
HEADER = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n"
NAMES = (
    "libstdc++6", "g++", "g--", "libc6", "0ad", "Odd_Name", "a.b", "python3.13", "x" * 200,
)  # fmt: skip
LICENSES = (
    "", "GPL-2+", "Expat", "public-domain", "GPL-1+ or Artistic", "GPL-3+ with Bison exception",
    "GPL-2 with Linux-syscall-note exception", "public-domain, and ISC or GAP",
)  # fmt: skip


def stanza(name: str, **fields: str) -> str:
    given = {"Package": name, "Status": "install ok installed", "Architecture": "amd64"} | fields
    return "".join(f"{key}: {value}\n" for key, value in given.items()) + "\n"


def make_tree(root: Path, *, seed: int = 0) -> Tree:
    """Make a system with odd packages; `seed` shuffles the order of everything."""
    stanzas = [stanza("libc6", Version="2.41-12", Architecture="i386", Source="glibc")]
    for number, name in enumerate(NAMES):
        source = f"source-{number} (1:1.{number}~rc1)" if number % 3 else ""
        stanzas.append(stanza(name, Version=f"1:1.{number}~rc1+b1", Source=source))
    for number, text in enumerate(LICENSES):
        stanzas.append(stanza(f"licensed-{number}", Version="1", Architecture="all"))
        put(
            root,
            f"usr/share/doc/licensed-{number}/copyright",
            f"{HEADER}Files: *\nLicense: {text}\n",
        )
    random.Random(seed).shuffle(stanzas)  # noqa: S311
    put(root, "var/lib/dpkg/status", "".join(stanzas))
    return Tree(root)


def inventory_of(tree: Tree) -> Inventory:
    return Inventory(
        system=SYSTEM,
        source_date_epoch=1_781_706_560,
        components=read_components(tree, NOWHERE, DEBIAN),
    )


def test_what_the_live_layer_adds_is_listed_with_its_licence(tmp_path: Path) -> None:
    tree, layer = make_tree(tmp_path / "system"), tmp_path / "layer"
    status = tree.read_text("/var/lib/dpkg/status")
    put(layer, "var/lib/dpkg/status", status + stanza("added", Version="1"))
    copyright_file = f"{HEADER}Files: *\nLicense: Expat\n"
    put(layer, "usr/share/doc/added/copyright", copyright_file)
    below, both = read_components(tree, NOWHERE, DEBIAN), read_components(tree, layer, DEBIAN)
    (added,) = set(both) - set(below)
    assert (added.package.name, added.license) == ("added", "MIT")
    assert set(below) < set(both)


def test_a_live_layer_without_packages_changes_nothing(tmp_path: Path) -> None:
    tree, layer = make_tree(tmp_path / "system"), tmp_path / "layer"
    put(layer, "etc/hostname", "live\n")
    assert read_components(tree, layer, DEBIAN) == read_components(tree, NOWHERE, DEBIAN)


@pytest.fixture
def inventory(tmp_path: Path) -> Inventory:
    return inventory_of(make_tree(tmp_path))


def components(inventory: Inventory) -> dict[str, dict[str, Any]]:
    data = json.loads(cyclonedx_text(inventory))
    return {each["name"]: each for each in data["components"]}


def elements(inventory: Inventory) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in json.loads(spdx_text(inventory))["packages"]}


def test_the_cyclonedx_is_valid_by_the_official_schema(inventory: Inventory) -> None:
    assert cyclonedx_problems(cyclonedx_text(inventory)) == []


def test_the_spdx_is_valid_by_the_official_tools(inventory: Inventory) -> None:
    assert spdx_problems(spdx_text(inventory)) == []


def test_a_fault_would_be_found(inventory: Inventory) -> None:
    assert cyclonedx_problems(cyclonedx_text(inventory).replace('"library"', '"libary"')) != []
    spdx = spdx_text(inventory)
    assert spdx_problems(spdx.replace("LicenseRef-debian-GAP", "LicenseRef-other", 1)) != []
    assert spdx_problems(spdx.replace('"CONTAINS"', '"HOLDS"')) != []


def test_a_system_without_packages_has_valid_sboms_too(inventory: Inventory) -> None:
    empty = replace(inventory, components=(), system=replace(SYSTEM, tree_digest="", version=""))
    assert cyclonedx_problems(cyclonedx_text(empty)) == []
    assert spdx_problems(spdx_text(empty)) == []


def test_the_order_in_the_tree_decides_nothing(tmp_path: Path) -> None:
    texts = set()
    for seed in range(4):
        made = inventory_of(make_tree(tmp_path / str(seed), seed=seed))
        texts.add((cyclonedx_text(made), spdx_text(made)))
    assert len(texts) == 1


def test_time_and_identity_come_from_the_content(inventory: Inventory) -> None:
    cyclonedx, spdx = json.loads(cyclonedx_text(inventory)), json.loads(spdx_text(inventory))
    assert datetime.fromisoformat(cyclonedx["metadata"]["timestamp"]) == datetime(
        2026, 6, 17, 14, 29, 20, tzinfo=UTC
    )
    assert spdx["creationInfo"]["created"] == "2026-06-17T14:29:20Z"
    assert cyclonedx["serialNumber"] == f"urn:uuid:{inventory.identity}"
    assert spdx["documentNamespace"].endswith(f"/Debian-13-xfce-{inventory.identity}")
    others = [
        replace(inventory, components=inventory.components[1:]),
        replace(inventory, system=replace(SYSTEM, medium_id="f" * 32)),
        replace(inventory, source_date_epoch=0),
    ]
    assert inventory.identity not in [each.identity for each in others]


def test_both_describe_the_live_system(inventory: Inventory) -> None:
    subject = json.loads(cyclonedx_text(inventory))["metadata"]["component"]
    assert (subject["name"], subject["version"]) == ("Debian-13-xfce", "13")
    assert subject["type"] == "operating-system"
    told = {each["name"]: each["value"] for each in subject["properties"]}
    assert told == {
        "distroclone-builder:medium-id": SYSTEM.medium_id,
        "distroclone-builder:source-tree": SYSTEM.tree_digest,
    }
    spdx = json.loads(spdx_text(inventory))
    described = [each for each in spdx["relationships"] if each["relationshipType"] == "DESCRIBES"]
    assert [each["relatedSpdxElement"] for each in described] == ["SPDXRef-LiveSystem"]
    assert SYSTEM.tree_digest in elements(inventory)["Debian-13-xfce"]["comment"]


def test_every_package_is_in_both_with_the_same_url(inventory: Inventory) -> None:
    urls = {each.url for each in inventory.components}
    assert len(urls) == len(inventory.components) == len(NAMES) + len(LICENSES) + 1
    assert {each["purl"] for each in json.loads(cyclonedx_text(inventory))["components"]} == urls
    spdx = json.loads(spdx_text(inventory))["packages"]
    found = [each["externalRefs"][0]["referenceLocator"] for each in spdx if "externalRefs" in each]
    assert sorted(found) == sorted(urls)
    assert len({each["SPDXID"] for each in spdx}) == len(spdx)


def test_what_is_written_is_what_verify_reads(inventory: Inventory) -> None:
    said = [listed(each.package, DEBIAN) for each in inventory.components]
    check_same(parse_cyclonedx(cyclonedx_text(inventory).encode(), name="x"), said, name="x")
    check_same(parse_spdx(spdx_text(inventory).encode(), name="x"), said, name="x")


def test_the_source_package_is_named_where_it_is_another(inventory: Inventory) -> None:
    told = {name: each.get("properties", []) for name, each in components(inventory).items()}
    assert told["libstdc++6"] == []
    assert [each["value"] for each in told["g++"]] == ["source-1 1:1.1~rc1"]
    assert elements(inventory)["g++"]["sourceInfo"].endswith("source-1 1:1.1~rc1")


def test_licences_are_named_as_each_format_wants_it(inventory: Inventory) -> None:
    found = components(inventory)
    assert found["licensed-1"]["licenses"] == [
        {"license": {"id": "GPL-2.0-or-later", "acknowledgement": "declared"}}
    ]
    assert found["licensed-4"]["licenses"] == [
        {"expression": "Artistic-1.0 OR GPL-1.0-or-later", "acknowledgement": "declared"}
    ]
    assert "licenses" not in found["licensed-0"]
    spdx = elements(inventory)
    assert spdx["licensed-0"]["licenseDeclared"] == "NOASSERTION"
    assert spdx["licensed-3"]["licenseDeclared"] == "LicenseRef-debian-public-domain"
    assert {each["licenseConcluded"] for each in spdx.values()} == {"NOASSERTION"}


def odd_packages() -> Iterator[Package]:
    for name in NAMES:
        for version in ("1", "2:1.0~rc1+dfsg-1+b2", "1.0-2.1", ""):
            for architecture in ("amd64", "all", ""):
                yield Package(name=name, architecture=architecture, version=version)


@pytest.mark.parametrize(
    "distribution",
    [
        DEBIAN,
        Distribution(id="ubuntu", version="24.04"),
        Distribution(id="debian", version="unknown"),
        Distribution(id="sys-linux_os.x", version="1+2~3"),
    ],
)
def test_our_package_urls_are_those_of_the_reference_library(distribution: Distribution) -> None:
    for package in odd_packages():
        qualifiers = {"arch": package.architecture, "distro": distribution.name}
        expected = PackageURL(
            "deb", distribution.id, package.name, package.version or None, qualifiers
        )
        url = package_url(package, distribution)
        assert url == expected.to_string()
        assert PackageURL.from_string(url).to_string() == url
