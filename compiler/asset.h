/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that a program carries: read when it is compiled, each once, from the
 * folder of the source that names them or a folder below it. What `embed` and
 * its kin stand for.
 */
#ifndef COMPILER_ASSET_H
#define COMPILER_ASSET_H

#include "compiler/types.h"

struct vkc_pass;

#define VKC_ASSET_TAG_LEN 34u /* of an ETag: 32 hex digits in quotes */

struct vkc_asset {
    const char *path; /* as the system knows it, without links */
    const uint8_t *bytes;
    uint32_t len_bytes;
    uint32_t bad_at;                 /* where it stops being UTF-8; len_bytes: it is all UTF-8 */
    const char *type;                /* its Content-Type, by the end of its name */
    char tag[VKC_ASSET_TAG_LEN + 1]; /* its ETag: the same for the same bytes, whatever the name */
    struct vkc_asset *next;
};

/* The file that the call of `embed`, `embed_bytes` or `asset` names is read into call->asset; told when it
 * cannot be. */
void vkc_asset_find(struct vkc_pass *pass, struct vkc_call *call, struct vkc_span span);

#endif
