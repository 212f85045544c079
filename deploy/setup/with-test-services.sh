#!/bin/bash
# Runs a command with what the tests need: RabbitMQ's and Postgres' programs (the tests start
# servers of their own), a Docker engine and Chromium. As root on Debian it installs what is missing; it
# starts an engine only where none runs, and ends that one afterwards.
# CONVEYOR_TEST_AMQP_URL, CONVEYOR_TEST_POSTGRES_DSN, DOCKER_HOST and CONVEYOR_TEST_CHROMIUM (a program)
# name what to use instead.
set -euo pipefail
cd "$(dirname "$0")/../.."
POLICY=/usr/sbin/policy-rc.d
DOCKER_SOCKET=/var/run/docker.sock
made_policy=
engine=

say() { echo "conveyor: $*" >&2; }

at_the_end() {
    [ -z "$made_policy" ] || rm -f "$POLICY"
    if [ -n "$engine" ]; then
        kill "$engine" 2>/dev/null || true
        wait "$engine" || true
    fi
}
trap at_the_end EXIT

# The packages of what is neither installed nor named by a variable.
missing_packages() {
    [ -n "${CONVEYOR_TEST_AMQP_URL:-}" ] ||
        compgen -G '/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin' >/dev/null || echo rabbitmq-server
    [ -n "${CONVEYOR_TEST_POSTGRES_DSN:-}" ] ||
        compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || echo postgresql
    [ -n "${DOCKER_HOST:-}" ] || command -v dockerd >/dev/null || echo docker.io
    command -v podman >/dev/null || echo podman
    # Sets the clock of Postgres in the chaos suite.
    compgen -G '/usr/lib/*/faketime/libfaketime.so.1' >/dev/null || echo libfaketime
    # A bare Debian 13 is what RabbitMQ 4 runs in here, and the compose test's images are made of.
    command -v mmdebstrap >/dev/null || echo mmdebstrap
    # The tests make their images from this one program,
    [ -e /bin/busybox ] || echo busybox-static
    # and that of the video job from this one.
    command -v ffmpeg >/dev/null || echo ffmpeg
    # The page is tried in a browser.
    [ -n "${CONVEYOR_TEST_CHROMIUM:-}" ] || command -v chromium >/dev/null || echo chromium
    # The lines of the README are run.
    command -v curl >/dev/null || echo curl
    # The proxy of docs/operation.md, its certificate, and what checks the units.
    command -v nginx >/dev/null || echo nginx-light
    command -v openssl >/dev/null || echo openssl
    command -v systemd-analyze >/dev/null || echo systemd
}

install_packages() {
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        say "not installed here, and only root on Debian can install it by this script: $*"
        return
    fi
    say "installing $*"
    # The packages would start servers; the tests start their own.
    if [ ! -e "$POLICY" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$POLICY"
        chmod +x "$POLICY"
        made_policy=yes
    fi
    export DEBIAN_FRONTEND=noninteractive
    { apt-get update -q && apt-get install -q -y --no-install-recommends "$@"; } >&2 ||
        say "could not install all of: $*; tests that need them will be skipped"
    [ -z "$made_policy" ] || rm -f "$POLICY"
    made_policy=
}

engine_answers() {
    python3 - "$DOCKER_SOCKET" 2>/dev/null <<'PY'
import socket, sys
with socket.socket(socket.AF_UNIX) as s:
    s.settimeout(2)
    s.connect(sys.argv[1])
    s.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
    sys.exit(b"200 OK" not in s.recv(100))
PY
}

start_engine() {
    if [ -n "${DOCKER_HOST:-}" ] || engine_answers; then return; fi
    if [ "$(id -u)" != 0 ] || ! command -v dockerd >/dev/null; then
        say "no Docker engine within reach; tests that need one will be skipped"
        return
    fi
    mkdir -p .conveyor
    dockerd >.conveyor/dockerd.log 2>&1 &
    engine=$!
    for _ in $(seq 150); do
        if engine_answers; then return; fi
        kill -0 "$engine" 2>/dev/null || break
        sleep 0.2
    done
    say "the Docker engine does not start (see .conveyor/dockerd.log)"
}

mapfile -t missing < <(missing_packages)
[ ${#missing[@]} = 0 ] || install_packages "${missing[@]}"
start_engine
"$@"
