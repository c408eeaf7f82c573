#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# clang-format, clang-tidy and cppcheck over the tracked C files; each tool
# runs though an earlier one complained. Run by ./dev lint.
set -u
cd "$(dirname "$0")/.."
rc=0

echo "clang-format"
git ls-files '*.c' '*.h' | xargs clang-format --dry-run --Werror || rc=1

# A build folder of its own, with clang and every file compiled, tells the tools the flags.
mkdir -p build
if ! [ -f build/lint/build.ninja ]; then
    CC=clang meson setup -Dtests=enabled build/lint >build/lint.log 2>&1 || {
        cat build/lint.log
        exit 1
    }
fi
compiled=$(python3 - build/lint <<'END'
import json, os, sys
folder = sys.argv[1]
with open(os.path.join(folder, 'compile_commands.json'), encoding='utf-8') as commands:
    paths = {os.path.relpath(os.path.join(c['directory'], c['file'])) for c in json.load(commands)}
print('\n'.join(sorted(p for p in paths if p.endswith('.c') and not p.startswith(('..', 'build', 'subprojects')))))
END
)

echo "clang-tidy"
echo "$compiled" | xargs -P 2 -n 4 clang-tidy -p build/lint --quiet 2>build/lint/tidy.log || {
    grep -v 'warnings generated\|Suppressed' build/lint/tidy.log
    rc=1
}

echo "cppcheck"
# shellcheck disable=SC2086
cppcheck --quiet --std=c11 --enable=warning,portability --inline-suppr --error-exitcode=1 --suppress=missingInclude \
    --suppress-xml=tests/cppcheck.xml -I . $compiled || rc=1

[ "$rc" -eq 0 ] && echo "lint: clean"
exit "$rc"
