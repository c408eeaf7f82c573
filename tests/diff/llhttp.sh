#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs llhttp.js under Node 20, whose llhttp it explains; skipped without one.
set -eu
if ! command -v node >/dev/null; then
    echo "no node here: nothing to compare with"
    exit 77
fi
version=$(node --version)
case $version in
v20.*) exec node "$1" "$2" ;;
esac
echo "node is $version: the differences listed are those of version 20"
exit 77
