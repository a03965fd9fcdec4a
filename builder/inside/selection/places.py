"""The model's tables: which places hold programs, settings or data, and what data is kept.

The patterns are rsync's, anchored at the root of the tree, as in `builder.inside.tree.excludes`.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One row of the keep-list: `pattern`, in a place of data, stays because of `reason`.

    A row whose pattern ends in `/***` keeps a folder and all that is in it, except `but`.
    """

    pattern: str
    reason: str
    but: tuple[str, ...] = ()


# The folders that Debian's base-files and the file system standard know at the top (FHS 3.0,
# chapter 3). Whatever else is there is taken for data.
TOP: Final = (
    "bin", "boot", "dev", "etc", "home", "lib", "lib32", "lib64", "libx32", "media", "mnt", "opt",
    "proc", "root", "run", "sbin", "srv", "sys", "tmp", "usr", "var",
)  # fmt: skip
# In these, only what a package owns, and what the keep-list names, is taken.
DATA: Final = ("/boot", "/srv", "/var")

_DPKG: Final = "the package database, without which nothing can be installed or removed"
_STATE: Final = "what packages remember of their own set-up; they cannot make it again"
_MADE: Final = "made from packages alone, when they were installed"
_LINK: Final = "a place that programs use under its older name"

KEPT: Final = (
    Kept(pattern="/boot/vmlinu[xz]*", reason="kernels"),
    Kept(pattern="/boot/config-*", reason="settings of the kernels"),
    Kept(pattern="/boot/System.map-*", reason="symbols of the kernels"),
    Kept(pattern="/boot/efi/", reason="where installers mount the system partition"),
    Kept(pattern="/boot/grub/", reason="where installers put the boot menu"),
    *(
        Kept(pattern=f"/var/{name}/", reason="a folder that every system has")
        for name in ("cache", "lib", "log", "spool", "tmp")
    ),
    Kept(pattern="/var/opt/", reason="where hand-installed programs may keep data"),
    Kept(pattern="/var/run", reason=_LINK),
    Kept(pattern="/var/lock", reason=_LINK),
    Kept(pattern="/var/mail", reason=_LINK),
    Kept(pattern="/var/spool/mail", reason=_LINK),
    Kept(
        pattern="/var/lib/dpkg/***",
        reason=_DPKG,
        but=("/var/lib/dpkg/*-old", "/var/lib/dpkg/*lock*", "/var/lib/dpkg/*.bak*"),
    ),
    Kept(pattern="/var/lib/apt/extended_states", reason="which packages nobody asked for"),
    Kept(pattern="/var/lib/systemd/deb-systemd-*helper-*/***", reason=_STATE),
    Kept(pattern="/var/lib/systemd/catalog/***", reason=_MADE),
    Kept(pattern="/var/lib/ucf/", reason=_STATE),
    Kept(pattern="/var/lib/ucf/hashfile", reason=_STATE),
    Kept(pattern="/var/lib/ucf/registry", reason=_STATE),
    Kept(pattern="/var/lib/pam/***", reason=_STATE),
    Kept(pattern="/var/lib/shells.state", reason=_STATE),
    Kept(pattern="/var/lib/dictionaries-common/***", reason=_MADE),
    Kept(pattern="/var/lib/emacsen-common/***", reason=_MADE),
    Kept(pattern="/var/lib/xml-core/***", reason=_MADE),
    Kept(pattern="/var/lib/sgml-base/***", reason=_MADE),
    Kept(pattern="/var/lib/python/***", reason=_STATE),
    Kept(pattern="/var/lib/python3*/***", reason=_STATE),
    Kept(pattern="/var/lib/ghc/***", reason=_MADE),
    Kept(pattern="/var/lib/ghostscript/***", reason=_MADE),
    Kept(pattern="/var/lib/xfonts/***", reason=_MADE),
    Kept(pattern="/var/lib/texmf/***", reason=_MADE),
    Kept(pattern="/var/lib/tex-common/***", reason=_MADE),
    Kept(pattern="/var/lib/mecab/***", reason=_MADE),
    Kept(pattern="/var/lib/aspell/***", reason=_MADE),
    Kept(pattern="/var/lib/ispell/***", reason=_MADE),
    Kept(pattern="/var/lib/vim/***", reason=_STATE),
    Kept(pattern="/var/lib/usbutils/***", reason=_MADE),
    Kept(pattern="/var/lib/locales/***", reason=_STATE),
    Kept(pattern="/var/lib/doc-base/***", reason=_MADE),
    Kept(pattern="/var/lib/selinux/***", reason="the policy that the system runs under"),
    Kept(pattern="/var/lib/php/", reason=_STATE),
    Kept(pattern="/var/lib/php/modules/***", reason=_STATE),
    Kept(pattern="/var/lib/apache2/", reason=_STATE),
    Kept(pattern="/var/lib/apache2/module/***", reason=_STATE),
    Kept(pattern="/var/lib/apache2/conf/***", reason=_STATE),
    Kept(
        pattern="/var/lib/dkms/***",
        reason="kernel modules that were built here, and their sources",
        but=("/var/lib/dkms/mok.*",),
    ),
    Kept(pattern="/var/lib/flatpak/***", reason="programs, installed for everybody"),
    Kept(pattern="/var/cache/fontconfig/***", reason=_MADE),
    Kept(pattern="/var/cache/dictionaries-common/***", reason=_MADE),
    Kept(pattern="/var/cache/debconf/", reason=_DPKG),
    Kept(pattern="/var/cache/debconf/config.dat", reason="answers; the rules cut what is private"),
    Kept(pattern="/var/cache/debconf/passwords.dat", reason="questions; the answers are cut"),
    Kept(pattern="/var/cache/debconf/templates.dat", reason=_DPKG),
)  # fmt: skip

# Links that packages make at the top when they are installed: usr-merge, and the kernels'.
TOP_LINKS: Final = ("/vmlinuz*", "/initrd.img*")
