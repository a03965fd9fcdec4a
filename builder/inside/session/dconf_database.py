"""A database of dconf(7), as `dconf update` compiles one: GVDB with serialised GVariants.

Formats: gvdb-format.h of GLib, "GVariant Serialisation" (the text format's specification). Every
number is little-endian; the table here has no Bloom filter and no parents, both of which a reader
may expect or not.
"""

import struct
from collections.abc import Mapping
from typing import Final

_SIGNATURE: Final = b"GVariant"
_POINTER: Final = struct.Struct("<II")
_HEADER: Final = struct.Struct("<8sII8s")
_ITEM: Final = struct.Struct("<IIIHcx8s")
_NO_PARENT: Final = 0xFFFFFFFF
_ALIGNMENT: Final = 8  # of a variant

# A Boolean, an unsigned and a signed integer of 32 bits, or a text, by GVariant's name of its type.
Value = tuple[str, bool | int | str]


def database(values: Mapping[str, Value]) -> bytes:
    """Return a database with `values` by their paths ("/org/gnome/desktop/session/idle-delay")."""
    buckets: list[list[str]] = [[] for _ in values]
    for key in sorted(values):
        buckets[_hash(key.encode()) % len(buckets)].append(key)
    table_at = _HEADER.size
    items_at = table_at + 8 + 4 * len(buckets)
    end = table_at + 8 + 4 * len(buckets) + _ITEM.size * len(values)
    firsts, items, data, count = b"", b"", b"", 0
    for bucket in buckets:
        firsts += struct.pack("<I", count)
        count += len(bucket)
        for key in bucket:
            name = key.encode()
            name_at = end + len(data)
            data += name
            data += bytes(-(end + len(data)) % _ALIGNMENT)
            value_at = end + len(data)
            data += _variant(values[key])
            pointer = _POINTER.pack(value_at, end + len(data))
            items += _ITEM.pack(_hash(name), _NO_PARENT, name_at, len(name), b"v", pointer)
    assert items_at == table_at + 8 + len(firsts)
    header = _HEADER.pack(_SIGNATURE, 0, 0, _POINTER.pack(table_at, end))
    return header + struct.pack("<II", 0, len(buckets)) + firsts + items + data


def _variant(value: Value) -> bytes:
    kind, content = value
    match kind:
        case "b":
            data = bytes([bool(content)])
        case "u" | "i":
            data = struct.pack("<I" if kind == "u" else "<i", content)
        case _:
            data = f"{content}\0".encode()
    return data + b"\0" + kind.encode()


def _hash(name: bytes) -> int:
    """Return D. J. Bernstein's hash, over signed characters."""
    found = 5381
    for byte in name:
        found = (found * 33 + (byte if byte < 128 else byte - 256)) & 0xFFFFFFFF
    return found
