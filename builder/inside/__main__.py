"""The container's entry point: `python3 -m builder.inside JOB`, with the request in a file.

Events go to standard output, one JSON object per line; the last one is the result or the error,
and the exit code matches it.
"""

import json
import sys
import traceback

from builder.basics.errors import BuilderError, DefectError, ExitCode
from builder.basics.signals import interruptible
from builder.border import paths
from builder.border.events import Event, Failed, Result, encode
from builder.inside.jobs import table as jobs
from builder.inside.system.container_init import as_job


def _emit(event: Event) -> None:
    sys.stdout.write(encode(event) + "\n")
    sys.stdout.flush()


def main() -> int:
    """Run the job that the command line names and return its exit code."""
    try:
        with interruptible():
            request = json.loads(paths.REQUEST.read_bytes())
            result = jobs.run(sys.argv[1], request, on_event=_emit)
    except BuilderError as error:
        _emit(Failed(error=error.to_data()))
        return int(error.exit_code)
    except Exception as error:  # noqa: BLE001 - the outermost handler: every job must end with an event
        sys.stderr.write(traceback.format_exc())
        defect = DefectError.of(error)
        _emit(Failed(error=defect.to_data()))
        return int(defect.exit_code)
    _emit(Result(data=result))
    return int(ExitCode.DONE)


if __name__ == "__main__":
    sys.exit(as_job(main))
