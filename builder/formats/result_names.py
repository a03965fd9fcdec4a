"""The names of an ISO: its file and its volume id.

What a system says about itself is untrusted, so only letters, digits and four other characters of
it get into a file name.
"""

import re
import unicodedata
from typing import Final

from builder.formats.system_facts import SystemFacts

LONGEST_STEM: Final = 100  # characters; leaves room for ".iso.sha256" and the like
LONGEST_VOLUME_ID: Final = 32  # ECMA-119, 8.4.7
# What `iso_stem` returns, with room for suffixes: not a path, a hidden file or an option.
_RESULT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,199}")

_PRIVATE: Final = ".private.json"

# Together with two hyphens below LONGEST_STEM: a long name must not cut off the version.
_LONGEST_DISTRO: Final = 40
_LONGEST_VERSION: Final = 24
_LONGEST_DESKTOP: Final = 30


def iso_stem(facts: SystemFacts, name: str | None) -> str:
    """Return the ISO's name without ".iso": `name` or `<Distro>-<version>-<desktop>`, made safe.

    It contains only `A-Za-z0-9._+-`, starts with a letter or digit, and is never empty.
    """
    if name is not None and (wished := _safe(name, longest=LONGEST_STEM)):
        return wished
    distro = _safe(facts.distro_id, longest=_LONGEST_DISTRO) or "linux"
    version = _safe(facts.version, longest=_LONGEST_VERSION) or "unknown"
    desktop = _safe(facts.desktop, longest=_LONGEST_DESKTOP) or "console"
    return f"{distro[0].upper()}{distro[1:]}-{version}-{desktop}"


def manifest_name(stem: str) -> str:
    """Return the name of the manifest next to `stem`.iso."""
    return f"{stem}.manifest.json"


def sbom_names(stem: str) -> tuple[str, str]:
    """Return the names of the SBOMs next to `stem`.iso: CycloneDX, then SPDX."""
    return f"{stem}.cdx.json", f"{stem}.spdx.json"


def provenance_name(stem: str) -> str:
    """Return the name of the provenance next to `stem`.iso."""
    return f"{stem}.provenance.json"


def lock_name(stem: str) -> str:
    """Return the name of the lock of added packages next to `stem`.iso."""
    return f"{stem}.packages.lock"


def private_name(stem: str) -> str:
    """Return the name of the private file next to `stem`.iso."""
    return f"{stem}{_PRIVATE}"


def result_mode(name: str) -> int:
    """Return the mode of a result: only its owner reads a private file."""
    return 0o600 if name.endswith(_PRIVATE) else 0o644


def is_plain_name(name: str) -> bool:
    """Whether `name` is a valid name of a result: a plain file name, never a path."""
    return _RESULT.fullmatch(name) is not None


def volume_id(stem: str, wanted: str | None) -> str:
    """Return the ISO 9660 volume id: `wanted`, or `stem` in the characters of the standard.

    ECMA-119's d-characters are `A-Z0-9_`; in the user's own choice, `a-z.-` are kept too, which
    all systems that read ISOs accept.
    """
    if wanted is not None:
        kept = re.sub(r"[^A-Za-z0-9_.-]+", "_", _ascii(wanted))
        if kept.strip("_.-"):
            return kept[:LONGEST_VOLUME_ID]
    derived = re.sub(r"[^A-Z0-9]+", "_", _ascii(stem).upper())
    return derived.strip("_")[:LONGEST_VOLUME_ID].rstrip("_") or "LIVE"


def _safe(text: str, *, longest: int) -> str:
    # The part that is cut off cannot matter, and normalizing megabytes is slow.
    plain = _ascii(text[: 4 * longest])
    return re.sub(r"[^A-Za-z0-9.+-]+", "_", plain).strip("._+-")[:longest].rstrip("._+-")


def _ascii(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(sign for sign in decomposed if not unicodedata.combining(sign))
