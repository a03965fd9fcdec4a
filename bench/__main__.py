"""`python -m bench` is what `scripts/bench` runs."""

import sys

from bench.main import main

sys.exit(main())
