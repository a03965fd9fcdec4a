"""Results that a container announces, as an archive or as files that it wrote itself."""

import hashlib
import io
import tarfile
from pathlib import Path

from builder.border.handover import Artefact
from builder.host.output.delivery import output_folder

RUN = "0123456789abcdef"


def artefact(name: str, content: bytes) -> Artefact:
    return Artefact(name=name, size=len(content), sha256=hashlib.sha256(content).hexdigest())


def archive(
    files: dict[str, bytes], *, links: dict[str, str] | None = None, mode: int = 0o644
) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        top = tarfile.TarInfo("out")
        top.type = tarfile.DIRTYPE
        tar.addfile(top)
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), mode
            tar.addfile(member, io.BytesIO(content))
        for name, target in (links or {}).items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, target
            tar.addfile(member)
    return buffer.getvalue()


def pieces(data: bytes, size: int = 700) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def deliver(folder: Path, data: bytes, artefacts: list[Artefact]) -> list[float]:
    fractions: list[float] = []
    with output_folder(folder) as output, output.partial(RUN) as partial:
        output.fetch(
            pieces(data), partial, artefacts, planned=PLANNED, on_progress=fractions.append
        )
        output.receive(partial, artefacts, planned=PLANNED, on_progress=fractions.append)
    return fractions


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


FILES = {"out/x.iso": b"i" * 5000, "out/x.manifest.json": b"{}", "out/SHA256SUMS": b"sums"}
WANTED = [artefact(name.removeprefix("out/"), content) for name, content in FILES.items()]
PLANNED = [each.name for each in WANTED]


def written(folder: Path, files: dict[str, bytes], wanted: list[Artefact]) -> None:
    """Deliver what a container wrote into our folder itself."""
    with output_folder(folder) as output, output.partial(RUN) as partial:
        for name, content in files.items():
            (partial / name.removeprefix("out/")).write_bytes(content)
        output.receive(partial, wanted, planned=PLANNED, on_progress=lambda _done: None)
