"""What a person sees before a stick is erased."""

from collections.abc import Iterator

from builder.basics.sizes import readable_size
from builder.basics.texts import say
from builder.host.display import columns
from builder.host.stick.stick import Prepared


def summary(job: Prepared) -> str:
    """Return what would be erased, and what would be there instead."""
    target, disk = job.target, job.target.disk
    facts = [readable_size(target.size)]
    if disk is not None:
        facts[:0] = [disk.model] if disk.model else []
        facts += [say("on {bus}", bus=disk.bus)] if disk.bus else []
        facts += [] if disk.removable else [say("a fixed disk")]
        facts += [say("serial number {serial}", serial=disk.serial)] if disk.serial else []
    rows = [(say("what it is"), ", ".join(facts))]
    shown = [*_old(job)] or [say("nothing that is known")]
    rows += [(say("on it now") if not number else "", text) for number, text in enumerate(shown)]
    rows.append((say("to come"), f"{job.iso.name}, {readable_size(job.iso.size)}"))
    if job.layout.persistence is not None:
        size = readable_size(job.layout.persistence.size)
        rows.append(("", say("a partition for persistence, {size}", size=size)))
    rows.append((say("checksum"), _checksum(job)))
    return "\n".join(
        (say("All of {name} will be erased.", name=target.name), columns(rows, indent="  "))
    )


def _old(job: Prepared) -> Iterator[str]:
    for part in job.old:
        words = [part.name, readable_size(part.size)]
        if part.content is not None:
            words += [
                part.content.kind,
                *([f'"{part.content.label}"'] if part.content.label else []),
            ]
        yield "  ".join(words)


def _checksum(job: Prepared) -> str:
    if job.iso.said is None:
        return say("none beside the ISO: nobody can tell whether it is whole")
    return say("in {file}, compared before anything is written", file=job.iso.said.by)
