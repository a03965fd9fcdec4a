"""Gathers the source machine's own words, before its settings are cut or changed.

Every file is read within limits, and whatever cannot be read has no words.
"""

import ipaddress
import re
from collections.abc import Collection, Iterable, Iterator
from typing import Final

from builder.inside.debian.account_files import is_person
from builder.inside.search import own_settings
from builder.inside.search.own_settings import Hint
from builder.inside.search.words import Word, Words
from builder.inside.tree.tree import Tree

_LARGEST: Final = 4 << 20  # bytes of one file
_MOST_FILES: Final = 400  # of one pattern
_MOST_WORDS: Final = 5000
_SHORTEST: Final = 3
_LONGEST: Final = 200
_LONGEST_KEY: Final = 4000
_NOBODY: Final = frozenset({"nobody", "nogroup", "lost+found", "linuxbrew"})
# What every machine may be called, and what stands for any other.
_ANY_HOST: Final = frozenset({
    "localhost", "localdomain", "localhost.localdomain", "ip6-localhost", "ip6-loopback",
    "ip6-allnodes", "ip6-allrouters", "ip6-localnet", "ip6-mcastprefix", "broadcasthost", "local",
    "lan", "home", "home.arpa", "internal", "fritz.box", "invalid", "example", "example.com",
    "example.org", "example.net", "test", "workgroup", "unknown", "none", "router", "gateway",
    "mail", "www", "ns", "ns1", "ftp", "smtp", "debian.org",
    # what installers of distributions suggest
    "debian", "ubuntu", "mint", "linuxmint", "lmde", "kali", "parrot", "raspberrypi", "mx", "mx1",
    "antix", "antix1", "pop-os", "zorin", "devuan", "sparky", "siduction", "elementary", "linux",
})  # fmt: skip
_ANY_ADDRESS: Final = re.compile(r"(?:00:?){6}|(?:ff:?){6}|01:00:5e|33:33", re.IGNORECASE)
_RESOLVERS: Final = frozenset({
    "8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9", "149.112.112.112", "208.67.222.222",
    "208.67.220.220", "2001:4860:4860::8888", "2001:4860:4860::8844", "2606:4700:4700::1111",
    "2606:4700:4700::1001",
})  # fmt: skip
_TEXTS: Final = ("/var/lib/dpkg/status", "/usr/share/dict/words")
_LARGEST_TEXT: Final = 32 << 20


def gather(tree: Tree, *, spared: Collection[str] = ()) -> Words:
    """Return the words of the system in `tree`; `spared` are those of the live system itself."""
    hints = [*_accounts(tree), *_homes(tree), *own_settings.hints(_files(tree)), *_named(tree)]
    ours = {each.casefold() for each in spared}
    kept = [each for each in hints if each.word.casefold() not in ours and _is_usable(each)]
    known = _known_words(tree, {each.word for each in kept}, _own_addresses(kept))
    found: dict[Word, None] = {}
    for hint in kept:
        chosen = hint.kind in _CHOSEN
        common = chosen and (len(hint.word) <= _SHORTEST or hint.word.casefold() in known)
        for spelling in _spellings(hint):
            found[Word(kind=hint.kind, spelling=spelling, common=common or hint.weak)] = None
    return tuple(sorted(found)[:_MOST_WORDS])


# Kinds of words that people choose, so that others may have chosen the same.
_CHOSEN: Final = frozenset({"user-name", "host-name", "real-name", "network-name"})


def _files(tree: Tree) -> Iterator[tuple[str, str, bytes]]:
    """Yield what the patterns of `own_settings` name: the pattern, the path and the content."""
    for pattern in own_settings.PATTERNS:
        for path in _matches(tree, pattern):
            try:
                yield pattern, path, tree.read_bytes(path, limit=_LARGEST)
            except OSError:
                continue


def _matches(tree: Tree, pattern: str) -> list[str]:
    found = [""]
    for part in pattern.strip("/").split("/"):
        if "*" in part:
            found = [path for above in found for path in tree.glob(above or "/", part)]
        else:
            found = [f"{above}/{part}" for above in found]
        found = found[:_MOST_FILES]
    return [path for path in found if tree.is_file(path)]


def _accounts(tree: Tree) -> Iterator[Hint]:
    """Yield the people of passwd(5), with their real names."""
    try:
        content = tree.read_bytes("/etc/passwd")
    except OSError:
        return
    for line in content.split(b"\n"):
        fields = line.decode("utf-8", "replace").split(":")
        if len(fields) < 6 or not is_person(fields[2]):
            continue
        name, real = fields[0], fields[4].split(",")
        if name in _NOBODY:
            continue
        yield Hint(kind="user-name", word=name)
        if real[0].strip() and real[0].strip() != name:
            yield Hint(kind="real-name", word=real[0].strip(), weak=" " not in real[0].strip())
        yield from (
            Hint(kind="real-name", word=each.strip()) for each in real[1:] if len(each.strip()) > 5
        )


def _homes(tree: Tree) -> Iterator[Hint]:
    for name in tree.listdir("/home")[:_MOST_FILES]:
        if not name.startswith(".") and name not in _NOBODY and tree.is_dir(f"/home/{name}"):
            yield Hint(kind="user-name", word=name)


