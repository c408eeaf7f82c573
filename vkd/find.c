/* SPDX-License-Identifier: Apache-2.0 */
#include "vkd/find.h"

#include "compiler/program.h"
#include "vkd/complain.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *copy(const char *text)
{
    size_t len = strlen(text) + 1;
    return memcpy(vkc_grow(NULL, len), text, len);
}

static void add(struct vkd_found *found, const char *path, const char *top)
{
    if (found->count == found->room) {
        found->room = found->room != 0 ? found->room * 2 : 16;
        found->files = vkc_grow(found->files, found->room * sizeof *found->files);
    }
    found->files[found->count++] = (struct vkd_found_file){copy(path), top != NULL ? copy(top) : NULL};
}

static bool complain(const char *path)
{
    vkd_complain("%s: %s", path, strerror(errno));
    return false;
}

/* ---- walking ---------------------------------------------------------------------- */

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static bool is_source(const char *name)
{
    size_t len = strlen(name);
    return len > 3 && strcmp(name + len - 3, ".vk") == 0;
}

/* prefix: the folder with its slash, or nothing for the current one. Links to folders are not followed. */
static bool walk(struct vkd_found *found, const char *prefix, const char *top)
{
    struct dirent **entries;
    int count = scandir(prefix[0] != '\0' ? prefix : ".", &entries, is_visible, alphasort);
    bool is_good = count >= 0 || complain(prefix);
    for (int i = 0; i < count; i++) {
        struct vkc_text path = {0};
        struct stat about;
        vkc_text_print(&path, "%s%s", prefix, entries[i]->d_name);
        if (lstat(path.bytes, &about) == 0 && S_ISDIR(about.st_mode)) {
            vkc_text_put(&path, "/");
            is_good &= walk(found, path.bytes, top);
        } else if (is_source(entries[i]->d_name)) {
            add(found, path.bytes, top);
        }
        vkc_text_fini(&path);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return is_good;
}

bool vkd_find(struct vkd_found *found, const char *path)
{
    struct stat about;
    struct vkc_text prefix = {0};
    if (stat(path, &about) != 0)
        return complain(path);
    if (!S_ISDIR(about.st_mode)) {
        if (access(path, R_OK) != 0)
            return complain(path);
        add(found, path, NULL);
        return true;
    }
    vkc_text_put(&prefix, strcmp(path, ".") == 0 ? "" : path);
    if (prefix.len > 0 && prefix.bytes[prefix.len - 1] != '/')
        vkc_text_put(&prefix, "/");
    bool is_good = walk(found, prefix.len > 0 ? prefix.bytes : "", prefix.len > 0 ? prefix.bytes : "");
    vkc_text_fini(&prefix);
    return is_good;
}

void vkd_found_fini(struct vkd_found *found)
{
    for (uint32_t i = 0; i < found->count; i++) {
        free(found->files[i].path);
        free(found->files[i].top);
    }
    free(found->files);
    *found = (struct vkd_found){0};
}

/* ---- imports --------------------------------------------------------------------------- */

static bool has_file(const struct vkc_import *import, const char *path, size_t folder_bytes)
{
    struct vkc_text text = {0};
    vkc_text_add(&text, path, folder_bytes);
    for (uint32_t i = 0; i < import->path.count; i++)
        vkc_text_print(&text, "%s%s", i > 0 ? "/" : "",
                       import->path.items[i].name != NULL ? import->path.items[i].name->text : "?");
    vkc_text_put(&text, ".vk");
    bool is_there = access(text.bytes, F_OK) == 0;
    vkc_text_fini(&text);
    return is_there;
}

static bool has_all(const struct vkc_module *module, const char *path, size_t folder_bytes)
{
    for (uint32_t i = 0; i < module->imports_count; i++)
        if (!has_file(&module->imports[i], path, folder_bytes))
            return false;
    return true;
}

/* Length of the path's folder within its first len_bytes, slash included. */
static size_t folder_of(const char *path, size_t len_bytes)
{
    while (len_bytes > 0 && path[len_bytes - 1] != '/')
        len_bytes--;
    return len_bytes;
}

const char *vkd_import_folder(const char *path, const char *top, struct vkc_arena *arena)
{
    struct vkc_program program;
    const char *why;
    size_t own = folder_of(path, strlen(path)), least = strlen(top), chosen = own, at = own;
    vkc_program_init(&program);
    struct vkc_source *source = vkc_source_read(&program.sources, path, &why);
    const struct vkc_module *module = source != NULL ? vkc_program_parse(&program, source) : NULL;
    while (module != NULL && at > least && !has_all(module, path, at))
        at = folder_of(path, at - 1);
    if (module != NULL && has_all(module, path, at))
        chosen = at;
    vkc_program_fini(&program);
    return vkc_arena_text(arena, path, chosen);
}
