"""Which files the system's own settings name as secrets: keys, credentials, swap and images.

They are read from the source, before the rules cut those settings. Formats: crypttab(5), fstab(5),
systemd.exec(5) (LoadCredential=); everything else by its general form, a word that says "key",
"password" or the like, followed by an absolute path.
"""

import os
import re
from collections.abc import Iterator
from typing import Final

from builder.inside.tree.tree import Tree

_LARGEST: Final = 1 << 20  # bytes of a file of settings that is read for references
_OCTAL: Final = re.compile(rb"\\([0-3][0-7]{2})")
_NOT_SECRET: Final = (
    b"/usr/", b"/bin/", b"/sbin/", b"/lib/", b"/dev/", b"/proc/", b"/sys/", b"/run/", b"/boot/",
    b"/nonexistent",
)  # fmt: skip
_WORD: Final = rb"key|secret|passw|cred|psk|token|identity|keytab|authuser|user_?file|sasl"
# What has such a word in its name, and is none: keyboards, key rings of archives, public keys.
_INNOCENT: Final = re.compile(
    rb"keyring|keyboard|keymap|public|\.pub$|host_?key$|monkey|hotkey", re.IGNORECASE
)
_PATH: Final = rb"/[^\s\"'`,;:<>|&(){}\[\]\x00]{1,1024}"
# One word that says "secret", a separator, perhaps a kind of map ("hash:"), and a path.
_NAMED: Final = re.compile(
    rb"(?<![A-Za-z0-9_.-])([A-Za-z0-9_.-]{0,64}(?:%b)[A-Za-z0-9_.-]{0,64})"
    rb"[\"']?[ \t]{0,16}[=:]?[ \t]{0,16}[\"']?(?:[a-z_]{1,16}:){0,2}(%b)" % (_WORD, _PATH),
    re.IGNORECASE,
)
_CREDENTIAL: Final = re.compile(
    rb"^LoadCredential(?:Encrypted)?[ \t]*=[ \t]*[^:\n]{0,256}:(/[^\n]{1,1024})$",
    re.MULTILINE,
)
_WHERE: Final = ("/etc", "/usr/local/etc", "/usr/local/lib/systemd")
_ARCHIVES: Final = ("/etc/apt/", "/etc/ssl/certs/", "/etc/alternatives/", "/etc/ca-certificates")


def named_secrets(tree: Tree) -> tuple[str, ...]:
    """Return the paths that settings name as secrets, and that are regular files, sorted.

    The paths are as they are written, with links followed inside the tree besides.
    """
    found = {*_of_crypttab(tree), *_of_fstab(tree), *_of_settings(tree)}
    return tuple(sorted({each for path in found for each in _files(tree, path)}))


def _files(tree: Tree, path: bytes) -> Iterator[str]:
    """Yield the file, under the name that was written and where it really is."""
    text = os.path.normpath(os.fsdecode(path))
    if not text.startswith("/") or b"\x00" in path or not tree.is_file(text):
        return
    for real in (tree.inner(tree.locate(text)), tree.inner(tree.resolve(text))):
        if not os.fsencode(real).startswith(_NOT_SECRET) or real.startswith("/usr/local/"):
            yield real


def _of_crypttab(tree: Tree) -> Iterator[bytes]:
    for fields in _table(tree, "/etc/crypttab"):
        words = [*fields[2:3], *_values(fields[3:4], (b"header", b"keyfile"))]
        yield from (word.partition(b":")[0] for word in words if word.startswith(b"/"))


def _of_fstab(tree: Tree) -> Iterator[bytes]:
    for fields in _table(tree, "/etc/fstab"):
        if fields[0].startswith(b"/"):
            yield fields[0]  # a swap file, or an image
        names = (b"credentials", b"cred", b"keyfile", b"passwd", b"password_file", b"identityfile")
        yield from _values(fields[3:4], names)


def _table(tree: Tree, path: str) -> Iterator[list[bytes]]:
    """Yield the fields of each line; escapes such as \\040 are one byte of a name: fstab(5)."""
    for line in _text(tree, path).split(b"\n"):
        fields = line.split()
        if fields and not fields[0].startswith(b"#"):
            yield [_OCTAL.sub(lambda match: bytes([int(match[1], 8)]), each) for each in fields]


def _values(options: list[bytes], names: tuple[bytes, ...]) -> Iterator[bytes]:
    for option in options[0].split(b",") if options else ():
        name, _equals, value = option.partition(b"=")
        if name.lower() in names and value.startswith(b"/"):
            yield value


def _of_settings(tree: Tree) -> Iterator[bytes]:
    for top in _WHERE:
        for path, status in tree.walk(top) if tree.is_dir(top) else ():
            if path.startswith(_ARCHIVES) or status.st_size > _LARGEST:
                continue
            text = _text(tree, path)
            if b"\x00" in text[:1024]:
                continue
            yield from (match[1].strip() for match in _CREDENTIAL.finditer(text))
            # Below /etc the mode tells, and what everybody may read is searched.
            yield from (
                match[2].rstrip(b".")
                for match in _NAMED.finditer(text)
                if not match[2].startswith(b"/etc/") and not _INNOCENT.search(match[1])
            )


def _text(tree: Tree, path: str) -> bytes:
    if tree.link_target(path) is not None or not tree.is_file(path):
        return b""
    return (
        tree.read_bytes(path, limit=_LARGEST)
        if tree.resolve(path).stat().st_size <= _LARGEST
        else b""
    )
