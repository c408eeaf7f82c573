#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Goal: the packages of ./dev deb are all that a Debian 12 needs to run vkd and
# to build with libvk. Method: install them into a fresh one by apt, build and
# run hosts there, serve a program, boot it with the unit under systemd, and
# take the packages off again.
#
# Run by ./dev test-deb, after ./dev deb.
set -eu
cd "$(dirname "$0")/../.."
. tests/setup/debian.sh
in_own_namespaces tests/package/deb.sh "$@"

step "a bare Debian 12"
debian_root "$2"
within apt-get -q update >"$2/out" 2>&1 || fail "apt-get update"
ok "laid out"

# With what they depend on, and no more.
install() {
    within env DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends "$@" \
        >"$scratch/out" 2>&1 || {
        tail "$scratch/out"
        fail "apt-get install $*"
    }
}

# The file of a package, as apt within has it.
built() {
    (cd "$root" && echo "./deb/$1"_*_amd64.deb)
}

step "the command alone"
mkdir "$root/deb"
cp build/deb/*.deb "$root/deb/"
install "$(built vkd)"
within vkd test /usr/share/doc/vkd/examples >"$2/out" || { tail "$2/out" && fail "tests of the examples"; }
ok "installed; examples: $(tail -n 1 "$2/out")"
within sh -c 'cd /tmp && vkd metal --image hello.elf /usr/share/doc/vkd/examples/hello/hello.vk' >"$2/out" 2>&1 ||
    { cat "$2/out" && fail "vkd metal --image"; }
ok "vkd metal: $(cat "$2/out")"

step "a host, with the library"
install "$(built libvk0)" "$(built libvkc0)" "$(built libvk-dev)" gcc libc6-dev pkg-config cmake make
cp tests/package/consumer.c tests/package/installed.vk "$root/tmp/"
# shellcheck disable=SC2016
within sh -euc 'cd /tmp
    vkd build installed.vk -o installed.vkb
    gcc -Wall -Werror consumer.c $(pkg-config --cflags --libs vk) -o shared
    gcc -static consumer.c $(pkg-config --cflags --libs --static vk) -o static
    ./shared installed.vkb && ./static installed.vkb
    gcc -DWITH_COMPILER consumer.c $(pkg-config --cflags --libs vkc vk) -o compiler
    ./compiler installed.vk' >"$2/out" 2>&1 || { cat "$2/out" && fail "consumer.c"; }
[ "$(grep -c '^installed$' "$2/out")" -eq 3 ] || { cat "$2/out" && fail "three answers"; }
ok "shared, static, and with the compiler"
within sh -euc 'cd /tmp
    cmake -S /usr/share/doc/libvk-dev/examples/embed/cmake -B cmake
    cmake --build cmake' >"$2/out" 2>&1 || { cat "$2/out" && fail "cmake"; }
[ -x "$root/tmp/cmake/host" ] || fail "no host"
ok "through CMake"

step "as a service"
install systemd systemd-sysv dbus curl
within sh -euc 'cd /etc/vkd && vkd init shop && systemctl enable vkd@shop' >"$2/out" 2>&1 || { cat "$2/out" && fail "enable"; }
cat >"$root/etc/vkd/shop/vkd.env" <<'END'
VKD_FLAGS=--listen 127.0.0.1:80 --workers 2
END
cat >"$root/ask" <<'END'
#!/bin/sh
for _ in 1 2 3 4 5 6 7 8 9 10; do
    curl -fsS http://127.0.0.1/hi/Ada && break
    sleep 1
done
echo
pid=$(systemctl show vkd@shop -p MainPID --value)
sed -n 's/^\(Uid\|CapBnd\|NoNewPrivs\|Seccomp\):\s*\(\S*\).*/\1=\2/p' "/proc/$pid/status"
systemctl stop vkd@shop
systemctl show vkd@shop -p Result -p ExecMainStatus
journalctl -u vkd@shop -o cat --no-pager
systemd-analyze security --no-pager --threshold=20 vkd@shop >/dev/null && echo confined
systemctl poweroff
END
chmod 755 "$root/ask"
# Not in /tmp, which a container has of its own.
cat >"$root/etc/systemd/system/ask.service" <<'END'
[Unit]
After=vkd@shop.service
[Service]
Type=oneshot
ExecStart=/ask
StandardOutput=file:/asked
StandardError=file:/asked
[Install]
WantedBy=multi-user.target
END
within systemctl enable ask >"$2/out" 2>&1
# The container brings a /proc of its own.
umount "$root/proc"
SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 timeout 120 systemd-nspawn --register=no --keep-unit --private-network \
    -D "$root" -b >"$2/nspawn" 2>&1 </dev/null || true
mount -t proc proc "$root/proc"
[ -s "$root/asked" ] || { tail -n 20 "$2/nspawn" && fail "no answer from within"; }
cat "$root/asked"
for line in 'Hello, Ada!' 'CapBnd=0000000000000400' 'NoNewPrivs=1' 'Seccomp=2' 'Result=success' 'ExecMainStatus=0' \
    'listening on http://127.0.0.1:80 (.*, 2 workers)' 'confined'; do
    grep -qx "$line" "$root/asked" || fail "no line '$line'"
done
! grep -qx 'Uid=0' "$root/asked" || fail "it runs as root"
ok "served on port 80 as a user of its own, drained when it was stopped"

step "off again"
rm -rf "$root/etc/vkd"
within sh -c 'dpkg -L vkd libvk0 libvkc0 libvk-dev' | sort -u >"$2/files"
within env DEBIAN_FRONTEND=noninteractive apt-get -q -y purge vkd libvk0 libvkc0 libvk-dev >"$2/out" 2>&1 || fail "purge"
while read -r file; do
    [ -d "$root$file" ] || [ ! -e "$root$file" ] || fail "$file is left"
done <"$2/files"
ok "$(wc -l <"$2/files") paths, none left"

printf '\n%s passed, 0 failed\n' "$passed"
