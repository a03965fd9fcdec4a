"""What `scripts/test --starts` runs: `python -m tests.starts` with one of these.

    [--docs] [NAME[/MACHINE]…]
    --pictures [NAME…]

Start paths are made and booted, as many machines at once as we may use processors. `--docs` keeps
the results in docs/starts, and writes the table in docs/booting.md again; without it they are only
told. The exit code is 1 unless each ended as it should. `--pictures` takes those in docs/starts
again instead: look at them.
"""

import json
import sys
from collections.abc import Sequence
from typing import Final

from builder.basics.codec import to_data
from tests.starts import page
from tests.starts.pictures import PICTURES, Picture, take
from tests.starts.running import Laboratory
from tests.starts.way import Machine, Way
from tests.starts.ways import WAYS

_EVERY: Final = {
    f"{way.name}/{machine}": (way, machine) for way in WAYS for machine in way.machines
}


def chosen(names: Sequence[str]) -> list[tuple[Way, Machine]]:
    """Return what these names stand for; all if there are none. Ends the program otherwise."""
    known = {way.name for way in WAYS}
    if unknown := [name for name in names if name not in known | _EVERY.keys()]:
        sys.exit(f"starts: there is no {', '.join(unknown)}; there are: {', '.join(_EVERY)}")
    wanted = [
        each
        for name in names or [way.name for way in WAYS]
        for each in _EVERY
        if name in (each, each.partition("/")[0])
    ]
    return [_EVERY[each] for each in dict.fromkeys(wanted)]


def chosen_pictures(names: Sequence[str]) -> list[Picture]:
    """Return the pictures of these names; all if there are none. Ends the program otherwise."""
    known = {picture.name: picture for picture in PICTURES}
    if unknown := [name for name in names if name not in known]:
        sys.exit(f"starts: there is no {', '.join(unknown)}; there are: {', '.join(known)}")
    return [known[name] for name in names or known]


def main(arguments: list[str]) -> int:
    """Run the start paths of these names, or all of them; or take pictures."""
    if arguments[:1] == ["--pictures"]:
        wanted = chosen_pictures(arguments[1:])
        with Laboratory.opened() as laboratory:
            for picture in wanted:
                sys.stdout.write(f"{take(picture, laboratory)}\n")
        return 0
    keeps = "--docs" in arguments
    asked = chosen([word for word in arguments if word != "--docs"])
    fine = True
    with Laboratory.opened() as laboratory:
        for result in laboratory.measured(asked):
            sys.stdout.write(json.dumps(to_data(result)) + "\n")
            sys.stdout.flush()
            fine &= result.is_fine
            if keeps:
                page.keep(result)
                page.write()
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
