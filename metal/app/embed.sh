#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The packed image without symbols, the names of the functions in what was packed,
# and an assembler source that puts both into a program:
# embed.sh STRIP NM PACKED IMAGE STRIPPED NAMES SOURCE
set -eu
absolute() {
    case $1 in
    /*) echo "$1" ;;
    *) echo "$PWD/$1" ;;
    esac
}

"$1" -o "$5" "$3"
# Lines "ADDRESS NAME", ascending; the last address, without a name, is the end of the code.
"$2" -n --defined-only "$4" | sed -n -e '/ metal_rodata_start$/{s/ .*//;s/^0*//p;q;}' \
    -e 's/^0*\([0-9a-f]*\) [tT] \(.*\)$/\1 \2/p' >"$6"
cat >"$7" <<END
    .section .rodata, "a", @progbits
    .balign 16
    .globl vkd_metal_image, vkd_metal_image_bytes, vkd_metal_names
vkd_metal_image:
    .incbin "$(absolute "$5")"
end:
    .balign 8
vkd_metal_image_bytes:
    .quad end - vkd_metal_image
vkd_metal_names:
    .incbin "$(absolute "$6")"
    .byte 0
    .section .note.GNU-stack, "", @progbits
END
