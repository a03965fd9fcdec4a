"""Splits the serial output of a machine into lines, and looks for signs in them.

Firmware, GRUB and systemd use ANSI escapes (ECMA-48), the kernel ends lines with CR LF, and
everything arrives in chunks of any length. Moving the cursor starts a new line.
"""

import codecs
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_LONGEST_LINE: Final = 2000  # characters; a longer one is cut in pieces
_MOVE: Final = re.compile(r"\x1b\[[0-9;]{0,32}[HfJ]|\x1bc")  # cursor moved, or screen cleared
_ESCAPE: Final = re.compile(
    r"\x1b\[[0-?]{0,64}[ -/]{0,8}[@-~]"  # control sequence
    r"|\x1b[\]PX^_][^\x07\x1b\r\n]{0,256}(?:\x07|\x1b\\|(?=[\r\n]))"  # string, e.g. a title
    r"|\x1b[ -/]{0,8}[0-Z\\^-~]"  # two characters
)
_CUT_ESCAPE: Final = re.compile(
    r"\x1b(?:\[[0-?]{0,64}[ -/]{0,8}|[\]PX^_][^\x07\x1b\r\n]{0,256}\x1b?|[ -/]{0,8})\Z"
)
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


class SerialLines:
    """Joins chunks into clean lines; `pending` is the unfinished one."""

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._cut = ""  # the beginning of an escape
        self.pending = ""

    def feed(self, chunk: bytes) -> list[str]:
        """Take a chunk and return the lines that it completes, without those that have no text."""
        text = self._cut + self._decode(chunk)
        cut = _CUT_ESCAPE.search(text)
        self._cut = cut[0] if cut else ""
        text = text[: cut.start()] if cut else text
        text = _ESCAPE.sub("", _MOVE.sub("\n", text)).replace("\r", "\n")
        *lines, self.pending = _CONTROL.sub("", self.pending + text).split("\n")
        while len(self.pending) > _LONGEST_LINE:
            lines.append(self.pending[:_LONGEST_LINE])
            self.pending = self.pending[_LONGEST_LINE:]
        return [line.rstrip() for line in lines if _has_text(line)]


class Meaning(StrEnum):
    """What a sign says about the machine."""

    OK = "ok"
    FAILED = "failed"  # the live system's own verdict
    DEAD_END = "dead-end"  # the live system can no longer start
    BROKEN = "broken"  # the accelerator's fault, not the machine's


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """Some text, and what it means when it appears."""

    text: str
    meaning: Meaning
    prompt: bool = (
        False  # starts a line that never ends; other signs count once their line is complete
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A sign that was seen, from its text to the end of the line."""

    meaning: Meaning
    line: str


_REPORT: Final = "distroclone-builder boot-report: "
BROKEN_KVM: Final = Sign(text="KVM internal error", meaning=Meaning.BROKEN)
# shim's; firmware has the last two words of it for what it refuses itself.
BAD_LOADER: Final = Sign(
    text="Verification failed: (0x1A) Security Violation", meaning=Meaning.DEAD_END
)
BAD_KERNEL: Final = (  # GRUB; the second is 2.14's
    Sign(text="bad shim signature", meaning=Meaning.DEAD_END),
    Sign(text="bad shim lock signature", meaning=Meaning.DEAD_END),
)
_DEAD_ENDS: Final = (
    BROKEN_KVM,
    *(
        Sign(text=text, meaning=Meaning.DEAD_END)
        for text in (
            "No bootable device",  # SeaBIOS
            "No bootable option or device was found",  # OVMF
            "UEFI Interactive Shell",  # where OVMF ends when nothing boots
            "Kernel panic - not syncing",
            "You are in emergency mode",  # systemd
            "Cannot open access to console",  # the same, with root locked
        )
    ),
    *(
        Sign(text=text, meaning=Meaning.DEAD_END, prompt=True)
        for text in ("grub rescue>", "grub>", "(initramfs)")
    ),
)


def _signs(report: str) -> tuple[Sign, ...]:
    """Return the signs of who reports with these words, and of what can no longer report."""
    return (
        Sign(text=report + "ok ", meaning=Meaning.OK),
        Sign(text=report + "failed ", meaning=Meaning.FAILED),
        *_DEAD_ENDS,
    )


BOOT_SIGNS: Final = (*_signs(_REPORT), BAD_LOADER, *BAD_KERNEL)
INSTALL_SIGNS: Final = _signs("distroclone-builder install: ")
INSTALLED_SIGNS: Final = _signs("distroclone-builder install-report: ")


class Lookout:
    """Watches serial output for signs."""

    def __init__(self, signs: Sequence[Sign]) -> None:
        self._signs = signs
        self._lines = SerialLines()

    @property
    def pending(self) -> str:
        """The line that has not ended."""
        return self._lines.pending

    def feed(self, chunk: bytes) -> tuple[list[str], Sighting | None]:
        """Take a chunk; return the lines that it completes and the first sign in it."""
        lines = self._lines.feed(chunk)
        sightings = (*self._in_ended(lines), *self._in_pending(self._lines.pending))
        return lines, next(iter(sightings), None)

    def rest(self) -> list[str]:
        """Return the unfinished line, if there is one."""
        return [self._lines.pending] if _has_text(self._lines.pending) else []

    def _in_ended(self, lines: Sequence[str]) -> Iterator[Sighting]:
        for line in lines:
            for sign in self._signs:
                # Not only at the start of a line: remains of screen output may precede it.
                at = f"{line} ".find(sign.text)
                if at >= 0 and not sign.prompt:
                    yield Sighting(meaning=sign.meaning, line=line[at:])

    def _in_pending(self, line: str) -> Iterator[Sighting]:
        for sign in self._signs:
            if sign.prompt and line.lstrip().startswith(sign.text):
                yield Sighting(meaning=sign.meaning, line=line.strip())


def _has_text(line: str) -> bool:
    """Whether there is more than frames and blanks; the frame of a menu has hundreds of pieces."""
    return any(character.isalnum() for character in line)
