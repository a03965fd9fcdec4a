"""On what is not Linux the program gets as far as saying what to do there."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.answering import engine, listening
from tests.support.command_line import PROJECT

# What Python has on Linux alone; what is imported must not need it.
_MAC = """
import os, platform, select, signal, socket, sys
for module, names in (
    (os, "O_PATH O_TMPFILE O_NOATIME O_LARGEFILE sched_getaffinity listxattr getxattr setxattr "
         "removexattr memfd_create copy_file_range posix_fadvise posix_fallocate pidfd_open "
         "eventfd splice XATTR_CREATE setresuid POSIX_FADV_DONTNEED"),
    (socket, "TCP_USER_TIMEOUT TCP_KEEPIDLE AF_NETLINK AF_VSOCK AF_PACKET SO_PEERCRED "
             "SOCK_CLOEXEC SOCK_NONBLOCK"),
    (signal, "pidfd_send_signal SIGPWR SIGRTMIN SIGRTMAX SIGSTKFLT"),
    (select, "epoll"),
):
    for name in names.split():
        if hasattr(module, name):
            delattr(module, name)
uname = platform.uname()._replace(system="Darwin", release="24.1.0")
platform.uname = lambda: uname
from builder.host.cli.main import main
main()
"""


def on_a_mac(*words: str, environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", _MAC, *words],
        cwd=PROJECT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("there", [False, True], ids=["no engine", "Docker Desktop"])
def test_a_mac_is_told_to_make_a_virtual_machine_although_an_engine_may_answer(
    tmp_path: Path, *, there: bool
) -> None:
    with listening(tmp_path / "s", engine()) as url:
        environment = {"DOCKER_HOST": url if there else f"unix://{tmp_path}/none"}
        ended = on_a_mac("builds", "list", environment=environment)
        examined = on_a_mac("doctor", "--json", environment=environment)
    assert ended.returncode == 3, ended.stderr
    assert "This machine runs Darwin, and not Linux" in ended.stderr
    assert "colima ssh" in ended.stderr.splitlines()
    assert examined.returncode == 3, examined.stderr
    data = json.loads(examined.stdout.splitlines()[-1])["data"]
    checks = {each["name"]: each for each in data["checks"]}
    assert (data["able"], checks["engine"]["verdict"]) == (False, "failed")
    assert "colima start --disk 60" in checks["engine"]["remedy"].splitlines()


def test_what_needs_no_engine_is_as_everywhere(tmp_path: Path) -> None:
    ended = on_a_mac("--help", environment={"HOME": str(tmp_path)})
    assert (ended.returncode, "sweep" in ended.stdout) == (0, True)
