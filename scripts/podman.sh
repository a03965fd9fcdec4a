# For scripts/test: a Podman of our own, over its Docker-compatible API. Needs scripts/lib.sh.
# shellcheck shell=bash

podman_state=""
podman_service=""

# Have Podman answer at $DOCKER_HOST, from here on; it uses root's ordinary storage.
start_podman() {
    local problem
    [ "$(id -u)" = 0 ] || die "Podman's service is tested as root" "Run this as root, or with sudo."
    need podman podman
    [ -x /usr/lib/podman/netavark ] || [ -x /usr/libexec/podman/netavark ] ||
        install_package netavark netavark
    podman_state=$(mktemp -d)
    podman_settings >"$podman_state/containers.conf"
    export DOCKER_HOST="unix://$podman_state/podman.sock"
    say "Starting Podman …"
    # From there, as a container that runs out of memory leaves a file in the service's folder.
    (cd "$podman_state" && CONTAINERS_CONF="$podman_state/containers.conf" \
        exec setsid podman system service --time=0 "$DOCKER_HOST" >log 2>&1 </dev/null) &
    podman_service=$!
    for _ in $(seq 30); do
        problem=$(engine_problem) && open_podman && return
        sleep 1
    done
    tail -n 20 "$podman_state/log" >&2
    say "$problem"
    die "Podman did not start" "Look at its log above."
}

# Let in the group of the socket's owner, as SocketMode= of systemd can, for the tests of such users.
open_podman() { chmod 711 "$podman_state" && chmod 660 "${DOCKER_HOST#unix://}"; }

# What differs from Podman's defaults on machines without systemd, or where nobody may raise limits.
podman_settings() {
    echo '[containers]'
    # Podman's default is a million of each, which takes CAP_SYS_RESOURCE (bit 24).
    (($((16#$(sed -n 's/^CapEff:\s*//p' /proc/self/status))) >> 24 & 1)) ||
        echo 'default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]'
    echo '[engine]'
    # crun, Podman's first choice, has no hybrid of both versions of control groups.
    [ ! -d /sys/fs/cgroup/unified ] || echo 'runtime = "runc"'
    [ -d /run/systemd/system ] || printf '%s\n' 'cgroup_manager = "cgroupfs"' 'events_logger = "file"'
    printf '%s\n' '[network]' 'network_backend = "netavark"'
}

# Stop it, if it was started.
stop_podman() {
    [ -n "$podman_service" ] || return 0
    say "Stopping Podman …"
    kill "$podman_service" || true
    wait "$podman_service" || true
    podman_service=""
    rm -r "$podman_state"
}
