"""What authenticates the values of a store: keyed names and checksums, by BLAKE2b (RFC 7693).

With a key, nobody without it can make a value that is taken: neither its name nor its checksum. For
each purpose there is a key of its own, so that no answer for one purpose serves another. Without a
key, both are plain BLAKE2b, and detect accidents only.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Final

_SIZE: Final = 32  # bytes of a digest, and of a key


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreKey:
    """The secret from which the keys of a store are made; b"" where it has none."""

    secret: bytes = field(default=b"", repr=False)

    def of(self, purpose: bytes) -> bytes:
        """Return the key for a purpose, which has at most 16 bytes; b"" without a secret."""
        if not self.secret:
            return b""
        return hashlib.blake2b(key=self.secret, person=purpose, digest_size=_SIZE).digest()

    def name(self, kind: bytes, what: bytes) -> str:
        """Return the name of the value of a kind (at most 10 bytes) for `what`: 64 digits."""
        key = self.of(kind + b" names")
        return hashlib.blake2b(kind + what, key=key, digest_size=_SIZE).hexdigest()

    def seal(self, kind: bytes, name: str) -> "hashlib.blake2b":
        """Return the checksum of a value, to be fed with its bytes; it is for that name alone."""
        key = self.of(kind + b" sums")
        return hashlib.blake2b(name.encode(), key=key, digest_size=_SIZE)


NO_KEY: Final = StoreKey()
