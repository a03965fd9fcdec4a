"""Files that nobody can look into without a key, or without a program for their format.

They are encrypted, or archives of a format that `builder.inside.archives` does not read. The
signatures are in each format's own documentation; RFC 9580 has OpenPGP's packets.
"""

import re
from typing import Final

# Of what may be a program's own; a file that a package brought is never looked at.
_PROGRAMS: Final = re.compile(rb"^/usr/(?:share|lib|libexec|include|src)/")
PACKED: Final = (
    b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07", b"\x04\x22\x4d\x18", b"\x02\x21\x4c\x18",  # LZ4
    b"\x1f\x9d", b"LZIP\1", b"\x89LZO\0\r\n\x1a\n", b"LRZI\0", b"7kSt", b"xar!\0", b"MSWIM\0\0\0",
    b"MSCF\0\0\0\0",
)  # fmt: skip
ENCRYPTED: Final = (
    b"Salted__", b"age-encryption.org/v1\n", b"-----BEGIN AGE ENCRYPTED FILE-----",
    b"$ANSIBLE_VAULT;", b"-----BEGIN PGP MESSAGE-----", b"VimCrypt~",
    b"\x8c\x0d\x04", b"\xc3\x0d\x04",  # OpenPGP: a session key under a password
    b"\x84\x5e\x03", b"\x84\x4c\x03", b"\x85\x01\x0c\x03", b"\x85\x01\x8c\x03", b"\x85\x02\x0c\x03",
    b"Whxqht+dQJax1aZeCGLxm", b"DHzAexF2RZGcSwvqCLwg", b"k6iUCUh0RJCQyvL8k8q1U",  # systemd-creds(1)
    b"\xc1\xc0\x4c\x03", b"\xc1\x5e\x03", b"\xc1\x4c\x03",  # and under a public key
)  # fmt: skip
_LHA: Final = re.compile(rb".{2}-l(?:h[0-9d]|z[45s])-", re.DOTALL)
_ACE: Final = b"**ACE**"


# Histories of other programs than git; one file of each stands for all.
_HISTORIES: Final = re.compile(
    rb"(?:/\.hg/store/00changelog\.i|/db/fs-type|/\.bzr/branch-format|/_darcs/format|/\.pijul/config|/CVSROOT/history)$"
)


def is_closed(path: bytes, start: bytes) -> bool:
    """Whether a file at `path` that begins with `start` cannot be looked into."""
    if _PROGRAMS.match(path):
        return False
    if _HISTORIES.search(path) is not None:
        return True
    if start.startswith((*PACKED, *ENCRYPTED)) or start[7:14] == _ACE:
        return True
    return _LHA.match(start) is not None
