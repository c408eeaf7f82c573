#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# One object of a library's parts, with every symbol local that its list does
# not export: a static library has no other way to keep names to itself.
#
# Usage: static.sh LD OBJCOPY NM AR MAP LIBRARY MAIN PART...
# MAIN is an archive that goes in whole; of the PARTS what it needs does.
set -eu
ld=$1 objcopy=$2 nm=$3 ar=$4 map=$5 library=$6 main=$7
shift 7
object=$(dirname "$library")/$(basename "$library" .a).o
names=$(sed -n 's/^    \([a-z0-9_]*\);$/\1/p' "$map")
roots=
for name in $names; do
    roots="$roots -u $name"
done
# What nothing reaches from the exported functions is left out.
# shellcheck disable=SC2086
"$ld" -r --gc-sections $roots -o "$object.all" --whole-archive "$main" --no-whole-archive \
    --start-group "$@" --end-group
for name in $names; do
    echo "$name"
done >"$object.names"
# The linker keeps the names that the parts left out had needed.
"$nm" -u "$object.all" | sed 's/.* //' >"$object.needs"
"$objcopy" --keep-global-symbols="$object.names" --strip-unneeded-symbols="$object.needs" "$object.all" "$object"
rm -f "$library" "$object.all" "$object.names" "$object.needs"
"$ar" rcsD "$library" "$object"
rm -f "$object"
