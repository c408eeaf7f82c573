#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Goal: ./dev needs nothing but Debian 12's required packages and a way to
# become root. Method: lay out such a system in a scratch folder, put the
# tracked files of this tree into it, and in a chroot there: refuse clearly
# without root, install and build, build again without a network, serve.
#
# Run by ./dev test-bare.
set -eu
cd "$(dirname "$0")/../.."
. tests/setup/debian.sh
in_own_namespaces tests/setup/bare.sh "$@"

step "a bare Debian 12"
debian_root "$2"
mkdir "$root/vkd"
git ls-files -z | xargs -0 cp --parents -t "$root/vkd"
ok "$(within sh -c 'dpkg-query -W | wc -l') packages, no compiler, no git"

step "without root and sudo: refused, naming the packages"
if within setpriv --reuid 65534 --regid 65534 --clear-groups /vkd/dev build >"$2/out" 2>&1; then
    fail "./dev build succeeded without a compiler"
fi
grep 'apt-get install --no-install-recommends .*gcc.*liburing-dev' "$2/out" || fail "no clear message"
ok "refused"

step "./dev build"
started=$(date +%s)
within /vkd/dev build >"$2/out" 2>&1 </dev/null || {
    tail -n 40 "$2/out"
    fail "./dev build"
}
[ -x "$root/vkd/build/release/examples/hello" ] || fail "no build/release/examples/hello"
ok "installed and built in $(($(date +%s) - started)) s"

step "./dev build again, without a network"
unshare --net chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin /vkd/dev build </dev/null || fail "offline"
ok "nothing was asked of the network"

step "./dev run"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
# Not through within: its subshell would be the process that gets the signal.
chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin /vkd/dev run --listen "127.0.0.1:$port" \
    >"$2/out" 2>&1 </dev/null &
server=$!
for _ in $(seq 600); do
    grep -q '^listening on' "$2/out" && break
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
done
answer=$(curl -fsS --max-time 10 "http://127.0.0.1:$port/") || {
    cat "$2/out"
    fail "no answer from ./dev run"
}
[ "$answer" = "Hello, World!" ] || fail "the answer is '$answer'"
kill -TERM "$server"
wait "$server" || fail "./dev run did not exit with 0 on SIGTERM"
ok "answered: $answer"

printf '\n%s passed, 0 failed\n' "$passed"
