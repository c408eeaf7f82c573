/* SPDX-License-Identifier: Apache-2.0 */
/*
 * embed PROGRAM.vk OUT.S
 *
 * A part of the build: compiles the program that comes with the simulator, and
 * writes its module as data.
 */
#include "vkd/complain.h"
#include "vkd/load.h"

#include <stdio.h>
#include <string.h>

static void write_bytes(FILE *to, const struct vkc_text *file)
{
    fprintf(to, "    .section .rodata\n    .globl vkd_sim_module, vkd_sim_module_end\nvkd_sim_module:\n");
    for (size_t i = 0; i < file->len; i++)
        fprintf(to, i % 16 == 0 ? "    .byte %u" : i % 16 == 15 ? ", %u\n" : ", %u", (uint8_t)file->bytes[i]);
    fprintf(to, "\nvkd_sim_module_end:\n    .section .note.GNU-stack, \"\", @progbits\n");
}

int main(int argc, char **argv)
{
    struct vkd_loaded loaded = {0};
    vkd_speaker = "embed";
    if (argc != 3 || !vkd_load_module(argv[1], &loaded))
        return 1;
    FILE *to = fopen(argv[2], "w");
    if (to == NULL) {
        vkd_complain("%s: it cannot be written", argv[2]);
        return 1;
    }
    write_bytes(to, &loaded.file);
    bool is_good = ferror(to) == 0;
    is_good = fclose(to) == 0 && is_good;
    vkd_unload(&loaded);
    return is_good ? 0 : 1;
}
