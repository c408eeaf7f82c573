#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Goal: a program compiled against the libvk of the last tag runs with today's.
# Method: build both and compare them by abidiff, as far as include/ shows
# types; and compare the values of the headers' enumerators, most of which
# travel as int. What is compatible and passes: what was added, and options
# that grew at their end, since they begin with their size. A new SONAME is a
# new interface.
#
# Usage: abi.sh FOLDER, where both are built. Exit status 77: there is no tag.
set -eu
cd "$(dirname "$0")/../.."
folder=$1

tag=$(git describe --tags --abbrev=0 2>/dev/null) || {
    echo "skipped: there is no tag yet, so no interface was promised to anybody"
    exit 77
}

# libvk's file in a build folder, from there.
target() {
    ninja -C "$folder/$1" -t targets all | sed -n 's/^\(vkd\/lib\/libvk\.so\.[0-9.]*[0-9]\): .*/\1/p' | head -n 1
}

# build TREE NAME: libvk of a source tree, with debug information.
build() {
    [ -e "$folder/$2/build.ninja" ] ||
        meson setup -Dtests=disabled -Dmetal=disabled "$folder/$2" "$1" >"$folder/$2.log" || {
        cat "$folder/$2.log"
        return 1
    }
    ninja -C "$folder/$2" --quiet build.ninja >/dev/null
    ninja -C "$folder/$2" --quiet "$(target "$2")" >"$folder/$2.log" || {
        cat "$folder/$2.log"
        return 1
    }
}

soname() {
    readelf -d "$folder/$1/$(target "$1")" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p'
}

headers() {
    for header in "$1"/*.h; do
        echo "#include \"$header\""
    done
}

# values TREE NAMES: a line for each enumerator.
values() {
    {
        headers "$1"
        echo "#include <stdio.h>"
        echo "int main(void) {"
        for name in $2; do
            printf '    printf("%%s %%lld\\n", "%s", (long long)%s);\n' "$name" "$name"
        done
        echo "return 0; }"
    } >"$folder/values.c"
    cc -I. -o "$folder/values" "$folder/values.c" && "$folder/values"
}

mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
before=$folder/tree/include after=$PWD/include
rm -rf "$folder/tree"
mkdir "$folder/tree"
git archive "$tag" | tar -x -C "$folder/tree"
[ "$(cat "$folder/tag" 2>/dev/null)" = "$(git rev-parse "$tag^{commit}")" ] || rm -rf "$folder/before"
build "$folder/tree" before
git rev-parse "$tag^{commit}" >"$folder/tag"
build . after

if [ "$(soname before)" != "$(soname after)" ]; then
    echo "$(soname after) is a new interface beside the $(soname before) of $tag"
    exit 0
fi

broken=
abidiff --no-added-syms --drop-private-types --headers-dir1 "$before" --headers-dir2 "$after" \
    --suppressions tests/abi/sized.abignore "$folder/before/$(target before)" "$folder/after/$(target after)" || broken=yes
names=$(headers "$before" | cc -E -P - | tr '\n' ' ' | grep -oE 'enum [a-z_]* *\{[^}]*\}' | grep -oE '\bVKC?_[A-Z0-9_]+' | sort -u)
values "$before" "$names" >"$folder/values.before"
values "$after" "$names" >"$folder/values.after" || broken=yes
diff "$folder/values.before" "$folder/values.after" || broken=yes
if [ -n "$broken" ]; then
    echo "a program compiled against the libvk of $tag would break: undo it, or give libvk a new SONAME"
    exit 1
fi
echo "libvk keeps the interface of $tag: $(wc -l <"$folder/values.before") enumerators and all that abidiff sees"
