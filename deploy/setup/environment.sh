#!/bin/sh
# Makes .venv/ and installs the pinned requirements named by the arguments (build, run, dev).
set -eu
cd "$(dirname "$0")/../.."
python=${PYTHON:-python3}
export PIP_DISABLE_PIP_VERSION_CHECK=1

fail() {
    echo "conveyor: $1" >&2
    exit 1
}

command -v "$python" >/dev/null || fail "there is no $python; install Python 3.11 or later"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$("$python" --version) is too old; Conveyor needs 3.11 or later (make PYTHON=python3.x)"
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
    fail "$python has no venv module; on Debian: apt-get install python3-venv"

echo "Setting up .venv ($*)…"
[ -x .venv/bin/pip ] || "$python" -m venv --clear .venv
set -- $(printf ' -r requirements/%s.txt' "$@")
# Ready-made packages only: nothing is compiled, so no compiler is needed.
.venv/bin/pip install --quiet --only-binary=:all: --require-hashes "$@"
