/* SPDX-License-Identifier: Apache-2.0 */
#include "vkd/load.h"

#include "compiler/asset.h"
#include "compiler/check.h"
#include "compiler/lower.h"
#include "interp/freeze.h"
#include "interp/verify.h"
#include "vk/limits.h"
#include "vkd/command.h"
#include "vkd/complain.h"
#include "vkd/find.h"
#include "vkd/trial.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

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

/* By the verifier: the module is open. */
static bool refused(const char *path, const struct vkd_loaded *l, const struct interp_refusal *refusal)
{
    if (refusal->function < l->module.counts[INTERP_SECTION_FUNCTIONS])
        vkd_complain("%s: the module is refused: %s (function %u %s, instruction %u)", path, refusal->why,
                     refusal->function,
                     interp_module_name(&l->module, l->module.functions[refusal->function].name),
                     refusal->at);
    else
        vkd_complain("%s: the module is refused: %s (entry %u of its section)", path, refusal->why,
                     refusal->at);
    return false;
}

static bool get_module(const char *path, struct vkd_loaded *l)
{
    if (l->given.len == 0)
        return vkd_ends_with(path, ".vkb") ? read_file(path, &l->file) : compile(path, l);
    vkc_text_add(&l->file, (const char *)l->given.ptr, l->given.len);
    return true;
}

bool vkd_load_module(const char *path, struct vkd_loaded *l)
{
    struct interp_refusal refusal = {0};
    if (!get_module(path, l))
        return false;
    if (interp_module_open(&l->module, l->file.bytes, l->file.len, &refusal)) {
        vkd_complain("%s: the module is refused: %s", path, refusal.why);
        return false;
    }
    void *scratch = vkc_grow(NULL, interp_verify_scratch_bytes(&l->module) + 1);
    int rc = interp_verify(&l->module, scratch, &refusal);
    free(scratch);
    return rc ? refused(path, l, &refusal) : true;
}

static bool unknown_native(const char *path, const struct vkd_loaded *l, const struct interp_refusal *refusal)
{
    const char *name = "?";
    char host[512];
    struct vk_out out;
    vk_out_init(&out, host, sizeof host);
    if (interp_host_explain(&l->module, l->hosts, refusal->at, &out)) {
        vkd_complain("%s: %.*s; a program that embeds the kernel supplies it (docs/embedding.md)", path,
                     (int)(out.at - (uint8_t *)host), host);
        return false;
    }
    if (refusal->at < l->module.counts[INTERP_SECTION_NATIVES])
        name = interp_module_name(&l->module, l->module.natives[refusal->at].name);
    if (strncmp(name, "test.", 5) == 0)
        vkd_complain("%s: it was built with its tests, which make requests: `vkd test` runs them", path);
    else
        vkd_complain("%s: this version cannot run it: %s (%s)", path, refusal->why, name);
    return false;
}

/* The seed's own, so that runs repeat; else as the system gives it. */
static bool make_key(const struct vkd_loaded *l, struct interp_hash_key *key)
{
    uint64_t words[sizeof *key / 8] = {0}, state = l->seed;
    for (size_t i = 0; i < VK_COUNT(words); i++)
        words[i] = state += 0x9e3779b97f4a7c15u;
    memcpy(key, words, sizeof *key);
    if (l->seed != 0 || getrandom(key, sizeof *key, 0) == (ssize_t)sizeof *key)
        return true;
    vkd_complain("the system gives no random numbers: %s", strerror(errno));
    return false;
}

/* Pages that are not touched cost nothing. */
static void *reserve(const char *path, size_t len)
{
    void *memory =
        mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory != MAP_FAILED)
        return memory;
    vkd_complain("%s: no room of %zu bytes: %s", path, len, strerror(errno));
    return NULL;
}

static void log_value(void *context, struct vk_span line)
{
    (void)context;
    vkd_complain("%.*s", (int)line.len, (const char *)line.ptr);
}

