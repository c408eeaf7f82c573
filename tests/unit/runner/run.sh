#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The report of the failing tests, word for word, and the exit status 1.
# Usage: run.sh PROGRAM EXPECTED
set -u
if output=$("$1" 2>&1); then status=0; else status=$?; fi
if [ "$status" -ne 1 ]; then
    printf '%s\nexit status %s instead of 1\n' "$output" "$status"
    exit 1
fi
# The compiler was given a path relative to its build folder, and it chooses the order of the tests.
printf '%s\n' "$output" | sed 's| [^ ]*tests/unit/runner/| |; s|failing.c:[0-9]*|failing.c:N|' |
    LC_ALL=C sort | diff -u "$2" -
