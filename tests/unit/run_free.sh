#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Run the freestanding unit tests, and see that none was lost on the way: a
# linker that drops a section would otherwise look like success.
# Usage: run_free.sh PROGRAM SOURCE...
set -u
program=$1
shift
if output=$("$program" 2>&1); then status=0; else status=$?; fi
printf '%s\n' "$output"
written=$(sed '/^#ifndef TEST_FREESTANDING/,/^#endif/d' "$@" | grep -c '^TEST(')
ran=$(printf '%s\n' "$output" | grep -c -E '^(ok|FAIL|skip) ')
if [ "$written" -ne "$ran" ]; then
    echo "$written tests are written, $ran ran"
    exit 1
fi
exit "$status"
