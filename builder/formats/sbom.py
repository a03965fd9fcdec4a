"""Names in the SBOMs next to an ISO that both sides use."""

from typing import Final

CYCLONEDX_VERSION: Final = "1.6"
SPDX_VERSION: Final = "SPDX-2.3"
PROPERTIES: Final = "distroclone-builder"  # the namespace of our properties in CycloneDX
SPDX_SUBJECT: Final = "SPDXRef-LiveSystem"  # the element for the whole system
