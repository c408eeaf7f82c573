#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Sourced by tests in a scratch Debian 12: `in_own_namespaces SCRIPT "$@"` first,
# which runs the script again with mounts and processes that end with it, then
# `debian_root`. Where packages come from is read from this machine's own apt.

in_own_namespaces() {
    [ "${2-}" != inside ] || return 0
    [ "$(id -u)" -eq 0 ] || { echo "$1: needs root for chroot" >&2 && exit 1; }
    scratch=$(mktemp -d)
    trap 'rm -rf --one-file-system "$scratch"' EXIT
    unshare --mount --mount-proc --pid --fork --kill-child sh "$1" inside "$scratch"
    exit 0
}

passed=0

step() {
    printf '\n== %s\n' "$1"
}

ok() {
    passed=$((passed + 1))
    printf 'ok: %s\n' "$1"
}

fail() {
    printf 'FAILED: %s\n%s passed, 1 failed\n' "$1" "$passed"
    exit 1
}

sources() {
    # shellcheck disable=SC2016
    apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' \
        'Created-By: Packages' 'Origin: Debian' | sort -u
}

mirror() {
    sources | awk '$3 == "bookworm" { print $2; exit }'
}

within() {
    chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root CI=true "$@"
}

# A bare system in $root, by the folder that the script was given.
debian_root() {
    scratch=$1 root=$1/root
    [ -n "$(mirror)" ] || fail "this machine's apt has no bookworm source (apt-get update, perhaps)"
    debootstrap --variant=minbase bookworm "$root" "$(mirror)" >"$scratch/debootstrap.log" 2>&1 || {
        tail "$scratch/debootstrap.log"
        fail "debootstrap"
    }
    # Nobody needs this system after a loss of power.
    echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/scratch"
    sources >"$root/etc/apt/sources.list"
    apt-config dump Acquire >"$root/etc/apt/apt.conf.d/90-as-outside"
    cp /etc/resolv.conf /etc/hosts "$root/etc/"
    if sources | grep -q ' https:'; then
        mkdir -p "$root/etc/ssl/certs"
        cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
    fi
    mount -t proc proc "$root/proc"
}
