/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvkc: a compilation inside somebody else's program. Everything it takes
 * is given back by compiler/memory.h, and the thread has the C locale
 * meanwhile: numbers in sources are written with a point everywhere.
 */
#include "vk/err.h" /* before vk.h, which has the same errors for those outside */

#include "include/vkc.h"

#include "compiler/check.h"
#include "compiler/lower.h"
#include "compiler/types.h"
#include "vk/limits.h"

#include <locale.h>
#include <stdlib.h>

#define RESULT_ALIGN_BYTES 64u
#define OPTIONS_MIN_BYTES \
    (offsetof(struct vkc_options, has_tests) + sizeof(bool)) /* of version 0.1, by its last field */

struct job {
    struct vkc_options options;
    const char *path;
    const char *source; /* NULL: a file */
    size_t source_bytes;
    int rc;
    void *bytes;
    size_t len_bytes;
    /* private to the run */
    struct vkc_program program;
    struct vkc_text text;
};

/* ---- memory ----------------------------------------------------------------------- */

static void *default_alloc(void *context, size_t len_bytes, size_t align_bytes)
{
    (void)context;
    return aligned_alloc(align_bytes, VK_ALIGN_UP(len_bytes, align_bytes));
}

static void default_free(void *context, void *memory, size_t len_bytes)
{
    (void)context;
    (void)len_bytes;
    free(memory);
}

/* Options as this library has them: what an older one lacks is zero, as must be what a newer one has. */
static int take_options(const struct vkc_options *options, struct vkc_options *ret)
{
    size_t size = options != NULL ? options->size : 0;
    *ret = (struct vkc_options){.size = sizeof *ret};
    if (options == NULL)
        return 0;
    if (size < OPTIONS_MIN_BYTES || size > VK_LIB_OPTIONS_MAX_BYTES)
        return -VK_EINVAL;
    for (size_t i = sizeof *ret; i < size; i++)
        if (((const uint8_t *)options)[i] != 0)
            return -VK_ENOTSUP;
    memcpy(ret, options, size < sizeof *ret ? size : sizeof *ret);
    return 0;
}

static int read_options(const struct vkc_options *options, struct vkc_options *ret)
{
    int rc = take_options(options, ret);
    if (rc != 0)
        return rc;
    if ((ret->allocator.alloc == NULL) != (ret->allocator.free == NULL))
        return -VK_EINVAL;
    if (ret->allocator.alloc == NULL)
        ret->allocator = (struct vk_allocator){default_alloc, default_free, NULL};
    return 0;
}

/* ---- what is told --------------------------------------------------------------------- */

static void tell(void *context, const struct vkc_diag *diag, struct vkc_place place, const char *text)
{
    const struct job *job = context;
    const struct vkc_message message = {.size = sizeof message,
                                        .level = diag->level == VKC_DIAG_ERROR ? VKC_LEVEL_ERROR
                                                                               : VKC_LEVEL_WARNING,
                                        .path = place.source != NULL ? place.source->path : NULL,
                                        .line = place.source != NULL ? place.line : 0,
                                        .column = place.source != NULL ? place.column : 0,
                                        .what = diag->text,
                                        .text = text};
    job->options.message(job->options.context, &message);
}

/* ---- a compilation ---------------------------------------------------------------------- */

static struct vkc_source *import(struct vkc_program *program, const char *path, const char **ret_why,
                                 void *context)
{
    const struct job *job = context;
    const char *slash = strrchr(job->path, '/'), *text;
    size_t folder = slash != NULL ? (size_t)(slash + 1 - job->path) : 0, len;
    *ret_why = "there is no such module";
    if (job->options.import == NULL ||
        job->options.import(job->options.context, path + folder, &text, &len) != 0)
        return NULL;
    *ret_why = "it is longer than 1 MiB, the most a source file may have";
    return vkc_source_add(&program->sources, path, text, len);
}

static bool check_memory(struct job *job)
{
    struct vkc_program *program = &job->program;
    struct vkc_source *source = vkc_source_add(&program->sources, job->path, job->source, job->source_bytes);
    program->has_no_files = true;
    if (source != NULL)
        return vkc_check_loaded(program, source, import, job);
    vkc_error(&program->diags, (struct vkc_span){0, 0},
              "%s is longer than 1 MiB, the most a source file may have", job->path);
    return false;
}

static void run(void *arg)
{
    struct job *job = arg;
    vkc_program_init(&job->program);
    job->program.has_tests = job->options.has_tests;
    bool is_good = job->source != NULL ? check_memory(job) : vkc_check(&job->program, job->path);
    is_good = is_good && vkc_lower(job->program.checked, &job->text);
    if (job->options.message != NULL)
        vkc_diags_each(&job->program.diags, tell, job);
    job->rc = is_good ? 0 : -VK_EMALFORMED;
    if (!is_good)
        return;
    const struct vk_allocator *allocator = &job->options.allocator;
    job->bytes = allocator->alloc(allocator->context, job->text.len, RESULT_ALIGN_BYTES);
    job->rc = job->bytes != NULL ? 0 : -VK_ENOMEM;
    job->len_bytes = job->text.len;
    if (job->bytes != NULL)
        memcpy(job->bytes, job->text.bytes, job->text.len);
}

static int compile(struct job *job, const struct vkc_options *options, void **ret_bytes,
                   size_t *ret_len_bytes)
{
    int rc = read_options(options, &job->options);
    if (rc)
        return rc;
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (plain == (locale_t)0)
        return -VK_ENOMEM;
    locale_t before = uselocale(plain);
    struct vkc_memory memory = {.alloc = job->options.allocator.alloc,
                                .free = job->options.allocator.free,
                                .context = job->options.allocator.context};
    bool has_room = vkc_memory_run(&memory, run, job);
    (void)uselocale(before);
    freelocale(plain);
    if (!has_room)
        return -VK_ENOMEM;
    if (job->rc == 0) {
        *ret_bytes = job->bytes;
        *ret_len_bytes = job->len_bytes;
    }
    return job->rc;
}

int vkc_compile(const char *path, const char *source, size_t source_bytes, const struct vkc_options *options,
                void **ret_bytes, size_t *ret_len_bytes)
{
    struct job job = {.path = path, .source = source, .source_bytes = source_bytes};
    return compile(&job, options, ret_bytes, ret_len_bytes);
}

int vkc_compile_file(const char *path, const struct vkc_options *options, void **ret_bytes,
                     size_t *ret_len_bytes)
{
    struct job job = {.path = path};
    return compile(&job, options, ret_bytes, ret_len_bytes);
}

void vkc_release(void *bytes, size_t len_bytes, const struct vkc_options *options)
{
    struct vkc_options known;
    if (bytes == NULL || read_options(options, &known) != 0)
        return;
    known.allocator.free(known.allocator.context, bytes, len_bytes);
}
