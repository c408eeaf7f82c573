/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One compilation: its memory, names, files, messages and modules. Every pass
 * works on this; nothing of it outlives fini.
 */
#ifndef COMPILER_PROGRAM_H
#define COMPILER_PROGRAM_H

#include "compiler/ast.h"
#include "compiler/diag.h"

struct vkc_asset;
struct vkc_checked;

struct vkc_program {
    struct vkc_arena arena;
    struct vkc_names names;
    struct vkc_sources sources;
    struct vkc_diags diags;
    struct vkc_module **modules; /* the first file's first; in the arena */
    uint32_t modules_count;
    const char *folder; /* likewise: where imports are looked for, a beginning of the first file's path; NULL:
                           its own */
    bool has_tests;     /* set by the caller: the tests of the first file go into the module */
    bool has_no_files;  /* likewise: sources come from the caller, and nothing can be embedded */
    struct vkc_asset *assets;    /* compiler/asset.h: the files it carries, the last one first */
    uint32_t assets_bytes;       /* of all of them */
    struct vkc_checked *checked; /* compiler/types.h; NULL before it was analysed */
};

void vkc_program_init(struct vkc_program *program);
void vkc_program_fini(struct vkc_program *program);

/* Parses a source and appends its module, whole or with BAD nodes where there were errors. */
struct vkc_module *vkc_program_parse(struct vkc_program *program, struct vkc_source *source);

#endif
