#!/bin/bash
# Proves the set-up: in a bare Debian 12 tree with python3, python3-venv, make and ca-certificates,
# `make demo` runs to COMPLETED from a fresh clone, as root and as a plain user.
# The tree is made once and kept in .conveyor/. Mirror, proxy, certificates and pip's settings are
# this machine's. Needs root, debootstrap and git.
set -euo pipefail
cd "$(dirname "$0")/../.."
SUITE=bookworm
PACKAGES=python3,python3-venv,make,ca-certificates
KEPT=$PWD/.conveyor/debian-$SUITE.tar

fail() {
    echo "conveyor: $1" >&2
    exit 1
}

[ "$(id -u)" = 0 ] || fail "make test-fresh needs root (it uses chroot)"
for program in debootstrap git unshare; do
    command -v $program >/dev/null || fail "make test-fresh needs $program"
done
# In namespaces of its own: however this ends, no mount and no process stays.
if [ -z "${CONVEYOR_FRESH_INSIDE:-}" ]; then
    export CONVEYOR_FRESH_INSIDE=yes
    exec unshare --mount --propagation private --pid --fork --kill-child --mount-proc "$0" "$@"
fi

tree=$(mktemp -d "${TMPDIR:-/tmp}/conveyor-fresh.XXXXXX")
at_the_end() {
    umount --recursive "$tree/proc" "$tree/dev" 2>/dev/null || true
    rm -rf --one-file-system "$tree"
}
trap at_the_end EXIT

mirror() {
    apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 'Created-By: Packages' |
        awk -v suite=$SUITE '$1 == suite {print $2; exit}'
}

make_tree() {
    local from
    from=$(mirror)
    [ -n "$from" ] || fail "apt on this machine knows no mirror of Debian $SUITE"
    echo "== Making a bare Debian $SUITE"
    debootstrap --variant=minbase --include=$PACKAGES $SUITE "$tree/made" "$from" >"$tree/log" ||
        { tail -20 "$tree/log" >&2; fail "debootstrap failed"; }
    mkdir -p "$(dirname "$KEPT")"
    tar -C "$tree/made" -cf "$KEPT.new" .
    mv "$KEPT.new" "$KEPT"
    rm -rf "$tree/made" "$tree/log"
}

# How this machine reaches its networks, without which nothing could be installed.
copy_network_settings() {
    local file
    for file in /etc/resolv.conf /etc/hosts /etc/pip.conf /etc/ssl/certs/ca-certificates.crt; do
        [ -e "$file" ] || continue
        mkdir -p "$tree$(dirname "$file")"
        cp -L "$file" "$tree$file"
    done
    if [ -d "${PIP_FIND_LINKS:-}" ]; then
        mkdir -p "$tree$PIP_FIND_LINKS"
        cp -r "$PIP_FIND_LINKS/." "$tree$PIP_FIND_LINKS"
    fi
}

network_variables() {
    env | grep -iE '^(PIP_[A-Z_]*|(http|https|no|all)_proxy|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE)='
}

# run_demo USER:GROUP HOME: a fresh clone, the demo, and nothing left of it.
run_demo() {
    local user=$1 home=$2 started=$SECONDS variables
    git clone --quiet --no-hardlinks "file://$PWD" "$tree$home/conveyor"
    chroot "$tree" chown -R "$user" "$home/conveyor"
    mapfile -t variables < <(network_variables)
    echo "== make demo as $user"
    chroot --userspec="$user" "$tree" env -i -C "$home/conveyor" \
        HOME="$home" PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 "${variables[@]}" \
        make demo 2>&1 | tee "$tree/demo.log"
    grep -q COMPLETED "$tree/demo.log" || fail "the demo as $user did not say COMPLETED"
    expect_nothing_running
    echo "== make demo as $user: COMPLETED after $((SECONDS - started)) s, set-up included"
}

expect_nothing_running() {
    local process left=
    for process in "$tree"/proc/[0-9]*; do
        # Only what runs in the tree is the demo's.
        [ "$(readlink "$process/root")" = "$tree" ] && left+=" $(tr '\0' ' ' <"$process/cmdline")"
    done
    [ -z "$left" ] || fail "the demo left running:$left"
}

[ -e "$KEPT" ] || make_tree
tar -C "$tree" -xf "$KEPT"
chmod 755 "$tree"
copy_network_settings
mount -t proc proc "$tree/proc"
mount --rbind /dev "$tree/dev"
chroot "$tree" useradd --create-home --user-group demo
run_demo root:root /root
run_demo demo:demo /home/demo
