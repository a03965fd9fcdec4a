# Shared by the scripts beside it: what a fresh machine lacks is brought up here.
# shellcheck shell=bash

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
    command -v "$1" >/dev/null && return
    may_install || die "$1 is needed and is not here" \
        "Install it with your package manager (Debian and Ubuntu: apt-get install $2)."
    if [ -z "${apt_updated:-}" ]; then
        apt-get -qq update
        apt_updated=yes
    fi
    say "Installing $2 …"
    DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends "$2" >/dev/null
}

engine_answers() {
    "$python" - <<'PYTHON' 2>/dev/null
import docker
docker.from_env(timeout=10).ping()
PYTHON
}

# Have an engine that answers; needs $python. One that we start is noted in $started_engine.
ensure_engine() {
    engine_answers && return
    [ -z "${DOCKER_HOST:-}" ] || die "No engine answers at $DOCKER_HOST" "Start it, or unset DOCKER_HOST."
    if ! command -v dockerd >/dev/null; then
        may_install || die "There is no container engine" \
            "Install Docker 20.10 or later (Debian and Ubuntu, as root: apt-get install docker.io) and start it."
        need dockerd docker.io
    fi
    if [ -d /run/systemd/system ]; then
        systemctl start docker || true
    elif ! engine_answers; then
        [ "$(id -u)" = 0 ] || die "The container engine does not run" "Start it as root: dockerd"
        start_dockerd
    fi
    for _ in $(seq 60); do
        engine_answers && return
        sleep 1
    done
    [ -z "$engine_state" ] || tail -n 20 "$engine_state/dockerd.log" >&2
    die "The container engine did not start" "Look at its log (journalctl -u docker, or above)."
}

start_dockerd() {
    engine_state=$(mktemp -d)
    say "Starting dockerd …"
    setsid dockerd >"$engine_state/dockerd.log" 2>&1 </dev/null &
    started_engine=$!
}

# Stop the engine if it was we who started it.
stop_engine() {
    [ -n "$started_engine" ] || return 0
    say "Stopping dockerd …"
    kill "$started_engine" 2>/dev/null || true
    for _ in $(seq 30); do
        kill -0 "$started_engine" 2>/dev/null || break
        sleep 1
    done
    started_engine=""
    rm -r "$engine_state"
}

# ensure_venv EXTRAS: have .venv with this package, made again when pyproject.toml changed.
ensure_venv() {
    local found="" candidate mark
    for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            found=$candidate
            break
        fi
    done
    if [ -z "$found" ]; then
        need python3 python3
        found=python3
        "$found" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
            die "Python 3.11 or later is needed" "Install it with your package manager."
    fi
    "$found" -c 'import ensurepip' 2>/dev/null || need python3-venv-is-not-a-command python3-venv
    python="$PWD/.venv/bin/python"
    mark="$1 $(cksum <pyproject.toml)"
    if [ "$(cat .venv/made-for 2>/dev/null)" != "$mark" ]; then
        say "Setting up .venv …"
        "$found" -m venv .venv
        "$python" -m pip install --quiet --disable-pip-version-check --editable ".$1"
        printf '%s' "$mark" >.venv/made-for
    fi
}
