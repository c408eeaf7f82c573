#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The image without symbols, and an assembler source that puts it into a program:
# embed.sh STRIP IMAGE STRIPPED SOURCE
set -eu
"$1" -o "$3" "$2"
case $3 in
/*) path=$3 ;;
*) path=$PWD/$3 ;;
esac
cat >"$4" <<END
    .section .rodata, "a", @progbits
    .balign 16
    .globl vkd_metal_image, vkd_metal_image_bytes
vkd_metal_image:
    .incbin "$path"
end:
    .balign 8
vkd_metal_image_bytes:
    .quad end - vkd_metal_image
    .section .note.GNU-stack, "", @progbits
END
