# Shared by the scripts beside it: what a fresh machine lacks is brought up here.
# shellcheck shell=bash

PATH="$PATH:/usr/sbin:/sbin" # where users have neither dockerd nor mkfs.btrfs
started_engine=""
engine_state=""

say() { printf '%s\n' "$*" >&2; }

die() {
    say "Error: $1"
    [ $# -lt 2 ] || say "What to do: $2"
    exit 3
}

may_install() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

# need COMMAND PACKAGE: have COMMAND, from Debian's PACKAGE where we may install it.
need() {
    command -v "$1" >/dev/null || install_package "$1" "$2"
}

# install_package WHAT PACKAGE: install PACKAGE, which brings WHAT, or say that it is missing.
install_package() {
    may_install || die "$1 is needed and is not here" \
        "Install it with your package manager (Debian and Ubuntu: apt-get install $2)."
    if [ -z "${apt_updated:-}" ]; then
        apt-get -qq update
        apt_updated=yes
    fi
    say "Installing $2 …"
    DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends "$2" >/dev/null ||
        die "$2 could not be installed" "See what apt-get said above."
}

# take_engine [--engine WHICH | --context NAME]: print the address of the engine that the program
# takes, or say why there is none; the code is 4 where one might be started here, because nobody
# named another. Needs $python.
take_engine() {
    "$python" - "$@" <<'PYTHON'
import sys
from builder.basics.errors import BuilderError
from builder.host.display import render_failure
from fixtures.taken_engine import asked_in, may_be_started, taken

try:
    print(taken(asked_in(sys.argv[1:])))
except BuilderError as error:
    print(render_failure(error), file=sys.stderr)
    sys.exit(4 if may_be_started(error) else 3)
PYTHON
}

# Say why no engine answers the way this program reaches it.
engine_problem() { { take_engine "$@" >/dev/null; } 2>&1; }

# Say what to type for an engine here, as the program itself has it, and give up.
no_engine() {
    "$python" -c 'from builder.host.cli.main import main; main()' "$@" doctor >&2 || true
    exit 3
}

# ensure_engine [--engine WHICH | --context NAME]: have an engine that answers. One that we start is
# noted in $started_engine.
ensure_engine() {
    local problem code=0
    problem=$(engine_problem "$@") || code=$?
    [ "$code" != 0 ] || return 0
    if [ "$code" != 4 ] || [ "$(id -u)" != 0 ]; then
        no_engine "$@"
    fi
    if command -v dockerd >/dev/null; then
        start_docker
    elif command -v podman >/dev/null && [ -d /run/systemd/system ]; then
        systemctl start podman.socket || true
    elif ! command -v podman >/dev/null && may_install; then
        need dockerd docker.io
        start_docker
    else
        no_engine "$@"
    fi
    for _ in $(seq 60); do
        problem=$(engine_problem "$@") && return
        [ -z "$started_engine" ] || dockerd_runs "$started_engine" || break
        sleep 1
    done
    [ -z "$engine_state" ] || tail -n 20 "$engine_state/dockerd.log" >&2
    say "$problem"
    die "The container engine did not start" "Look at its log (journalctl -u docker, or above)."
}

start_docker() {
    if [ -d /run/systemd/system ]; then
        systemctl start docker || true
    elif ! dockerd_runs "$(cat /var/run/docker.pid 2>/dev/null)"; then
        start_dockerd
    fi
}

start_dockerd() {
    engine_state=$(mktemp -d)
    say "Starting dockerd …"
    setsid dockerd >"$engine_state/dockerd.log" 2>&1 </dev/null &
    started_engine=$!
}

# dockerd_runs PID: is that process (still) an engine? Its number may be another's by now.
dockerd_runs() {
    [ -n "$1" ] && [ "$(cat "/proc/$1/comm" 2>/dev/null)" = dockerd ]
}

# Stop the engine if it was we who started it.
stop_engine() {
    [ -n "$started_engine" ] || return 0
    if dockerd_runs "$started_engine"; then
        say "Stopping dockerd …"
        kill "$started_engine" || true
        for _ in $(seq 30); do
            dockerd_runs "$started_engine" || break
            sleep 1
        done
    fi
    started_engine=""
    rm -r "$engine_state"
}

# Find a Python that is new enough and makes virtual environments: $found.
find_python() {
    local candidate
    found=""
    for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            found=$candidate
            break
        fi
    done
    if [ -z "$found" ]; then
        install_package "Python 3.11 or later" python3
        found=python3
        "$found" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
            die "Python 3.11 or later is needed" "Install it with your package manager."
    fi
    "$found" -c 'import ensurepip' 2>/dev/null || install_package "Python's venv module" python3-venv
}

# ensure_venv EXTRAS: have .venv with this package and what is pinned for it, made again when it is
# stale: pyproject.toml or the pins changed, the folder was moved, or its Python is gone. What has
# more extras than needed stays.
ensure_venv() {
    local made_for now pins=scripts/requirements.txt
    [ "$1" != "[dev]" ] || pins=scripts/dev-requirements.txt
    python="$PWD/.venv/bin/python"
    now="$(cat pyproject.toml scripts/requirements.txt scripts/dev-requirements.txt | cksum) $PWD"
    made_for=$(cat .venv/made-for 2>/dev/null || true)
    case "$made_for" in
    "$1 $now" | "[dev] $now") "$python" -c 'import docker' 2>/dev/null && return ;;
    esac
    find_python
    say "Setting up .venv …"
    "$found" -m venv --clear .venv
    pip_install --require-hashes --requirement "$pins"
    pip_install --no-deps --no-build-isolation --editable .
    printf '%s' "$1 $now" >.venv/made-for
}

pip_install() { "$python" -m pip install --quiet --disable-pip-version-check "$@"; }

# names_units_only ARGUMENT…: do the paths among them name unit tests, which need no engine?
names_units_only() {
    local argument found=1
    for argument; do
        case "$argument" in
        tests/unit | tests/unit/*) found=0 ;;
        tests | tests/*) return 1 ;;
        esac
    done
    return "$found"
}
