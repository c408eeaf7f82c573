/* SPDX-License-Identifier: Apache-2.0 */
/* Sources below folders, and where the imports of each are looked for. */
#ifndef VKD_FIND_H
#define VKD_FIND_H

#include "compiler/arena.h"

struct vkd_found_file {
    char *path;
    char *top; /* the folder it was found below, a beginning of its path; NULL: it was named itself */
};

/* A zeroed one is empty. */
struct vkd_found {
    struct vkd_found_file *files;
    uint32_t count;
    /* private */
    uint32_t room;
};

/*
 * Adds the file at that path, or every .vk file below the folder at it, in the
 * order of their names; what begins with a dot is left out. Returns false,
 * reported on standard error, when it cannot be read.
 */
bool vkd_find(struct vkd_found *found, const char *path);
void vkd_found_fini(struct vkd_found *found);

/*
 * The nearest folder, from that of the file up to `top`, below which lies all
 * that the file imports; its own when there is none. In the arena.
 */
const char *vkd_import_folder(const char *path, const char *top, struct vkc_arena *arena);

#endif