def _named(tree: Tree) -> Iterator[Hint]:
    """Yield what only names of files say: devices that were paired, networks that were used."""
    for adapter in tree.listdir("/var/lib/bluetooth")[:_MOST_FILES]:
        for address in (adapter, *tree.listdir(f"/var/lib/bluetooth/{adapter}")[:_MOST_FILES]):
            if own_settings.MAC.fullmatch(address.encode("utf-8", "replace")):
                yield Hint(kind="network-card", word=address)
    for name in tree.listdir("/var/lib/iwd")[:_MOST_FILES]:
        network, dot, kind = name.rpartition(".")
        if dot and kind in ("psk", "8021x", "open"):
            yield Hint(kind="network-name", word=own_settings.network_of(network))
    for name in tree.listdir("/etc/NetworkManager/system-connections")[:_MOST_FILES]:
        yield Hint(kind="network-name", word=name.removesuffix(".nmconnection"))


def _is_usable(hint: Hint) -> bool:
    word = hint.word
    longest = _LONGEST_KEY if hint.kind == "host-key" else _LONGEST
    sound = 2 <= len(word) <= longest and "\ufffd" not in word and word.isprintable()
    return sound and _is_own(hint)


def _is_own(hint: Hint) -> bool:
    """Whether no other machine has it by its nature."""
    word = hint.word
    match hint.kind:
        case "host-name":
            return word.casefold() not in _ANY_HOST and not word.replace(".", "").isdecimal()
        case "network-card":
            return not _ANY_ADDRESS.match(word)
        case "network-address":
            return _is_public(word)
        case "machine-id" | "disk-id":
            return len(word) >= 6 and len(set(word)) > 3
        case "mail-address":
            return not word.casefold().endswith(tuple(f"@{host}" for host in _ANY_HOST))
        case _:
            return True


def _is_public(word: str) -> bool:
    try:
        return ipaddress.ip_address(word).is_global and word not in _RESOLVERS
    except ValueError:
        return False


def _spellings(hint: Hint) -> Iterator[str]:
    """Yield every way in which programs write a word."""
    word = hint.word
    if hint.kind == "network-card":
        yield from _of_card(word)
        return
    yield word
    match hint.kind:
        case "machine-id" if len(word) == 32:
            yield "-".join((word[:8], word[8:12], word[12:16], word[16:20], word[20:]))
        case "network-name":
            yield word.encode("utf-8", "surrogateescape").hex()
        case "real-name" if len(names := word.split()) == 2:
            first, last = names
            yield from (f"{last}, {first}", f"{last} {first}")
            yield from (f"{first}{sign}{last}" for sign in "._-")
        case "host-name" if "." in word:
            host, domain = word.split(".", 1)
            if "." in domain and domain not in _ANY_HOST:
                yield domain
            if host not in _ANY_HOST and len(host) > _SHORTEST:
                yield host
        case "disk-id" if re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", word):
            yield from (word.replace("-", ""), word.replace("-", r"\x2d"))


def _of_card(word: str) -> tuple[str, ...]:
    digits = re.sub("[^0-9a-fA-F]", "", word).lower()
    pairs = [digits[at : at + 2] for at in range(0, 12, 2)]
    # As part of an IPv6 address (RFC 4291, appendix A), whose zeros are left out.
    first = f"{int(pairs[0], 16) ^ 2:02x}"
    lower = f"{pairs[3]}:{pairs[4]}{pairs[5]}".lstrip("0")
    return (
        ":".join(pairs), "-".join(pairs), "_".join(pairs), digits,
        ".".join(digits[at : at + 4] for at in range(0, 12, 4)),
        f"{first}{pairs[1]}:{pairs[2]}ff:fe{lower}".lstrip("0"),
    )  # fmt: skip


def _own_addresses(hints: Iterable[Hint]) -> "re.Pattern[bytes] | None":
    """Return what finds the lines of packages that were made on this machine, by their maker."""
    hosts = {each.word.casefold().encode() for each in hints if each.kind == "host-name"}
    hosts |= {host.partition(b".")[0] for host in hosts}
    names = b"|".join(map(re.escape, sorted(hosts)))
    return (
        re.compile(rb"^maintainer: [^\n]*@(?:%b)\b[^\n]*$" % names, re.MULTILINE) if hosts else None
    )


def _known_words(
    tree: Tree, wanted: Iterable[str], own: "re.Pattern[bytes] | None"
) -> frozenset[str]:
    """Return those of the words that packages or a dictionary use, in lower case.

    What `own` finds in them is not what others use.
    """
    open_words = {each.casefold() for each in wanted if each.isascii()}
    common = {each for each in open_words if each in _OFTEN}
    open_words -= common
    for path in _TEXTS:
        try:
            content = tree.read_bytes(path, limit=_LARGEST_TEXT).lower()
        except OSError:
            continue
        content = own.sub(b"", content) if own else content
        for word in open_words - common:
            pattern = rb"(?<![a-z0-9])" + re.escape(word.encode()) + rb"(?![a-z0-9])"
            if re.search(pattern, content):
                common.add(word)
    return frozenset(common)


# What people call users, machines and networks, however few packages they have installed.
_OFTEN: Final = frozenset({
    "user", "admin", "administrator", "guest", "test", "tester", "demo", "live", "owner", "me",
    "home", "work", "office", "server", "desktop", "laptop", "notebook", "workstation", "pc",
    "computer", "host", "box", "machine", "node", "nas", "router", "debian", "ubuntu", "mint",
    "linux", "lmde", "sparky", "siduction", "raspberrypi", "pi", "max", "mark", "will", "art",
    "bill", "grant", "rob", "pat", "ray", "sam", "ann", "may", "june", "april", "august", "rose",
    "lily", "dev", "developer", "build", "builder", "backup", "media", "music", "mail", "web",
    "www", "data", "internet", "wifi", "wlan", "wireless", "network", "netzwerk", "private",
    "privat", "default", "master", "main",
})  # fmt: skip
