/* SPDX-License-Identifier: Apache-2.0 */
#include "compiler/intern.h"

#define ROOM_FIRST 256u

static uint32_t hash_of(const char *text, size_t len_bytes)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < len_bytes; i++)
        hash = (hash ^ (uint8_t)text[i]) * 16777619u;
    return hash;
}

void vkc_names_init(struct vkc_names *names, struct vkc_arena *arena)
{
    *names = (struct vkc_names){.arena = arena};
}

void vkc_names_fini(struct vkc_names *names)
{
    vkc_free(names->slots);
    *names = (struct vkc_names){0};
}

/* The slot of that text, or the empty one where it belongs. */
static const struct vkc_name **find(const struct vkc_names *names, uint32_t hash, const char *text,
                                    size_t len)
{
    uint32_t at = hash & (names->room - 1);
    while (names->slots[at] != NULL) {
        const struct vkc_name *name = names->slots[at];
        if (name->hash == hash && name->len == len && memcmp(name->text, text, len) == 0)
            break;
        at = (at + 1) & (names->room - 1);
    }
    return &names->slots[at];
}

static void widen(struct vkc_names *names)
{
    struct vkc_names old = *names;
    names->room = old.room != 0 ? old.room * 2 : ROOM_FIRST;
    names->slots = vkc_grow(NULL, names->room * sizeof *names->slots);
    memset(names->slots, 0, names->room * sizeof *names->slots);
    for (uint32_t i = 0; i < old.room; i++) {
        const struct vkc_name *name = old.slots[i];
        if (name != NULL)
            *find(names, name->hash, name->text, name->len) = name;
    }
    vkc_free(old.slots);
}

const struct vkc_name *vkc_intern(struct vkc_names *names, const char *text, size_t len_bytes)
{
    if (names->count * 4 >= names->room * 3)
        widen(names);
    uint32_t hash = hash_of(text, len_bytes);
    const struct vkc_name **slot = find(names, hash, text, len_bytes);
    if (*slot == NULL) {
        struct vkc_name *name = vkc_arena_take(names->arena, sizeof *name + len_bytes + 1);
        name->hash = hash;
        name->len = (uint32_t)len_bytes;
        memcpy(name->text, text, len_bytes);
        *slot = name;
        names->count++;
    }
    return *slot;
}

const struct vkc_name *vkc_intern_text(struct vkc_names *names, const char *text)
{
    return vkc_intern(names, text, strlen(text));
}

bool vkc_name_is(const struct vkc_name *name, const char *text)
{
    return name != NULL && strcmp(name->text, text) == 0;
}
