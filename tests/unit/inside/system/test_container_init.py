"""The first process of a container ends as its job does, and passes signals on to it."""

import signal
import subprocess
import sys

import pytest

_ALONE = ("unshare", "--pid", "--fork", "--mount-proc")
# Process 1 is only known by its number; what it does then needs no container.
_FIRST = """
import os, signal, sys, time
os.getpid = lambda: 1
from builder.inside.system.container_init import as_job

def job():
    {job}
    return 7

sys.exit(as_job(job))
"""


def started(job: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", _FIRST.format(job=job)], stdout=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize(
    ("job", "code"),
    [
        ("pass", 7),
        ("sys.exit(3)", 3),
        ("os.kill(os.getppid(), 0); os.abort()", 128 + signal.SIGABRT),
        ("os.spawnlp(os.P_NOWAIT, 'true', 'true'); time.sleep(0.2)", 7),
    ],
)
def test_it_ends_as_its_job_does(job: str, code: int) -> None:
    with started(job) as first:
        assert first.wait(timeout=20) == code


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_reaches_the_job_which_decides_what_it_does(number: signal.Signals) -> None:
    job = (
        f"chosen = {{signal.Signals({int(number)})}}"
        "; signal.pthread_sigmask(signal.SIG_BLOCK, chosen); print('ready', flush=True)"
        "; got = signal.sigtimedwait(chosen, 20); print(got and 'heard', flush=True); os._exit(9)"
    )
    with started(job) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "ready\n"
        first.send_signal(number)
        assert first.wait(timeout=10) == 9
        assert first.stdout.read() == "heard\n"


def test_what_is_not_the_first_process_does_the_job_itself() -> None:
    code = "import os, sys\nfrom builder.inside.system.container_init import as_job\n"
    code += "print(as_job(os.getpid) == os.getpid())"
    done = subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE)
    assert done.stdout == b"True\n"


def no_namespaces() -> str:
    """Return why a namespace of processes cannot be made here; "" where it can."""
    tried = subprocess.run(
        [*_ALONE, "true"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False
    )
    return tried.stderr.strip() if tried.returncode else ""


@pytest.mark.skipif(bool(no_namespaces()), reason=no_namespaces())
def test_as_a_real_first_process_it_takes_over_what_lost_its_parent() -> None:
    orphan = "sh -c 'sleep 0.1 & exit 0'"
    job = (
        f"os.system({orphan!r}); time.sleep(0.6)"
        "; zombies = [each for each in os.listdir('/proc') if each.isdigit()]"
        "; print(sorted(zombies, key=int))"
    )
    program = _FIRST.format(job=job).replace("os.getpid = lambda: 1\n", "")
    done = subprocess.run(
        [*_ALONE, sys.executable, "-c", program],
        stdout=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (7, "['1', '2']\n")
