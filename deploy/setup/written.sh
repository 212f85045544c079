#!/bin/sh
# written.sh FILE COMMAND...: FILE becomes what COMMAND prints, once all of it is there. A command
# that fails, prints nothing or is interrupted leaves the file as it was.
set -eu
file=$1
shift
new=build/written.$$
mkdir -p build
trap 'rm -f "$new"' EXIT
trap 'exit 130' HUP INT TERM
"$@" > "$new"
if [ ! -s "$new" ]; then
	echo "$file: nothing was printed by: $*" >&2
	exit 1
fi
mv "$new" "$file"
