"""Names in the provenance that both sides use: an in-toto Statement v1 with SLSA predicate v1.

docs/provenance.md explains its fields.
"""

from typing import Final

STATEMENT: Final = "https://in-toto.io/Statement/v1"
PREDICATE: Final = "https://slsa.dev/provenance/v1"
BUILD_TYPE: Final = "urn:distroclone-builder:live-iso:1"
BUILDER_ID: Final = "urn:distroclone-builder:builder"

SOURCE_TREE: Final = "source tree"  # names of resolved dependencies
BUILDER_IMAGE: Final = "builder image"
LOCK_FILE: Final = "lock file"
TREE_DIGEST: Final = "distrocloneTree1"  # docs/tree-digest.md, format 1
