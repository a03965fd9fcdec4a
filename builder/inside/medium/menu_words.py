"""What the boot menu says, in the languages that it speaks.

Not looked up like other text for people: it is read by whoever boots the ISO, and must not follow
the language of whoever built it. GRUB's font has Latin letters.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuWords:
    """The titles; those of entries that start a system stand in brackets after its name."""

    live: str
    safe: str
    toram: str
    persistence: str
    install: str
    kernel: str
    others: str
    check: str
    memtest: str
    firmware: str


_ENGLISH: Final = MenuWords(
    live="live",
    safe="live, safe graphics",
    toram="live, copied to memory",
    persistence="live, with persistence",
    install="install to a disk",
    kernel="kernel",
    others="Other kernels",
    check="Check this medium, then restart",
    memtest="Memory test",
    firmware="UEFI firmware settings",
)
_WORDS: Final[Mapping[str, MenuWords]] = MappingProxyType(
    {
        "en": _ENGLISH,
        "de": MenuWords(
            live="live",
            safe="live, einfache Grafik",
            toram="live, in den Arbeitsspeicher kopiert",
            persistence="live, Änderungen bleiben erhalten",
            install="auf eine Festplatte installieren",
            kernel="Kernel",
            others="Andere Kernel",
            check="Dieses Medium prüfen, dann neu starten",
            memtest="Speichertest",
            firmware="UEFI-Firmware-Einstellungen",
        ),
        "es": MenuWords(
            live="live",
            safe="live, gráficos seguros",
            toram="live, copiado en la memoria",
            persistence="live, con persistencia",
            install="instalar en un disco",
            kernel="núcleo",
            others="Otros núcleos",
            check="Comprobar este medio y reiniciar",
            memtest="Prueba de memoria",
            firmware="Configuración del firmware UEFI",
        ),
        "fr": MenuWords(
            live="live",
            safe="live, graphismes sans échec",
            toram="live, copié en mémoire",
            persistence="live, avec persistance",
            install="installer sur un disque",
            kernel="noyau",
            others="Autres noyaux",
            check="Vérifier ce support, puis redémarrer",
            memtest="Test de la mémoire",
            firmware="Paramètres du micrologiciel UEFI",
        ),
        "it": MenuWords(
            live="live",
            safe="live, grafica sicura",
            toram="live, copiato in memoria",
            persistence="live, con persistenza",
            install="installa su un disco",
            kernel="kernel",
            others="Altri kernel",
            check="Verifica questo supporto, poi riavvia",
            memtest="Test della memoria",
            firmware="Impostazioni del firmware UEFI",
        ),
        "pt": MenuWords(
            live="live",
            safe="live, gráficos seguros",
            toram="live, copiado para a memória",
            persistence="live, com persistência",
            install="instalar em um disco",
            kernel="kernel",
            others="Outros kernels",
            check="Verificar esta mídia e reiniciar",
            memtest="Teste de memória",
            firmware="Configurações do firmware UEFI",
        ),
    }
)


def words_in(locale: str | None) -> MenuWords:
    """Return the words in the language of a locale ("de_DE.UTF-8"); English where it has none."""
    return _WORDS.get((locale or "").split("_")[0], _ENGLISH)
