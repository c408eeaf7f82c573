/* SPDX-License-Identifier: Apache-2.0 */
#include "vkd/load.h"

#include "compiler/asset.h"
#include "compiler/check.h"
#include "compiler/lower.h"
#include "vk/limits.h"
#include "vkd/command.h"
#include "vkd/complain.h"
#include "vkd/find.h"
#include "vkd/trial.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define WHY_BYTES 4096u /* of a message, paths in it */

const struct interp_hosts vkd_no_host = {.is_late = true};

void vkd_print_diags(const struct vkc_program *program)
{
    struct vkc_text text = {0};
    const char *no_colour = getenv("NO_COLOR");
    vkc_diags_print(&program->diags, isatty(STDERR_FILENO) && (no_colour == NULL || no_colour[0] == '\0'),
                    &text);
    if (text.len > 0)
        fwrite(text.bytes, 1, text.len, stderr);
    vkc_text_fini(&text);
}

/* Whether two names are of one file. */
static bool is_same_file(const char *a, const char *b)
{
    struct stat of_a, of_b;
    return stat(a, &of_a) == 0 && stat(b, &of_b) == 0 && of_a.st_dev == of_b.st_dev &&
           of_a.st_ino == of_b.st_ino;
}

static bool compile(const char *path, struct vkd_loaded *l)
{
    struct vkc_program program;
    vkc_program_init(&program);
    program.has_tests = l->has_tests;
    if (l->top != NULL)
        program.folder = vkd_import_folder(path, l->top, &program.arena);
    bool is_good = vkc_check(&program, path) && vkc_lower(program.checked, &l->file);
    vkd_print_diags(&program);
    for (uint32_t i = 0; i < program.sources.count && l->out != NULL; i++)
        l->reads_out |= is_same_file(program.sources.all[i]->path, l->out);
    for (const struct vkc_asset *asset = program.assets; asset != NULL && l->out != NULL; asset = asset->next)
        l->reads_out |= is_same_file(asset->path, l->out);
    vkc_checked_fini(program.checked);
    vkc_program_fini(&program);
    return is_good;
}

static bool read_file(const char *path, struct vkc_text *file)
{
    char piece[4096];
    size_t len;
    FILE *from = fopen(path, "rb");
    if (from == NULL) {
        vkd_complain("%s: %s", path, strerror(errno));
        return false;
    }
    while ((len = fread(piece, 1, sizeof piece, from)) > 0)
        vkc_text_add(file, piece, len);
    bool is_good = !ferror(from);
    if (!is_good)
        vkd_complain("%s: it cannot be read", path);
    fclose(from);
    return is_good;
}

bool vkd_ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static bool get_module(const char *path, struct vkd_loaded *l)
{
    if (l->given.len == 0)
        return vkd_ends_with(path, ".vkb") ? read_file(path, &l->file) : compile(path, l);
    vkc_text_add(&l->file, (const char *)l->given.ptr, l->given.len);
    return true;
}

/* What is chosen at random, when it is not as the system gives it. */
static struct interp_hash_key key_of(uint64_t seed)
{
    struct interp_hash_key key;
    uint64_t words[sizeof key / 8] = {0};
    for (size_t i = 0; i < VK_COUNT(words); i++)
        words[i] = seed += 0x9e3779b97f4a7c15u;
    memcpy(&key, words, sizeof key);
    return key;
}

static void *memory_alloc(void *ctx, size_t len_bytes)
{
    (void)ctx;
    return vkc_grow(NULL, len_bytes);
}

static void memory_free(void *ctx, void *memory, size_t len_bytes)
{
    (void)ctx, (void)len_bytes;
    free(memory);
}

static void log_value(void *ctx, struct vk_span line)
{
    (void)ctx;
    vkd_complain("%.*s", (int)line.len, (const char *)line.ptr);
}

/* With a seed, the clocks are those of the simulation. */
static struct vkd_verified_options options_of(const char *path, const struct vkd_loaded *l)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (struct vkd_verified_options){
        .memory = {memory_alloc, memory_free, NULL},
        .hosts = l->hosts,
        .host_advice = "; a program that embeds the kernel supplies it (docs/embedding.md)",
        .name = path,
        .wall_s = l->seed != 0 ? VKD_TRIAL_EPOCH_S : time(NULL),
        .now_ns = l->seed != 0 ? 0 : (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec,
        .log = l->is_silent ? NULL : log_value};
}

/* Whether rc is good; why says it otherwise. */
static bool or_complain(int rc, const struct vk_out *why)
{
    struct vk_span words = vk_out_span(why);
    if (rc != 0)
        vkd_complain("%.*s", (int)words.len, (const char *)words.ptr);
    return rc == 0;
}

bool vkd_load_module(const char *path, struct vkd_loaded *l)
{
    char text[WHY_BYTES];
    struct vk_out why;
    const struct vkd_verified_options options = options_of(path, l);
    vk_out_init(&why, text, sizeof text);
    return get_module(path, l) &&
           or_complain(vkd_verified_open(&l->code, vk_span(l->file.bytes, l->file.len), &options, &why),
                       &why);
}

bool vkd_load_image(const char *path, const struct interp_native *const *natives, struct vkd_loaded *l)
{
    char text[WHY_BYTES];
    struct vk_out why;
    if (!vkd_load_module(path, l))
        return false;
    const struct interp_hash_key key = key_of(l->seed);
    struct vkd_verified_options options = options_of(path, l);
    options.natives = natives;
    options.hash_key = l->seed != 0 ? &key : NULL;
    vk_out_init(&why, text, sizeof text);
    return or_complain(vkd_verified_lay_out(&l->code, &options, &why), &why);
}

bool vkd_load_host(const char *path, const struct interp_native *const *natives, struct vkd_loaded *l)
{
    struct interp_refusal refusal = {0};
    if (!vkd_load_image(path, natives, l))
        return false;
    size_t len = VK_ALIGN_UP(net_bind_host_bytes(&l->code.module), (size_t)64);
    l->host_memory = aligned_alloc(64, len);
    if (l->host_memory == NULL) {
        vkd_complain("%s: out of memory", path);
        return false;
    }
    memset(l->host_memory, 0, len);
    if (net_bind_host_init(&l->host, &l->code.image, l->host_memory, &refusal) == 0)
        return true;
    if (refusal.at)
        vkd_complain("%s:%u: it cannot be served: %s", path, refusal.at, refusal.why);
    else
        vkd_complain("%s: it cannot be served: %s", path, refusal.why);
    return false;
}

void vkd_unload(struct vkd_loaded *l)
{
    free(l->host_memory);
    vkd_verified_fini(&l->code);
    vkc_text_fini(&l->file);
    *l = (struct vkd_loaded){0};
}
