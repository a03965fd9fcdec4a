"""CRC-32C, the checksum in ext4's metadata, which Python's library does not have.

Source: RFC 3720, B.4 (the Castagnoli polynomial, reflected). ext4 starts with all ones or with a
seed, and does not invert the end.
"""

from typing import Final

_POLYNOMIAL: Final = 0x82F63B78
START: Final = 0xFFFFFFFF


def _row(number: int) -> int:
    for _bit in range(8):
        number = number >> 1 ^ (_POLYNOMIAL if number & 1 else 0)
    return number


_TABLE: Final = tuple(_row(number) for number in range(256))


def crc32c(content: bytes, seed: int = START) -> int:
    """Return the checksum of `content`, continued from that of what came before."""
    value = seed
    for byte in content:
        value = value >> 8 ^ _TABLE[(value ^ byte) & 0xFF]
    return value
