"""What the owning group may do under an access control list."""

import struct

import pytest

from builder.inside.linux.acl import group_bits

USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER = 1, 2, 4, 8, 16, 32


def acl(*entries: tuple[int, int]) -> bytes:
    return struct.pack("<I", 2) + b"".join(
        struct.pack("<HHI", tag, bits, 1000) for tag, bits in entries
    )


@pytest.mark.parametrize(
    ("value", "bits"),
    [
        (acl((USER_OBJ, 6), (GROUP_OBJ, 4), (OTHER, 0)), 4),
        (acl((USER_OBJ, 6), (USER, 6), (GROUP_OBJ, 0), (MASK, 6), (OTHER, 0)), 0),
        (acl((USER_OBJ, 6), (GROUP_OBJ, 7), (GROUP, 7), (MASK, 5), (OTHER, 0)), 5),
        (b"", 0),
        (b"\x03\0\0\0" + b"\xff" * 8, 0),
        (acl((GROUP_OBJ, 4))[:-3], 0),
    ],
    ids=["no mask", "a mask wider than the group", "a mask narrower than the group",
         "nothing", "another version", "cut off"],
)  # fmt: skip
def test_the_group_keeps_its_own_rights_and_no_more(value: bytes, bits: int) -> None:
    assert group_bits(value) == bits