/* The clocks as values see them; with a seed, those of the simulation. */
static void set_clocks(const struct vkd_loaded *l, struct interp_freeze_options *options)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    options->now_ns = l->seed ? 0 : (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    options->wall_s = l->seed ? VKD_TRIAL_EPOCH_S : time(NULL);
}

static bool evaluate(const char *path, struct vkd_loaded *l)
{
    struct interp_freeze_refusal refusal = {.file = ""};
    struct interp_freeze_options options = {.heap = reserve(path, INTERP_FREEZE_HEAP_BYTES),
                                            .heap_bytes = INTERP_FREEZE_HEAP_BYTES,
                                            .log = l->is_silent ? NULL : log_value};
    if (options.heap == NULL)
        return false;
    set_clocks(l, &options);
    int rc = interp_freeze(&l->image, &options, &refusal);
    (void)munmap(options.heap, INTERP_FREEZE_HEAP_BYTES);
    if (rc == 0)
        return true;
    /* A file of several is named from the folder of the first. */
    const char *slash = strrchr(path, '/');
    int folder_len = *refusal.file && slash != NULL ? (int)(slash + 1 - path) : 0;
    vkd_complain("%.*s%s:%u: the top-level value `%s` cannot be computed: %.*s", folder_len, path,
                 *refusal.file ? refusal.file : path, refusal.line, refusal.let, (int)refusal.why_len,
                 refusal.why);
    return false;
}

/* Nobody writes the image any more, and room that nothing was frozen into is given back. */
static bool seal(const char *path, struct vkd_loaded *l)
{
    size_t used = VK_ALIGN_UP(interp_image_used_bytes(&l->image, l->memory), (size_t)VK_PAGE_BYTES);
    if (used < l->memory_bytes && munmap((uint8_t *)l->memory + used, l->memory_bytes - used) == 0)
        l->memory_bytes = used;
    if (mprotect(l->memory, l->memory_bytes, PROT_READ) == 0)
        return true;
    vkd_complain("%s: the image cannot be protected: %s", path, strerror(errno));
    return false;
}

bool vkd_load_image(const char *path, const struct interp_native *const *natives, struct vkd_loaded *l)
{
    struct interp_image_options options = {.natives = natives, .hosts = l->hosts};
    struct interp_refusal refusal = {0};
    if (!vkd_load_module(path, l) || !make_key(l, &options.hash_key))
        return false;
    bool has_lets = interp_freeze_count(&l->module) > 0;
    options.lets_bytes = has_lets ? INTERP_LETS_MAX_BYTES : 0;
    size_t len = VK_ALIGN_UP(interp_image_bytes(&l->module, options.lets_bytes), (size_t)VK_PAGE_BYTES);
    void *memory = reserve(path, len);
    if (memory == NULL)
        return false;
    l->memory = memory;
    l->memory_bytes = len;
    if (interp_image_init(&l->image, &l->module, memory, &options, &refusal))
        return unknown_native(path, l, &refusal);
    return (!has_lets || evaluate(path, l)) && seal(path, l);
}

bool vkd_load_host(const char *path, const struct interp_native *const *natives, struct vkd_loaded *l)
{
    struct interp_refusal refusal = {0};
    if (!vkd_load_image(path, natives, l))
        return false;
    size_t len = VK_ALIGN_UP(net_bind_host_bytes(&l->module), (size_t)64);
    l->host_memory = aligned_alloc(64, len);
    if (l->host_memory == NULL) {
        vkd_complain("%s: out of memory", path);
        return false;
    }
    memset(l->host_memory, 0, len);
    if (net_bind_host_init(&l->host, &l->image, l->host_memory, &refusal) == 0)
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
    if (l->memory != NULL)
        (void)munmap(l->memory, l->memory_bytes);
    vkc_text_fini(&l->file);
    *l = (struct vkd_loaded){0};
}
