"""What kind of text a path names: settings, which may say a secret plainly, or code and prose."""

import re
from enum import Enum, auto
from typing import Final


class Text(Enum):
    """How much a line must show to count as a credential."""

    NONE = auto()  # no text
    CODE = auto()  # code and prose, which talk about passwords: only a quoted, strong secret
    SETTINGS = auto()  # anything plausible


_CODE: Final = re.compile(
    rb"\.(?:pyi?|pyx|[cm]?jsx?|tsx?|vue|[ch]|cc|cpp|cxx|hpp|hh|m4|am|ac|go|rs|rb|erb|pl|pm|t|java|"
    rb"kt|scala|cs|lua|tcl|vim|el|lisp|hs|ml|swift|dart|awk|sed|css|scss|less|cuh?|inc|inl|ipp|tcc|"
    rb"ui|glade|qml|map|cmake|mk|asm|s|glsl|ts|lang|symbols)(?:\.gz)?$"
    rb"|(?:^|/)objects/[0-9a-f]{2}/[0-9a-f]{38,62}$|(?:^|/)Makefile[^/]{0,20}$",
    re.IGNORECASE,
)
_PROSE: Final = re.compile(
    rb"\.(?:pod|x?html?|svg|md|rst|adoc|texi?|info|po|pot|xsl|xslt|xsd|dtd|rng|[1-9][a-z]{0,3}|nfo|diff|"
    rb"patch|mo|license|copyright|hlp)(?:\.gz)?$|\.(?:dist|egg)-info/[^/]+$"
    rb"|(?:^|/)(?:README|CHANGELOG|COPYING|LICENSE|NEWS|changelog|copyright|TODO|HACKING)[^/]{0,20}$",
    re.IGNORECASE,
)
_SETTINGS: Final = re.compile(rb"^/(?:usr/local/)?etc/")  # also if a program reads them as code
_PROSE_FOLDERS: Final = re.compile(
    rb"^(?:/usr(?:/local)?)?/share/(?:doc|man|info|locale|help|gtk-doc|vim|bash-completion|zsh|"
    rb"i18n|mime|icons|fonts|perl5?|python3)/"
)


def text_of(path: bytes, line: bytes) -> Text:
    """Say what the text at `path` is, of which `line` is one."""
    if b"\0" in line:
        return Text.NONE
    if _PROSE.search(path) or _PROSE_FOLDERS.match(path):
        return Text.CODE
    if _CODE.search(path) and not _SETTINGS.match(path):
        return Text.CODE
    return Text.SETTINGS
