"""What the official tools of the SBOM formats find wrong with a document."""

import json
import tempfile
from pathlib import Path
from typing import Final

import jsonschema
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from spdx_tools.spdx.parser.error import SPDXParsingError
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

_SPDX_SCHEMA: Final = Path(__file__).parents[2] / "fixtures/sbom/spdx-schema-2.3.json"


def cyclonedx_problems(text: str) -> list[str]:
    """Validate by the schema of CycloneDX 1.6 that its own library carries."""
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    return [] if error is None else [str(error)]


def spdx_problems(text: str) -> list[str]:
    """Validate by SPDX's schema, then read and validate by the SPDX project's own library."""
    schema = json.loads(_SPDX_SCHEMA.read_text("utf-8"))
    errors = jsonschema.Draft7Validator(schema).iter_errors(json.loads(text))
    if problems := [error.message for error in errors]:
        return problems
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.spdx.json"
        path.write_text(text, encoding="utf-8")
        try:
            document = parse_file(str(path))
        except SPDXParsingError as error:
            return [str(each) for each in error.get_messages()]  # type: ignore[no-untyped-call]
    found = validate_full_spdx_document(document, "SPDX-2.3")
    return [each.validation_message for each in found]
