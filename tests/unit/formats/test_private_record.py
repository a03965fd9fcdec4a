"""The private file as a format: its type, its schema, its page, and what was ever written."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from builder.formats.changes import Change, ChangedPath
from builder.formats.private_record import (
    PRIVATE_FORMAT,
    PrivateFile,
    PrivateRecord,
    private_text,
    record_digest,
)
from builder.host.results.private_reader import read_private
from tests.support.schemas import SchemaCheck, places

PROJECT = Path(__file__).parents[3]
SCHEMA: dict[str, Any] = json.loads((PROJECT / "builder/data/private.schema.json").read_text())
PAGE = (PROJECT / "docs/private-file.md").read_text(encoding="utf-8")
WRITTEN = sorted((PROJECT / "fixtures/private").glob("*.json"))
RECORD = PrivateRecord(
    settings={"exclude": ("/srv/acme",)},
    changes=(ChangedPath(path="/etc/wireguard/acme.conf", change=Change.REMOVED, rule="vpn"),),
    findings=(),
)
KEY = "4" * 64


def test_the_schema_says_just_what_the_type_says() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert list(SchemaCheck(left_out={"record.originals"}).differences(PrivateFile, SCHEMA)) == []
    assert SCHEMA["properties"]["format"]["const"] == PRIVATE_FORMAT


def test_the_page_explains_every_field_and_no_other() -> None:
    table = PAGE.split("\n## Fields\n", 1)[1].split("\n## ", 1)[0]
    explained = re.findall(r"^\| `([^`]+)` \| \S", table, re.MULTILINE)
    assert sorted(explained) == sorted(places(PrivateFile))


def test_the_example_of_the_page_is_a_private_file() -> None:
    example = PAGE.split("```json\n", 1)[1].split("```", 1)[0]
    Draft202012Validator(SCHEMA).validate(json.loads(example))
    assert read_private(example.encode(), name="x").record.settings["exclude"]


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.stem)
def test_what_was_ever_written_is_still_read(path: Path) -> None:
    found = read_private(path.read_bytes(), name=path.name)
    Draft202012Validator(SCHEMA).validate(json.loads(path.read_text()))
    assert private_text(found).encode() == path.read_bytes()


def test_the_digest_changes_with_every_word_of_the_record_and_with_the_key() -> None:
    removed = ChangedPath(path="/etc/x", change=Change.REMOVED, rule="vpn")
    changed = [
        record_digest(RECORD, key="5" * 64),
        record_digest(replace(RECORD, settings={}), key=KEY),
        record_digest(replace(RECORD, changes=(removed,)), key=KEY),
        record_digest(replace(RECORD, changes=(*RECORD.changes, removed)), key=KEY),
        record_digest(RECORD, key=KEY),
    ]
    assert len(set(changed)) == len(changed)
    assert record_digest(RECORD, key=KEY) == changed[-1]


def test_a_record_of_an_earlier_version_has_the_digest_that_it_had() -> None:
    path = PROJECT / "fixtures/private/without-originals.json"
    private = read_private(path.read_bytes(), name=path.name)
    digest = "hmac-sha256:d6602393323bd036cc133400228c6ba229fc63d5260417beee66322ab1626e5f"
    assert record_digest(private.record, key=private.key) == digest


def test_without_a_key_there_is_no_digest_that_would_confirm_a_guess() -> None:
    assert record_digest(RECORD, key="") is None
