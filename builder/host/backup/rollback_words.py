"""What people are told before and after a system is rolled back."""

from builder.basics.sizes import readable_size
from builder.basics.texts import say
from builder.border.whole_systems import Paths
from builder.host.backup.retention import moment
from builder.host.backup.rollback import RollbackDone, RollbackPlan
from builder.host.display import columns
from builder.host.source.local_zone import local_zone

_MOST_NAMED = 10


def plan_text(plan: RollbackPlan) -> str:
    """Return what would be done, and what stays as it is."""
    looked, taken = plan.looked, moment(plan.snapshot, zone=local_zone())
    head = say("To be rolled back: {path}", path=plan.asked.root)
    if plan.continued:
        head = say("To be gone on with, as an earlier rollback did not finish: {path}",
                   path=plan.asked.root)  # fmt: skip
    rows = [
        (say("Snapshot"), f"{plan.snapshot.selector}, {taken:%Y-%m-%d %H:%M}"),
        (say("System"), f"{looked.system} ({looked.hostname})"),
        (say("To copy"), readable_size(looked.size)),
        (say("Kernels"), ", ".join(looked.kernels) or say("those of today")),
    ]
    lines = [head, columns(rows, indent="  ")]
    lines += _named(say("Come back"), looked.added)
    lines += _named(say("Change"), looked.changed)
    lines += _named(say("Go"), looked.deleted)
    lines += [say("Stay as they are:"), *(f"  {each}" for each in _staying(plan))]
    lines += [say("Note: {text}", text=each) for each in _warnings(plan)]
    return "\n".join(lines)


def _named(title: str, found: Paths) -> list[str]:
    lines = [f"{title}: {found.count}"]
    lines += [f"  {each}" for each in found.some[:_MOST_NAMED]]
    if found.count and len(found.some) > _MOST_NAMED:
        lines.append(f"  … {say('more are in the answer to --json')}")
    return lines


def _staying(plan: RollbackPlan) -> list[str]:
    staying = [] if plan.asked.include_home else ["/home", "/root"]
    staying += [*plan.looked.protected, *plan.others, *plan.asked.exclude]
    staying.append(say("and all else that no backup has: logs, swap, containers, snaps"))
    return staying


def _warnings(plan: RollbackPlan) -> list[str]:
    found = []
    if plan.looked.leaving:
        found.append(
            say("These accounts are not in the snapshot, and go; their homes stay: {users}",
                users=", ".join(plan.looked.leaving))
        )  # fmt: skip
    if plan.asked.include_home:
        found.append(
            say("Homes are of the last backup that was made with --include-home, which may be "
                "older than the snapshot")
        )  # fmt: skip
    if not plan.saves:
        found.append(say("What is there now is not backed up first"))
    found.append(say("Close programs, and stop databases before: their files change below them"))
    return found


def done_text(plan: RollbackPlan, done: RollbackDone) -> str:
    """Return what was done, and what is left for people."""
    lines = [
        say("Rolled back to snapshot {selector}: {copied} files copied, {deleted} entries deleted",
            selector=plan.snapshot.selector, copied=done.done.copied, deleted=done.done.deleted),
    ]  # fmt: skip
    if done.saved is not None:
        lines.append(
            say("What was there before is snapshot {number}: roll back to that to undo it",
                number=done.saved)
        )  # fmt: skip
    lines.append(say("Passwords are those of the snapshot. Start the machine anew now."))
    return "\n".join(lines)
