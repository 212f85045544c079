#!/bin/bash
# Runs two commands side by side: `beside.sh COMMAND... -- COMMAND...`. The first one's output is
# shown when both have ended. Its status has the bits of both.
set -euo pipefail

first=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    first+=("$1")
    shift
done
shift

told=$(mktemp)
trap 'rm -f "$told"' EXIT
"${first[@]}" >"$told" 2>&1 &
beside=$!
trap 'kill "$beside" 2>/dev/null || true' INT TERM

failed=0
"$@" || failed=$((failed | $?))
wait "$beside" || failed=$((failed | $?))
cat "$told"
exit "$failed"
