#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Branch coverage of vk, proc, interp and net: prints it per file, and fails when a
# file of tests/coverage.list is below its percentage or was not measured.
#
# What is measured: gcc, no optimisation, one body per inline function
# (VK_COVERAGE), the same tests as ever. Left out are the branches of lines
# with an assertion: that side is taken only when our own code is wrong.
# Error paths count like any other.
set -eu
cd "$(dirname "$0")/.."

folder=build/coverage
report=$folder/coverage.json
# Without the suites that measure time, boot machines or read the sources.
skip="--no-suite load --no-suite pkey --no-suite metal --no-suite gates --no-suite style --no-suite deep"

if ! [ -f $folder/build.ninja ]; then
    mkdir -p build
    CC=gcc meson setup $folder -Db_coverage=true -Doptimization=0 -Dc_args=-DVK_COVERAGE \
        -Dmetal=disabled -Dtests=enabled >build/coverage.log 2>&1 || {
        cat build/coverage.log
        exit 1
    }
fi
ninja -C $folder --quiet
find $folder -name '*.gcda' -delete
# Notes of objects that are no longer built would contradict those of today's.
find $folder -name '*.gcno' | while read -r notes; do
    [ -e "${notes%.gcno}.o" ] || rm "$notes"
done

# A test that fails is another step's business; here it only leaves branches untaken.
# shellcheck disable=SC2086
meson test -C $folder --no-rebuild --quiet -t 4 $skip || true

# The interpreter is compiled again for stress; those objects have branches of their own.
gcovr -r . $folder --exclude-directories '.*/libinterp_(checked|moved|mutate)\.a\.p' --filter 'vk/' --filter 'proc/' --filter 'interp/' --filter 'net/' \
    --exclude-branches-by-pattern '.*\bvk_assert(_slow)?\(.*' --json-summary $report
exec python3 -B tests/coverage.py $report tests/coverage.list
