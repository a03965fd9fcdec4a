"""`python -m tests.systems [--docs] [NAME…]` is what `scripts/test --systems` runs.

One system after the other is made, built and booted. `--docs` keeps the results in docs/systems;
without it they are only told. The exit code is 1 unless each was as it should be.
"""

import json
import sys
import tempfile
from pathlib import Path

from builder.basics.codec import to_data
from tests.systems import page
from tests.systems.making import chosen
from tests.systems.running import measured


def main(arguments: list[str]) -> int:
    """Run the systems with these names, or all of them."""
    keeps = "--docs" in arguments
    systems = chosen([word for word in arguments if word != "--docs"])
    fine = True
    with tempfile.TemporaryDirectory() as folder:
        pictures = page.RESULTS if keeps else Path(folder)
        pictures.mkdir(exist_ok=True)
        for recipe in systems:
            result = measured(recipe, pictures=pictures)
            sys.stdout.write(json.dumps(to_data(result)) + "\n")
            sys.stdout.flush()
            fine &= result.is_fine
            if keeps:
                page.keep(result)
                page.write()
    return 0 if fine else 1


sys.exit(main(sys.argv[1:]))
