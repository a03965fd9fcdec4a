"""The identities of a build's inputs: the builder image and the source tree."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageIdentity:
    """The builder image that a plan was made for."""

    id: str  # sha256:…
    locked: bool  # every tool has the version in the lock file


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeName:
    """The identity of a source tree: docs/tree-digest.md."""

    digest: str  # "sha256:" and 64 hexadecimal digits
    format: int
    files: int  # names of regular files
    bytes: int  # of their contents
