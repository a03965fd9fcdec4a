# shellcheck shell=sh
# Starts the session of a live system, once, on the first console: no login screen does it here.
# Whoever ends the session finds a shell. Read by every login shell.

if [ "$(tty)" = /dev/tty1 ] && [ "$(id -un)" = @USER@ ] \
    && [ -z "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] \
    && mkdir "${XDG_RUNTIME_DIR:-/tmp}/distroclone-builder-session" 2> /dev/null; then
    @COMMAND@
fi
